package local_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// calling returns a function that invokes the target and ends when the invocation has ended.
func calling(t *testing.T, u checkpoint.Update) function {
	t.Helper()
	return func(k *talk) (string, error) {
		if k.status(u.ID) == "" {
			k.must(t, u)
			return pending, nil
		}
		return succeed(`"called"`), nil
	}
}

// TestChainedInvocations says how a chained invocation ends.
func TestChainedInvocations(t *testing.T) {
	t.Parallel()
	plain := []local.HostOption{local.WithPlainFunction()}
	declined := `{"Status":"FAILED","Error":{"ErrorType":"CardError","ErrorMessage":"declined"}}`
	for _, tt := range []struct {
		reason  string
		target  local.Handler
		how     []local.HostOption
		status  checkpoint.Status
		payload string
		failure *checkpoint.Failure
		event   local.EventType
	}{
		{
			reason: "a durable function that succeeds",
			target: function(func(k *talk) (string, error) {
				if k.event.InitialExecutionState.Operations[0].ExecutionDetails.InputPayload != `{"sku":1}` {
					t.Error("the input has not arrived")
				}
				if k.status("w") == "" {
					k.must(t, waitStart("w", time.Hour))
					return pending, nil
				}
				return succeed(`"shipped"`), nil
			}),
			status: checkpoint.StatusSucceeded, payload: `"shipped"`, event: local.EventChainedInvokeSucceeded,
		},
		{
			reason: "a durable function that fails",
			target: function(func(*talk) (string, error) { return declined, nil }),
			status: checkpoint.StatusFailed, failure: &checkpoint.Failure{Type: "CardError", Message: "declined"},
			event: local.EventChainedInvokeFailed,
		},
		{
			reason: "a plain function is given the input itself", target: echo, how: plain,
			status: checkpoint.StatusSucceeded, payload: `{"sku":1}`, event: local.EventChainedInvokeSucceeded,
		},
		{
			reason: "a plain function that fails is not repeated", how: plain,
			target: local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no") }),
			status: checkpoint.StatusFailed, failure: &checkpoint.Failure{Type: "errorString", Message: "no"},
			event: local.EventChainedInvokeFailed,
		},
		{
			reason: "a plain function that panics", how: plain,
			target: local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { panic("no") }),
			status: checkpoint.StatusFailed, failure: &checkpoint.Failure{Type: "string", Message: "no"},
			event: local.EventChainedInvokeFailed,
		},
		{
			reason: "a plain function that answers no text", how: plain,
			target: local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte("\xff"), nil }),
			status: checkpoint.StatusFailed, event: local.EventChainedInvokeFailed,
			failure: &checkpoint.Failure{Type: "Runtime.MarshalError", Message: "the response is not valid UTF-8"},
		},
		{
			reason: "a function that is not hosted",
			status: checkpoint.StatusFailed, event: local.EventChainedInvokeFailed,
			failure: &checkpoint.Failure{Type: "ResourceNotFoundException", Message: "Function not found: target:7"},
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, _ := newVirtual(t)
			if tt.target != nil {
				if err := s.Host("target", tt.target, tt.how...); err != nil {
					t.Fatal(err)
				}
			}
			e := begin(t, s, calling(t, invokeStart("i", "target:7", `{"sku":1}`)), `{}`)
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			op, _ := e.Operation("i")
			if op.Status != tt.status || op.Payload.String() != tt.payload || !cmp.Equal(op.Failure, tt.failure) {
				t.Errorf("the record is %+v, failure %v", op, op.Failure)
			}
			var got []local.Event
			for _, ev := range e.History() {
				if ev.OperationID == "i" {
					got = append(got, ev)
				}
			}
			if len(got) != 2 || got[1].Type != tt.event || got[1].Result.String() != tt.payload || !cmp.Equal(got[1].Failure, tt.failure) {
				t.Fatalf("the events are %+v", got)
			}
			if got[0].Input.String() != `{"sku":1}` || got[0].Function != "target:7" {
				t.Errorf("the invocation started as %+v", got[0])
			}
			if tt.target == nil {
				return
			}
			if got[0].Version != "7" || !strings.Contains(got[0].Target, "function:target:7/durable-execution/") {
				t.Errorf("the target is %q of version %q", got[0].Target, got[0].Version)
			}
			if target, ok := s.Execution(got[0].Target); !ok || !target.Status().Terminal() {
				t.Error("the target has no execution of its own")
			}
		})
	}
}

