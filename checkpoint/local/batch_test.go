package local_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/unmeasured"
)

// TestRefusedUpdates says which updates no call may carry, and that a call with one of them
// changes nothing: each case is sent behind a good update.
func TestRefusedUpdates(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("a", n) }
	with := func(u checkpoint.Update, f func(u *checkpoint.Update)) checkpoint.Update {
		f(&u)
		return u
	}
	const constraint = "failed to satisfy constraint"
	failure := func(f checkpoint.Failure) checkpoint.Update {
		return with(stepFail("x", ""), func(u *checkpoint.Update) { u.Failure = &f })
	}
	for _, tt := range []struct {
		reason string
		before []checkpoint.Update // in a call of its own
		update checkpoint.Update
		want   string
	}{
		{"an ID is required", nil, stepStart(""), constraint},
		{"an ID has at most 64 characters", nil, stepStart(long(65)), constraint},
		{"an ID has no other characters", nil, stepStart("a.b"), constraint},
		{"a parent has an ID", nil, below("a b", stepStart("x")), constraint},
		{
			"a name has at most 256 characters", nil,
			with(stepStart("x"), func(u *checkpoint.Update) { u.Name = long(257) }), constraint,
		},
		{
			"a name is printable ASCII", nil,
			with(stepStart("x"), func(u *checkpoint.Update) { u.Name = "é" }), constraint,
		},
		{
			"a subtype has at most 32 characters", nil,
			with(stepStart("x"), func(u *checkpoint.Update) { u.SubType = long(33) }), constraint,
		},
		{
			"a tenant has no other characters", nil,
			with(invokeStart("x", "f", "1"), func(u *checkpoint.Update) { u.Tenant = "#" }), constraint,
		},
		{"a wait needs a length", nil, waitStart("x", 0), "Invalid WaitOptions for the given action."},
		{"a wait lasts whole seconds", nil, waitStart("x", 1500*time.Millisecond), constraint},
		{"a wait is not negative", nil, waitStart("x", -time.Second), constraint},
		{"a wait lasts at most 366 days", nil, waitStart("x", 31_622_401*time.Second), constraint},
		{"a retry needs a delay", nil, stepRetry("x", 0, nil), "Invalid StepOptions for the given action."},
		{"a delay is in whole seconds", nil, stepRetry("x", time.Millisecond, nil), constraint},
		{
			"a timeout is not negative", nil,
			with(callbackStart("x"), func(u *checkpoint.Update) { u.Timeout = -time.Second }), constraint,
		},
		{
			"a heartbeat timeout is in whole seconds", nil,
			with(callbackStart("x"), func(u *checkpoint.Update) { u.Heartbeat = time.Millisecond }), constraint,
		},
		{"a chained invocation needs a function", nil, invokeStart("x", "", "1"), "Invalid ChainedInvokeOptions for the given action."},
		{"a function has a name", nil, invokeStart("x", "a b", "1"), "Invalid function name: a b"},
		{"a payload is UTF-8", nil, stepSucceed("x", "\xff"), constraint},
		{"an error is UTF-8", nil, failure(checkpoint.Failure{Message: "\xff"}), constraint},
		{"a stack is UTF-8", nil, failure(checkpoint.Failure{Stack: []string{"\xff"}}), constraint},
		{
			"a result is limited", nil, stepSucceed("x", long(1<<20+1)),
			"STEP output payload size must be less than or equal to 1048576 bytes.",
		},
		{
			"an input is limited", nil, invokeStart("x", "f", long(1<<20+1)),
			"CHAINED_INVOKE input payload size must be less than or equal to 1048576 bytes.",
		},
		{
			"all fields of an error together are limited", nil,
			failure(checkpoint.Failure{Message: long(1 << 19), Data: long(1 << 19), Stack: []string{"x"}}),
			"STEP error size must be less than or equal to 1048576 bytes.",
		},
		{
			"the result of the execution is limited", nil,
			checkpoint.Update{
				ID: "any", Kind: checkpoint.KindExecution, Action: checkpoint.ActionSucceed,
				Payload: checkpoint.TextPayload(long(6<<20 + 1)),
			},
			"EXECUTION output payload size must be less than or equal to 6291456 bytes.",
		},
		{
			"success has no error", nil,
			with(stepSucceed("x", "1"), func(u *checkpoint.Update) { u.Failure = &checkpoint.Failure{} }),
			"Cannot provide an Error for SUCCEED action.",
		},
		{
			"failure has no payload", nil,
			with(stepFail("x", ""), func(u *checkpoint.Update) { u.Payload = checkpoint.TextPayload("") }),
			"Cannot provide a Payload for FAIL action.",
		},
		{
			"a retry has an error or a state", nil,
			with(stepRetry("x", time.Second, &checkpoint.Failure{}), func(u *checkpoint.Update) { u.Payload = checkpoint.TextPayload("") }),
			"Cannot provide both error and payload to RETRY a STEP.",
		},
		{
			"the success of a context has no error", nil,
			with(contextSucceed("x", "1"), func(u *checkpoint.Update) { u.Failure = &checkpoint.Failure{} }),
			"Cannot provide an Error for SUCCEED action.",
		},
		{"a parent is known", nil, below("absent", stepStart("x")), "Invalid parent operation id."},
		{
			"a parent is a context",
			[]checkpoint.Update{stepStart("p")},
			below("p", stepStart("x")),
			"Invalid parent operation id.",
		},
		{
			"the type stays",
			[]checkpoint.Update{stepStart("x")},
			waitStart("x", time.Second), "Inconsistent operation type.",
		},
		{
			"the subtype stays",
			[]checkpoint.Update{stepStart("x")},
			with(stepSucceed("x", "1"), func(u *checkpoint.Update) { u.SubType = "Group" }), "Inconsistent operation subtype.",
		},
		{
			"a name is not given later",
			[]checkpoint.Update{with(stepStart("x"), func(u *checkpoint.Update) { u.Name = "" })},
			stepSucceed("x", "1"), "Inconsistent operation name.",
		},
		{
			"the name stays",
			[]checkpoint.Update{stepStart("x")},
			with(stepSucceed("x", "1"), func(u *checkpoint.Update) { u.Name = "y" }), "Inconsistent operation name.",
		},
		{
			"the parent stays",
			[]checkpoint.Update{contextStart("p"), stepStart("x")},
			below("p", stepSucceed("x", "1")), "Inconsistent parent operation id.",
		},
		{
			"the execution only ends", nil,
			checkpoint.Update{ID: "any", Kind: checkpoint.KindExecution, Action: checkpoint.ActionStart},
			"Invalid EXECUTION action.",
		},
		{
			"the ID of an operation is not the execution's",
			[]checkpoint.Update{stepStart("x")},
			checkpoint.Update{ID: "x", Kind: checkpoint.KindExecution, Action: checkpoint.ActionSucceed},
			"Inconsistent operation type.",
		},
		{"a type is known", nil, checkpoint.Update{ID: "x", Kind: "DREAM", Action: checkpoint.ActionStart}, "Invalid operation type 'DREAM'."},
		{"an action is known", nil, update(checkpoint.KindStep, "DREAM", "x"), "Invalid STEP action."},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var during *local.Execution
			s, _ := newVirtual(t)
			e := begin(t, s, function(func(k *talk) (string, error) {
				k.must(t, tt.before...)
				ops, events := during.Operations(), during.History()
				_, err := k.send(stepStart("good"), tt.update)
				if got := message(err); got != tt.want && (tt.want != constraint || !strings.Contains(got, constraint)) {
					t.Errorf("the service says %q, want %q", got, tt.want)
				}
				if diff := cmp.Diff(ops, during.Operations()); diff != "" {
					t.Errorf("the log has changed (-before +after):\n%s", diff)
				}
				if diff := cmp.Diff(events, during.History()); diff != "" {
					t.Errorf("the history has changed (-before +after):\n%s", diff)
				}
				k.must(t, stepStart("good"))
				return succeed(`1`), nil
			}), `{}`)
			during = e
			if err := e.RunUntilSuspended(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestUpdatesOfOneCall says which updates one call may carry together.
func TestUpdatesOfOneCall(t *testing.T) {
	t.Parallel()
	const twice = "Cannot checkpoint multiple operations with the same ID."
	end := checkpoint.Update{ID: "any", Kind: checkpoint.KindExecution, Action: checkpoint.ActionSucceed}
	for _, tt := range []struct {
		reason  string
		updates []checkpoint.Update
		want    string
	}{
		{"a step may end in the call that starts it", []checkpoint.Update{stepStart("s"), stepSucceed("s", "1")}, ""},
		{"or be retried", []checkpoint.Update{stepStart("s"), stepRetry("s", time.Second, nil)}, ""},
		{"other updates may come between", []checkpoint.Update{stepStart("s"), waitStart("w", time.Second), stepSucceed("s", "1")}, ""},
		{"a context may end in the call that starts it", []checkpoint.Update{contextStart("c"), contextSucceed("c", "1")}, ""},
		{"children may begin with their parent", []checkpoint.Update{contextStart("c"), below("c", stepStart("s"))}, ""},
		{"children may not come before it", []checkpoint.Update{below("c", stepStart("s")), contextStart("c")}, "Invalid parent operation id."},
		{"a context may enclose its children", []checkpoint.Update{contextStart("c"), below("c", stepSucceed("s", "1")), contextSucceed("c", "1")}, ""},
		{"a child may come after the end of its parent", []checkpoint.Update{contextSucceed("c", "1"), below("c", stepStart("s"))}, ""},
		{"two starts of one step", []checkpoint.Update{stepStart("s"), stepStart("s")}, twice},
		{"an end before the start", []checkpoint.Update{stepSucceed("s", "1"), stepStart("s")}, twice},
		{"two ends", []checkpoint.Update{stepSucceed("s", "1"), stepSucceed("s", "1")}, twice},
		{"three updates of one step", []checkpoint.Update{stepStart("s"), stepRetry("s", time.Second, nil), stepSucceed("s", "1")}, twice},
		{
			"two updates of one wait",
			[]checkpoint.Update{waitStart("w", time.Second), update(checkpoint.KindWait, checkpoint.ActionCancel, "w")},
			twice,
		},
		{"the end of the execution is last", []checkpoint.Update{end, stepStart("s")}, "EXECUTION checkpoint must be the last update."},
		{"and the only one", []checkpoint.Update{end, end}, "Cannot checkpoint multiple EXECUTION updates."},
		{"other updates may come before", []checkpoint.Update{stepStart("s"), end}, ""},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			inside(t, func(k *talk) string {
				if _, err := k.send(tt.updates...); message(err) != tt.want {
					t.Errorf("the service says %q, want %q", message(err), tt.want)
				}
				return `{"Status":"SUCCEEDED"}`
			})
		})
	}
}

