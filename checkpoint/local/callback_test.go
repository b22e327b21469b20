package local_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// asking returns an execution that has started the callback "c" and is suspended, and the
// callback's ID. When the callback has ended, so does the execution.
func asking(t *testing.T, timeout, heartbeat time.Duration) (*local.Service, *local.VirtualClock, *local.Execution, string) {
	t.Helper()
	s, clock := newVirtual(t)
	u := callbackStart("c")
	u.Timeout, u.Heartbeat = timeout, heartbeat
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.status("c") == "" {
			ops := k.must(t, u)
			if len(ops) != 1 || ops[0].CallbackID == "" {
				t.Errorf("the reply has no callback ID: %+v", ops)
			}
			return pending, nil
		}
		return succeed(`1`), nil
	}), `{}`)
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	op, _ := e.Operation("c")
	return s, clock, e, op.CallbackID
}

// TestCallbacks says how a callback can end, and what record and history show.
func TestCallbacks(t *testing.T) {
	t.Parallel()
	declined := checkpoint.Failure{Type: "RejectedError", Message: "not approved"}
	for _, tt := range []struct {
		reason             string
		timeout, heartbeat time.Duration
		act                func(s *local.Service, clock *local.VirtualClock, id string) error
		status             checkpoint.Status
		payload            checkpoint.Payload
		failure            *checkpoint.Failure
		event              local.EventType
		after              time.Duration
	}{
		{
			reason: "a result is kept byte for byte",
			act: func(s *local.Service, _ *local.VirtualClock, id string) error {
				return s.CompleteCallback(id, []byte(`{"status": "approved"}`))
			},
			status: checkpoint.StatusSucceeded, payload: checkpoint.TextPayload(`{"status": "approved"}`),
			event: local.EventCallbackSucceeded,
		},
		{
			reason: "no result is none",
			act: func(s *local.Service, _ *local.VirtualClock, id string) error {
				return s.CompleteCallback(id, nil)
			},
			status: checkpoint.StatusSucceeded, event: local.EventCallbackSucceeded,
		},
		{
			reason: "a failure is kept as it was sent",
			act: func(s *local.Service, _ *local.VirtualClock, id string) error {
				return s.FailCallback(id, declined)
			},
			status: checkpoint.StatusFailed, failure: &declined, event: local.EventCallbackFailed,
		},
		{
			reason: "no answer in time", timeout: 5 * time.Second, heartbeat: time.Minute,
			status: checkpoint.StatusTimedOut, event: local.EventCallbackTimedOut, after: 5 * time.Second,
			failure: &checkpoint.Failure{Type: "Callback.Timeout", Message: "Callback timed out"},
		},
		{
			reason: "a heartbeat is missed", timeout: time.Minute, heartbeat: 5 * time.Second,
			status: checkpoint.StatusTimedOut, event: local.EventCallbackTimedOut, after: 5 * time.Second,
			failure: &checkpoint.Failure{Type: "Callback.Heartbeat", Message: "Callback timed out on heartbeat"},
		},
		{
			reason: "a heartbeat begins its timeout again", timeout: time.Minute, heartbeat: 5 * time.Second,
			act: func(s *local.Service, clock *local.VirtualClock, id string) error {
				clock.Advance(4 * time.Second)
				return s.Heartbeat(id)
			},
			status: checkpoint.StatusTimedOut, event: local.EventCallbackTimedOut, after: 9 * time.Second,
			failure: &checkpoint.Failure{Type: "Callback.Heartbeat", Message: "Callback timed out on heartbeat"},
		},
		{
			reason: "heartbeats do not move the other timeout", timeout: 8 * time.Second, heartbeat: 5 * time.Second,
			act: func(s *local.Service, clock *local.VirtualClock, id string) error {
				clock.Advance(4 * time.Second)
				return s.Heartbeat(id)
			},
			status: checkpoint.StatusTimedOut, event: local.EventCallbackTimedOut, after: 8 * time.Second,
			failure: &checkpoint.Failure{Type: "Callback.Timeout", Message: "Callback timed out"},
		},
		{
			reason: "a heartbeat without a timeout is accepted",
			act: func(s *local.Service, _ *local.VirtualClock, id string) error {
				return errors.Join(s.Heartbeat(id), s.CompleteCallback(id, []byte("1")))
			},
			status: checkpoint.StatusSucceeded, payload: checkpoint.TextPayload("1"), event: local.EventCallbackSucceeded,
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, clock, e, id := asking(t, tt.timeout, tt.heartbeat)
			if tt.act != nil {
				if err := tt.act(s, clock, id); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			op, _ := e.Operation("c")
			want := checkpoint.Operation{
				ID: "c", Name: "c", SubType: "Callback", Kind: checkpoint.KindCallback, CallbackID: id,
				Status: tt.status, Payload: tt.payload, Failure: tt.failure, Start: start, End: start.Add(tt.after),
			}
			if diff := cmp.Diff(want, op); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
			history := e.History()
			events := []string{
				"ExecutionStarted", "CallbackStarted", "InvocationCompleted", string(tt.event), "InvocationCompleted", "ExecutionSucceeded",
			}
			if diff := cmp.Diff(events, types(e)); diff != "" {
				t.Fatalf("history (-want +got):\n%s", diff)
			}
			if got := history[1]; got.CallbackID != id || got.Timeout != tt.timeout || got.Heartbeat != tt.heartbeat {
				t.Errorf("the callback started as %+v", got)
			}
			if got := history[3]; !got.Result.Equal(tt.payload) || !cmp.Equal(got.Failure, tt.failure) {
				t.Errorf("the callback ended as %+v", got)
			}
		})
	}
}

func TestCallbackErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason string
		before func(t *testing.T, s *local.Service, clock *local.VirtualClock, e *local.Execution, id string) string
		want   error
		code   string
	}{
		{
			"an ID is the service's", func(*testing.T, *local.Service, *local.VirtualClock, *local.Execution, string) string { return "?" },
			local.ErrNoCallback, "InvalidParameterValueException",
		},
		{
			"an ID is whole", func(_ *testing.T, _ *local.Service, _ *local.VirtualClock, _ *local.Execution, id string) string {
				return id[:len(id)-4]
			},
			local.ErrNoCallback, "InvalidParameterValueException",
		},
		{
			"a callback is completed once", func(t *testing.T, s *local.Service, _ *local.VirtualClock, _ *local.Execution, id string) string {
				t.Helper()
				if err := s.CompleteCallback(id, nil); err != nil {
					t.Error(err)
				}
				return id
			},
			local.ErrCallbackCompleted, "InvalidParameterValueException",
		},
		{
			"a result can be late", func(_ *testing.T, _ *local.Service, clock *local.VirtualClock, _ *local.Execution, id string) string {
				clock.Advance(time.Minute)
				return id
			},
			local.ErrCallbackTimedOut, "CallbackTimeoutException",
		},
		{
			"an execution can be over", func(t *testing.T, _ *local.Service, _ *local.VirtualClock, e *local.Execution, id string) string {
				t.Helper()
				if err := e.Stop(nil); err != nil {
					t.Error(err)
				}
				return id
			},
			local.ErrEnded, "InvalidParameterValueException",
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, clock, e, id := asking(t, time.Minute, 0)
			id = tt.before(t, s, clock, e, id)
			for _, err := range []error{
				s.CompleteCallback(id, nil), s.FailCallback(id, checkpoint.Failure{}), s.Heartbeat(id),
			} {
				api, ok := errors.AsType[*checkpoint.APIError](err)
				if !ok || !errors.Is(err, tt.want) || api.Code != tt.code || api.HTTPStatus != 400 {
					t.Errorf("the error is %v", err)
				}
			}
		})
	}
}

func TestCallbackResultsAreChecked(t *testing.T) {
	t.Parallel()
	s, _, e, id := asking(t, 0, 0)
	for _, payload := range []string{strings.Repeat("a", 1<<20+1), "\xff"} {
		if err := s.CompleteCallback(id, []byte(payload)); message(err) == "" {
			t.Errorf("a result of %d bytes was accepted", len(payload))
		}
	}
	if err := s.FailCallback(id, checkpoint.Failure{Message: "\xff"}); message(err) == "" {
		t.Error("an error that is not UTF-8 was accepted")
	}
	op, _ := e.Operation("c")
	if op.Status != checkpoint.StatusStarted {
		t.Errorf("the callback is %s", op.Status)
	}
}

// TestCallbackCompletedDuringAnInvocation says that the function is informed or invoked again.
func TestCallbackCompletedDuringAnInvocation(t *testing.T) {
	t.Parallel()
	for _, poll := range []bool{false, true} {
		s, _ := newVirtual(t)
		e := begin(t, s, function(func(k *talk) (string, error) {
			if k.status("c") == "SUCCEEDED" {
				return succeed(`"replayed"`), nil
			}
			id := k.must(t, callbackStart("c"))[0].CallbackID
			if err := s.CompleteCallback(id, []byte("1")); err != nil {
				t.Error(err)
			}
			if poll {
				want(t, "the poll", k.must(t), "c SUCCEEDED")
				return succeed(`"polled"`), nil
			}
			return pending, nil
		}), `{}`)
		if err := e.Drive(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := string(e.Result()), map[bool]string{false: `"replayed"`, true: `"polled"`}[poll]; got != want {
			t.Errorf("the result is %s, want %s", got, want)
		}
	}
}
