package local_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestTransitions tries every action on every kind of operation in every state that checkpoint
// calls can bring it to.
func TestTransitions(t *testing.T) {
	t.Parallel()
	type updates = []checkpoint.Update
	act := func(kind checkpoint.Kind, action checkpoint.Action) checkpoint.Update {
		u := update(kind, action, "x")
		switch action {
		case checkpoint.ActionFail:
			u.Failure = &checkpoint.Failure{Message: "boom"}
		case checkpoint.ActionRetry:
			u.NextAttemptDelay = time.Second
		case checkpoint.ActionStart:
			switch kind {
			case checkpoint.KindWait:
				u.Wait = time.Minute
			case checkpoint.KindChainedInvoke:
				u.Function = "target"
			case checkpoint.KindStep, checkpoint.KindContext, checkpoint.KindCallback, checkpoint.KindExecution:
			}
		case checkpoint.ActionSucceed, checkpoint.ActionCancel:
		}
		return u
	}
	step := func(a checkpoint.Action) checkpoint.Update { return act(checkpoint.KindStep, a) }
	wait := func(a checkpoint.Action) checkpoint.Update { return act(checkpoint.KindWait, a) }
	group := func(a checkpoint.Action) checkpoint.Update { return act(checkpoint.KindContext, a) }
	callback := func(a checkpoint.Action) checkpoint.Update { return act(checkpoint.KindCallback, a) }
	invoke := func(a checkpoint.Action) checkpoint.Update { return act(checkpoint.KindChainedInvoke, a) }
	const (
		START, SUCCEED, FAIL, RETRY, CANCEL = checkpoint.ActionStart, checkpoint.ActionSucceed,
			checkpoint.ActionFail, checkpoint.ActionRetry, checkpoint.ActionCancel
		noStart  = "Invalid current STEP state to start."
		noClose  = "Invalid current STEP state to close."
		noRetry  = "Invalid current STEP state to re-attempt."
		noWait   = "Cannot cancel a WAIT that does not exist or has already completed."
		noGroup  = "Invalid current CONTEXT state to close."
		noInvoke = "Cannot cancel an INVOKE that does not exist or has already completed."
	)
	for _, tt := range []struct {
		reason string
		before updates // each is a call of its own
		ready  bool    // a second passes
		make   func(checkpoint.Action) checkpoint.Update
		// want are the messages for START, SUCCEED, FAIL, RETRY, CANCEL; empty is accepted.
		want [5]string
	}{
		{"a new step", nil, false, step, [5]string{"", "", "", "", "Invalid STEP action."}},
		{"a started step", updates{step(START)}, false, step, [5]string{noStart, "", "", "", "Invalid STEP action."}},
		{
			"a step waiting for its next attempt",
			updates{step(START), step(RETRY)},
			false, step,
			[5]string{noStart, noClose, noClose, noRetry, "Invalid STEP action."},
		},
		{"a step that is ready again", updates{step(RETRY)}, true, step, [5]string{"", "", "", "", "Invalid STEP action."}},
		{
			"a step that succeeded",
			updates{step(SUCCEED)},
			false, step,
			[5]string{noStart, noClose, noClose, noRetry, "Invalid STEP action."},
		},
		{
			"a step that failed",
			updates{step(FAIL)},
			false, step,
			[5]string{noStart, noClose, noClose, noRetry, "Invalid STEP action."},
		},
		{
			"a new wait", nil, false, wait,
			[5]string{"", "Invalid WAIT action.", "Invalid WAIT action.", "Invalid WAIT action.", noWait},
		},
		{
			"a started wait",
			updates{wait(START)},
			false, wait,
			[5]string{"Cannot start a WAIT that already exist.", "Invalid WAIT action.", "Invalid WAIT action.", "Invalid WAIT action.", ""},
		},
		{
			"a cancelled wait",
			updates{wait(START), wait(CANCEL)},
			false, wait,
			[5]string{"Cannot start a WAIT that already exist.", "Invalid WAIT action.", "Invalid WAIT action.", "Invalid WAIT action.", noWait},
		},
		{"a new context", nil, false, group, [5]string{"", "", "", "Invalid CONTEXT action.", "Invalid CONTEXT action."}},
		{
			"a started context",
			updates{group(START)},
			false, group,
			[5]string{"Cannot start a CONTEXT that already exist.", "", "", "Invalid CONTEXT action.", "Invalid CONTEXT action."},
		},
		{
			"a context that succeeded",
			updates{group(START), group(SUCCEED)},
			false, group,
			[5]string{"Cannot start a CONTEXT that already exist.", noGroup, noGroup, "Invalid CONTEXT action.", "Invalid CONTEXT action."},
		},
		{
			"a context that failed",
			updates{group(FAIL)},
			false, group,
			[5]string{"Cannot start a CONTEXT that already exist.", noGroup, noGroup, "Invalid CONTEXT action.", "Invalid CONTEXT action."},
		},
		{
			"a new callback", nil, false, callback,
			[5]string{"", "Invalid CALLBACK action.", "Invalid CALLBACK action.", "Invalid CALLBACK action.", "Invalid CALLBACK action."},
		},
		{
			"a started callback",
			updates{callback(START)},
			false, callback,
			[5]string{
				"Cannot start a CALLBACK that already exist.",
				"Invalid CALLBACK action.", "Invalid CALLBACK action.", "Invalid CALLBACK action.", "Invalid CALLBACK action.",
			},
		},
		{
			"a new chained invocation", nil, false, invoke,
			[5]string{"", "Invalid CHAINED_INVOKE action.", "Invalid CHAINED_INVOKE action.", "Invalid CHAINED_INVOKE action.", noInvoke},
		},
		{
			"a started chained invocation",
			updates{invoke(START)},
			false, invoke,
			[5]string{
				"Cannot start an INVOKE that already exist.",
				"Invalid CHAINED_INVOKE action.", "Invalid CHAINED_INVOKE action.", "Invalid CHAINED_INVOKE action.", "",
			},
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			for i, action := range []checkpoint.Action{START, SUCCEED, FAIL, RETRY, CANCEL} {
				s, clock := newVirtual(t)
				if err := s.Host("target", echo, local.WithPlainFunction()); err != nil {
					t.Fatal(err)
				}
				e := begin(t, s, function(func(k *talk) (string, error) {
					for _, u := range tt.before {
						k.must(t, u)
					}
					if tt.ready {
						clock.Advance(time.Second)
					}
					_, err := k.send(tt.make(action))
					if got := message(err); got != tt.want[i] {
						t.Errorf("%s: the service says %q, want %q", action, got, tt.want[i])
					}
					return succeed(`1`), nil
				}), `{}`)
				if err := e.RunUntilSuspended(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestStepRecords says what the record of a step shows after each transition.
func TestStepRecords(t *testing.T) {
	t.Parallel()
	boom := &checkpoint.Failure{Type: "Boom", Message: "boom"}
	carry := func(state string) checkpoint.Update {
		u := stepRetry("s", 2*time.Second, nil)
		u.Payload = checkpoint.TextPayload(state)
		return u
	}
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	base := checkpoint.Operation{ID: "s", Name: "s", SubType: "Step", Kind: checkpoint.KindStep, Start: start}
	with := func(f func(op *checkpoint.Operation)) checkpoint.Operation {
		op := base
		f(&op)
		return op
	}
	for _, tt := range []struct {
		reason string
		calls  [][]checkpoint.Update // a second passes after each
		want   checkpoint.Operation
	}{
		{
			"the running attempt is not counted",
			[][]checkpoint.Update{{stepStart("s")}},
			with(func(op *checkpoint.Operation) { op.Status = checkpoint.StatusStarted }),
		},
		{
			"the successful attempt is counted, and may begin and end in one call",
			[][]checkpoint.Update{{stepStart("s"), stepSucceed("s", "1")}},
			with(func(op *checkpoint.Operation) {
				op.Status, op.Attempt, op.End, op.Payload = checkpoint.StatusSucceeded, 1, start, checkpoint.TextPayload("1")
			}),
		},
		{
			"a step may succeed without having been started",
			[][]checkpoint.Update{{stepSucceed("s", "1")}},
			with(func(op *checkpoint.Operation) {
				op.Status, op.Attempt, op.End, op.Payload = checkpoint.StatusSucceeded, 1, start, checkpoint.TextPayload("1")
			}),
		},
		{
			"a retry says when the next attempt is due and why the last failed",
			[][]checkpoint.Update{{stepStart("s"), stepRetry("s", 2*time.Second, boom)}},
			with(func(op *checkpoint.Operation) {
				op.Status, op.Attempt, op.Due, op.Failure = checkpoint.StatusPending, 1, at(2), boom
			}),
		},
		{
			"when it is due the step is ready and keeps the error",
			[][]checkpoint.Update{{stepStart("s"), stepRetry("s", 2*time.Second, boom)}, {}, {}},
			with(func(op *checkpoint.Operation) {
				op.Status, op.Attempt, op.Failure = checkpoint.StatusReady, 1, boom
			}),
		},
		{
			"a retry can carry a state",
			[][]checkpoint.Update{{stepStart("s"), carry("5")}, {}, {}},
			with(func(op *checkpoint.Operation) {
				op.Status, op.Attempt, op.Payload = checkpoint.StatusReady, 1, checkpoint.TextPayload("5")
			}),
		},
		{
			"the next attempt begins without the state, with the same start time and count",
			[][]checkpoint.Update{{stepStart("s"), carry("5")}, {}, {stepStart("s")}},
			with(func(op *checkpoint.Operation) { op.Status, op.Attempt = checkpoint.StatusStarted, 1 }),
		},
		{
			"a retry with an error drops the state",
			[][]checkpoint.Update{{carry("5")}, {}, {stepStart("s"), stepRetry("s", 9*time.Second, boom)}},
			with(func(op *checkpoint.Operation) {
				op.Status, op.Attempt, op.Due, op.Failure = checkpoint.StatusPending, 2, at(11), boom
			}),
		},
		{
			"a failure counts its attempt and has no result",
			[][]checkpoint.Update{{carry("5")}, {}, {stepFail("s", "no")}},
			with(func(op *checkpoint.Operation) {
				op.Status, op.Attempt, op.End = checkpoint.StatusFailed, 2, at(2)
				op.Failure = &checkpoint.Failure{Type: "Error", Message: "no"}
			}),
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, clock := newVirtual(t)
			e := begin(t, s, function(func(k *talk) (string, error) {
				for i, updates := range tt.calls {
					if i > 0 {
						clock.Advance(time.Second)
					}
					k.must(t, updates...)
				}
				return succeed(`1`), nil
			}), `{}`)
			if err := e.RunUntilSuspended(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, _ := e.Operation("s")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNothingHappensToAFinishedOperation says that a timer that is left over does nothing.
func TestNothingHappensToAFinishedOperation(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	e := begin(t, s, function(func(k *talk) (string, error) {
		ask := callbackStart("c")
		ask.Timeout, ask.Heartbeat = time.Minute, time.Minute
		ops := k.must(t, waitStart("w", time.Minute), ask, callbackStart("open"))
		if err := s.CompleteCallback(ops[1].CallbackID, nil); err != nil {
			t.Error(err)
		}
		k.must(t, update(checkpoint.KindWait, checkpoint.ActionCancel, "w"))
		return pending, nil
	}), `{}`)
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	if at, ok := clock.Next(); ok {
		t.Errorf("a timer is left: %v", at)
	}
	clock.Advance(time.Hour)
	want(t, "the log", e.Operations(), "execution STARTED", "w CANCELLED", "c SUCCEEDED", "open STARTED")
}