func TestOperationLimit(t *testing.T) {
	t.Parallel()
	e := inside(t, func(k *talk) string {
		k.must(t, stepStart("a"), stepRetry("a", time.Second, nil)) // a retry counts as an operation
		_, err := k.send(stepStart("b"), stepStart("c"))
		if got, want := message(err), "The execution exceeded the limit of 3 operations."; got != want {
			t.Errorf("the service says %q, want %q", got, want)
		}
		k.must(t, stepStart("b"))
		return ""
	}, local.WithLimits(local.Limits{Operations: 3}))
	if got := e.Record().Metered; got != 3 {
		t.Errorf("%d operations are counted", got)
	}
}

func TestDataLimit(t *testing.T) {
	t.Parallel()
	inside(t, func(k *talk) string {
		k.must(t, stepSucceed("a", "12345"))
		_, err := k.send(stepFail("b", "12345"))
		if got, want := message(err), "The execution exceeded the limit of 12 bytes of stored data."; got != want {
			t.Errorf("the service says %q, want %q", got, want)
		}
		return ""
	}, local.WithLimits(local.Limits{DataBytes: 12}))
}

func TestStateKeptAtStart(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		var opts []local.Option
		if kept, ok := unmeasured.StateKeptAtStart().(local.Option); ok && keep {
			opts = append(opts, kept)
		}
		s, clock := newVirtual(t, opts...)
		e := begin(t, s, function(func(k *talk) (string, error) {
			carry := stepRetry("s", time.Second, nil)
			carry.Payload = checkpoint.TextPayload("5")
			k.must(t, stepStart("s"), carry)
			clock.Advance(time.Second)
			ops := k.must(t, stepStart("s"))
			if len(ops) != 1 || ops[0].Payload.Present() != keep {
				t.Errorf("kept %v: the reply holds %+v", keep, ops)
			}
			return succeed(`1`), nil
		}), `{}`)
		if err := e.RunUntilSuspended(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