func TestChainedInvocationOfATargetThatIsEnded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason  string
		end     func(target *local.Execution, clock *local.VirtualClock) error
		status  checkpoint.Status
		failure checkpoint.Failure
		event   local.EventType
	}{
		{
			"it is stopped",
			func(target *local.Execution, _ *local.VirtualClock) error {
				return target.Stop(&checkpoint.Failure{Message: "enough"})
			},
			checkpoint.StatusStopped,
			checkpoint.Failure{Message: "enough"},
			local.EventChainedInvokeStopped,
		},
		{
			"its own timeout passes",
			func(_ *local.Execution, clock *local.VirtualClock) error {
				clock.Advance(time.Minute)
				return nil
			},
			checkpoint.StatusTimedOut,
			checkpoint.Failure{Type: "Execution.Timeout", Message: "Execution timed out"},
			local.EventChainedInvokeTimedOut,
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, clock := newVirtual(t)
			target := function(func(k *talk) (string, error) {
				k.must(t, waitStart("w", time.Hour))
				return pending, nil
			})
			if err := s.Host("target", target, local.WithExecutionTimeout(time.Minute)); err != nil {
				t.Fatal(err)
			}
			e := begin(t, s, calling(t, invokeStart("i", "target", "1")), `{}`)
			if err := e.RunUntilSuspended(t.Context()); err != nil {
				t.Fatal(err)
			}
			running, ok := s.Execution(e.History()[1].Target)
			if !ok {
				t.Fatal("there is no target")
			}
			if err := tt.end(running, clock); err != nil {
				t.Fatal(err)
			}
			op, _ := e.Operation("i")
			if op.Status != tt.status || !cmp.Equal(op.Failure, &tt.failure) {
				t.Errorf("the record is %s, %v", op.Status, op.Failure)
			}
			last := e.History()[len(e.History())-1]
			if last.Type != tt.event || !cmp.Equal(last.Failure, &tt.failure) {
				t.Errorf("the last event is %+v", last)
			}
		})
	}
}

func TestTenantReachesTheTarget(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	var tenant string
	target := local.HandlerFunc(func(ctx context.Context, p []byte) ([]byte, error) {
		lc, _ := lambdacontext.FromContext(ctx)
		tenant = lc.TenantID
		return p, nil
	})
	if err := s.Host("target", target, local.WithPlainFunction()); err != nil {
		t.Fatal(err)
	}
	u := invokeStart("i", "target", "1")
	u.Tenant = "acme"
	e := begin(t, s, calling(t, u), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if tenant != "acme" || e.History()[1].Tenant != "acme" {
		t.Errorf("the tenant is %q, in the history %q", tenant, e.History()[1].Tenant)
	}
}

func TestCancelledInvocationIsNotAnswered(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	if err := s.Host("target", echo, local.WithPlainFunction()); err != nil {
		t.Fatal(err)
	}
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.status("w") == "" {
			k.must(t, invokeStart("i", "target", "1"), waitStart("w", time.Second))
			want(t, "the reply", k.must(t, update(checkpoint.KindChainedInvoke, checkpoint.ActionCancel, "i")), "i CANCELLED")
			return pending, nil
		}
		return succeed(`1`), nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if op, _ := e.Operation("i"); op.Status != checkpoint.StatusCancelled || e.Invocations() != 2 {
		t.Errorf("the invocation is %s after %d invocations", op.Status, e.Invocations())
	}
}

// TestInvocationsNest says that a chain of functions runs to its end.
func TestInvocationsNest(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	for _, f := range []struct{ name, next string }{{"a", "b"}, {"b", "c"}, {"c", "d"}} {
		if err := s.Host(f.name, calling(t, invokeStart("i", f.next, "1"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Host("d", function(func(*talk) (string, error) { return succeed("4"), nil })); err != nil {
		t.Fatal(err)
	}
	e, err := s.Start(t.Context(), "a", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Status() != local.StatusSucceeded || len(s.Executions()) != 4 {
		t.Errorf("the execution is %s, there are %d", e.Status(), len(s.Executions()))
	}
}
