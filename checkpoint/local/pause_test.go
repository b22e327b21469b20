package local_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

const day = 24 * time.Hour

// pauseIt pauses an execution, which must be possible.
func pauseIt(t *testing.T, s *local.Service, arn string) {
	t.Helper()
	if err := s.Pause(t.Context(), checkpoint.PauseInput{ARN: arn, Reason: "bad deploy"}); err != nil {
		t.Errorf("Pause: %v", err)
	}
}

func resumeIt(t *testing.T, s *local.Service, arn string) {
	t.Helper()
	if err := s.Resume(t.Context(), checkpoint.ResumeInput{ARN: arn, Reason: "mended"}); err != nil {
		t.Errorf("Resume: %v", err)
	}
}

func settle(t *testing.T, e *local.Execution) {
	t.Helper()
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// expectStatus checks the status of an execution and how many invocations it has had.
func expectStatus(t *testing.T, e *local.Execution, status local.Status, invocations int) {
	t.Helper()
	if e.Status() != status || e.Invocations() != invocations {
		t.Errorf("%s after %d invocations, want %s after %d", e.Status(), e.Invocations(), status, invocations)
	}
}

// TestTerminal is the table over all statuses of the Lambda API.
func TestTerminal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status         local.Status
		terminal, held bool
		reason         string
	}{
		{"RUNNING", false, false, "it goes on"},
		{"PAUSING", false, true, "its invocation goes on until its next checkpoint call"},
		{"PAUSED", false, true, "it can be resumed, and stopped"},
		{"SUCCEEDED", true, false, "it has a result"},
		{"FAILED", true, false, "it has an error"},
		{"TIMED_OUT", true, false, "its time is over"},
		{"STOPPED", true, false, "it cannot be resumed"},
		{"DELETING", true, false, "only what has ended is deleted"},
		{"", false, false, "nothing is known"},
		{"HIBERNATING", false, false, "a later service may have put it there: it is not given up"},
	} {
		if tt.status.Terminal() != tt.terminal || tt.status.Held() != tt.held {
			t.Errorf("%q: Terminal %v, Held %v, although %s", tt.status, tt.status.Terminal(), tt.status.Held(), tt.reason)
		}
	}
}

// TestPauseOfAnInvocation: the invocation goes on until its next checkpoint call. That is committed
// and answered without a token and without operations, the next one is refused, PENDING is taken
// although nothing is pending, and one invocation follows when the execution is resumed.
func TestPauseOfAnInvocation(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.status("a") != "" {
			return succeed(`"` + k.status("a") + `"`), nil
		}
		k.must(t, stepStart("a"))
		before := k.token
		pauseIt(t, s, k.event.DurableExecutionArn)
		if _, err := k.client.State(k.ctx, checkpoint.StateInput{ARN: k.event.DurableExecutionArn, Token: k.token}); err != nil {
			t.Errorf("the token is not of use until the next call: %v", err)
		}
		if got := k.must(t, stepSucceed("a", `1`)); len(got) > 0 || k.token != "" {
			t.Errorf("the reply has the token %q and %d operations", k.token, len(got))
		}
		for _, token := range []string{"", before} {
			k.token = token
			if _, err := k.send(); message(err) != "Invalid checkpoint token" {
				t.Errorf("a call after the pause: %v", err)
			}
		}
		return pending, nil
	}), `{}`)
	settle(t, e)
	expectStatus(t, e, local.StatusPaused, 1)
	want(t, "what was sent is kept", e.Operations(), "execution STARTED", "a SUCCEEDED")
	clock.Advance(day)
	settle(t, e)
	expectStatus(t, e, local.StatusPaused, 1)

	resumeIt(t, s, e.ARN())
	settle(t, e)
	expectStatus(t, e, local.StatusSucceeded, 2)
	if got := string(e.Result()); got != `"SUCCEEDED"` {
		t.Errorf("the result is %s", got)
	}
	wantTypes := []string{
		"ExecutionStarted", "StepStarted", "StepSucceeded", "ExecutionPaused", "InvocationCompleted",
		"ExecutionResumed", "InvocationCompleted", "ExecutionSucceeded",
	}
	if diff := cmp.Diff(wantTypes, types(e)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	paused, resumed := e.History()[3], e.History()[5]
	if paused.OperationID != checkpoint.ExecutionID(e.ARN()) || paused.Reason != "bad deploy" || !paused.TimeoutPaused ||
		!paused.Requested.Equal(start) {
		t.Errorf("the pause is shown as %+v", paused)
	}
	if resumed.OperationID != checkpoint.ExecutionID(e.ARN()) || resumed.Reason != "mended" || !resumed.Requested.Equal(start.Add(day)) {
		t.Errorf("the end of the pause is shown as %+v", resumed)
	}
	if r := e.Record(); r.Pause != (local.Pause{}) {
		t.Errorf("the record still has the pause %+v", r.Pause)
	}
}

// TestPauseWhileWaiting: an execution in no invocation is paused at once. What it waits for
// completes, nothing is invoked, and one invocation learns of all when it is resumed.
func TestPauseWhileWaiting(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.status("nap") == "" {
			k.must(t, waitStart("nap", time.Hour), callbackStart("ask"), stepStart("try"), stepRetry("try", time.Minute, nil))
			return pending, nil
		}
		return succeed(`"` + strings.Join([]string{k.status("nap"), k.status("ask"), k.status("try")}, " ") + `"`), nil
	}), `{}`)
	settle(t, e)
	pauseIt(t, s, e.ARN())
	expectStatus(t, e, local.StatusPaused, 1)
	if p := e.Record().Pause; p != (local.Pause{Requested: start, At: start, Reason: "bad deploy", TimeoutPaused: true}) {
		t.Errorf("the record has %+v", p)
	}
	clock.Advance(2 * time.Hour)
	ask, _ := e.Operation("ask")
	if err := s.CompleteCallback(ask.CallbackID, []byte(`1`)); err != nil {
		t.Errorf("a callback of a paused execution: %v", err)
	}
	settle(t, e)
	expectStatus(t, e, local.StatusPaused, 1)
	want(t, "while it is paused", e.Operations(), "execution STARTED", "nap SUCCEEDED", "ask SUCCEEDED", "try READY")
	if err := e.Drive(t.Context()); !errors.Is(err, local.ErrStalled) || !strings.Contains(err.Error(), `is PAUSED ("bad deploy") until Resume`) {
		t.Errorf("Drive: %v", err)
	}
	resumeIt(t, s, e.ARN())
	settle(t, e)
	expectStatus(t, e, local.StatusSucceeded, 2)
	if got := string(e.Result()); got != `"SUCCEEDED SUCCEEDED READY"` {
		t.Errorf("the invocation has seen %s", got)
	}
}

// TestResumeWithNothingToDo: nothing has happened, so nothing is invoked until what it waits for is
// there.
func TestResumeWithNothingToDo(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.status("nap") == "" {
			k.must(t, waitStart("nap", time.Hour))
			return pending, nil
		}
		return succeed(`1`), nil
	}), `{}`)
	settle(t, e)
	pauseIt(t, s, e.ARN())
	clock.Advance(time.Minute)
	resumeIt(t, s, e.ARN())
	settle(t, e)
	expectStatus(t, e, local.StatusRunning, 1)
	clock.Advance(59 * time.Minute)
	settle(t, e)
	expectStatus(t, e, local.StatusSucceeded, 2)
}

// TestPauseBeforeTheFirstInvocation: what was due is due when the execution is resumed.
func TestPauseBeforeTheFirstInvocation(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	e := begin(t, s, function(func(*talk) (string, error) { return succeed(`1`), nil }), `{}`)
	pauseIt(t, s, e.ARN())
	clock.Advance(day)
	settle(t, e)
	expectStatus(t, e, local.StatusPaused, 0)
	resumeIt(t, s, e.ARN())
	settle(t, e)
	expectStatus(t, e, local.StatusSucceeded, 1)
}

// TestPauseOfAnInvocationThatEnds: an invocation that ends without another call ends as it would
// have, and then the execution is paused, unless it has ended.
func TestPauseOfAnInvocationThatEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		how    func(k *talk) (string, error)
		status local.Status
		// then is the status after the pause is over, with that many invocations in all.
		then        local.Status
		invocations int
	}{
		"it succeeds": {
			func(*talk) (string, error) { return succeed(`1`), nil }, local.StatusSucceeded, local.StatusSucceeded, 1,
		},
		"it fails": {
			func(*talk) (string, error) { return `{"Status":"FAILED"}`, nil }, local.StatusFailed, local.StatusFailed, 1,
		},
		"its last call ends the execution": {func(k *talk) (string, error) {
			_, err := k.send(executionSucceed(k, `1`))
			return `{"Status":"SUCCEEDED","Result":""}`, err
		}, local.StatusSucceeded, local.StatusSucceeded, 1},
		"it is pending, and goes on when something has changed": {
			func(*talk) (string, error) { return pending, nil }, local.StatusPaused, local.StatusRunning, 1,
		},
		"it returns an error, and is repeated": {
			func(*talk) (string, error) { return "", errors.New("no") }, local.StatusPaused, local.StatusSucceeded, 2,
		},
		"it answers nonsense, and is repeated": {
			func(*talk) (string, error) { return `{}`, nil }, local.StatusPaused, local.StatusSucceeded, 2,
		},
		"it is lost, and is repeated": {func(k *talk) (string, error) {
			local.Kill(k.ctx)
			return pending, nil
		}, local.StatusPaused, local.StatusSucceeded, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, clock := newVirtual(t)
			e := begin(t, s, function(func(k *talk) (string, error) {
				if e, _ := s.Execution(k.event.DurableExecutionArn); e.Invocations() > 1 {
					return succeed(`2`), nil
				}
				k.must(t, callbackStart("ask"))
				pauseIt(t, s, k.event.DurableExecutionArn)
				if e, _ := s.Execution(k.event.DurableExecutionArn); e.Status() != local.StatusPausing {
					t.Errorf("it is %s while the invocation runs", e.Status())
				}
				return tt.how(k)
			}), `{}`)
			settle(t, e)
			clock.Advance(time.Hour)
			settle(t, e)
			expectStatus(t, e, tt.status, 1)
			if paused := slices.Contains(types(e), "ExecutionPaused"); paused != (tt.status == local.StatusPaused) {
				t.Errorf("the history is %v", types(e))
			}
			if tt.status != local.StatusPaused {
				if err := s.Resume(t.Context(), checkpoint.ResumeInput{ARN: e.ARN()}); !errors.Is(err, local.ErrEnded) {
					t.Errorf("Resume: %v", err)
				}
				return
			}
			resumeIt(t, s, e.ARN())
			settle(t, e)
			expectStatus(t, e, tt.then, tt.invocations)
		})
	}
}

// TestResumeBeforeThePauseHasTakenEffect: the invocation goes on and never knows.
func TestResumeBeforeThePauseHasTakenEffect(t *testing.T) {
	t.Parallel()
	e := inside(t, func(k *talk) string {
		s, _ := k.client.(*local.Service)
		pauseIt(t, s, k.event.DurableExecutionArn)
		resumeIt(t, s, k.event.DurableExecutionArn)
		k.must(t, stepStart("a"), stepSucceed("a", `1`))
		if k.token == "" {
			t.Error("the reply has no token")
		}
		return ""
	})
	expectStatus(t, e, local.StatusSucceeded, 1)
	wantTypes := []string{"ExecutionStarted", "StepStarted", "StepSucceeded", "InvocationCompleted", "ExecutionSucceeded"}
	if diff := cmp.Diff(wantTypes, types(e)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

// TestResumeBeforeTheInvocationHasEnded: the invocation that was cut short is of no use any more,
// and the next one begins when it has ended.
func TestResumeBeforeTheInvocationHasEnded(t *testing.T) {
	t.Parallel()
	e := inside(t, func(k *talk) string {
		s, _ := k.client.(*local.Service)
		e, _ := s.Execution(k.event.DurableExecutionArn)
		pauseIt(t, s, e.ARN())
		k.must(t) // a poll
		expectStatus(t, e, local.StatusPaused, 1)
		resumeIt(t, s, e.ARN())
		expectStatus(t, e, local.StatusRunning, 1)
		if _, err := k.send(stepStart("a")); message(err) != "Invalid checkpoint token" {
			t.Errorf("a call of the invocation that was cut short: %v", err)
		}
		return pending
	})
	expectStatus(t, e, local.StatusSucceeded, 2)
}

// TestCallBetweenInvocations: a call that arrives while the execution is paused, of an invocation
// that has answered, is committed and answered without a token like one that the pause has cut
// short.
func TestCallBetweenInvocations(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	var late *talk
	e := begin(t, s, function(func(k *talk) (string, error) {
		if late == nil {
			k.must(t, waitStart("nap", time.Hour))
			late = k
			return pending, nil
		}
		return succeed(`1`), nil
	}), `{}`)
	settle(t, e)
	pauseIt(t, s, e.ARN())
	late.ctx = t.Context()
	if got := late.must(t, stepStart("a"), stepSucceed("a", `1`)); len(got) > 0 || late.token != "" {
		t.Errorf("the reply has the token %q and %d operations", late.token, len(got))
	}
	resumeIt(t, s, e.ARN())
	settle(t, e)
	expectStatus(t, e, local.StatusSucceeded, 2)
}

// TestTimeoutOfAPausedExecution: the timeout does not run while the execution is paused, unless
// that is asked for, and the bound of 366 days holds in any case.
func TestTimeoutOfAPausedExecution(t *testing.T) {
	t.Parallel()
	const timeout = 10 * day
	for name, tt := range map[string]struct {
		runs               bool
		pauses, pauseFor   time.Duration // after so long, for so long
		during, afterwards time.Duration // the deadline, from the start
		timesOut           time.Duration // at which it times out
	}{
		"it is extended by the time of the pause": {false, day, 5 * day, 366 * day, 15 * day, 15 * day},
		"it runs on if asked for":                 {true, day, 5 * day, 10 * day, 10 * day, 10 * day},
		"it runs out while it is paused":          {true, day, 50 * day, 10 * day, 0, 10 * day},
		"it runs out 366 days after the start":    {false, day, 500 * day, 366 * day, 0, 366 * day},
		"it is not extended beyond":               {false, day, 364 * day, 366 * day, 366 * day, 366 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, clock := newVirtual(t, local.WithExecutionTimeout(timeout))
			e := begin(t, s, function(func(k *talk) (string, error) {
				if k.status("ask") == "" {
					k.must(t, callbackStart("ask"))
				}
				return pending, nil
			}), `{}`)
			settle(t, e)
			if got := e.Record().Deadline(); !got.Equal(start.Add(timeout)) {
				t.Errorf("the deadline is %v", got.Sub(start))
			}
			clock.Advance(tt.pauses)
			if err := s.Pause(t.Context(), checkpoint.PauseInput{ARN: e.ARN(), TimeoutRuns: tt.runs}); err != nil {
				t.Fatal(err)
			}
			if got := e.Record().Deadline(); !got.Equal(start.Add(tt.during)) {
				t.Errorf("the deadline is %v while it is paused", got.Sub(start))
			}
			clock.Advance(tt.pauseFor)
			if tt.afterwards > 0 {
				resumeIt(t, s, e.ARN())
				if got := e.Record().Deadline(); !got.Equal(start.Add(tt.afterwards)) {
					t.Errorf("the deadline is %v afterwards", got.Sub(start))
				}
				clock.AdvanceTo(start.Add(500 * day))
			}
			if r := e.Record(); r.Status != local.StatusTimedOut || !r.End.Equal(start.Add(tt.timesOut)) || r.Pause != (local.Pause{}) {
				t.Errorf("it is %s after %v: %+v", r.Status, r.End.Sub(start), r.Pause)
			}
		})
	}
}

// TestPauseOutlivesTheService: the next service on the store finds the execution paused, also if it
// was about to be, and one invocation follows when it is resumed.
func TestPauseOutlivesTheService(t *testing.T) {
	t.Parallel()
	for name, during := range map[string]bool{"paused": false, "pausing": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory, clock := local.NewMemoryStore(), local.NewVirtualClock(start)
			first := local.New(local.WithStore(memory), local.WithClock(clock), local.WithExecutionTimeout(10*day))
			handler := function(func(k *talk) (string, error) {
				s, _ := k.client.(*local.Service)
				switch {
				case k.status("nap") == "":
					k.must(t, waitStart("nap", time.Hour))
					if during && s == first {
						pauseIt(t, s, k.event.DurableExecutionArn)
						go func() { _ = s.Close() }()
						<-k.ctx.Done()
					}
					return pending, nil
				case k.status("nap") == "SUCCEEDED":
					return succeed(`1`), nil
				}
				return pending, nil
			})
			e := begin(t, first, handler, `{}`)
			if during {
				_ = e.RunUntilSuspended(t.Context()) // the service ends
			} else {
				settle(t, e)
				pauseIt(t, first, e.ARN())
			}
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			clock.Advance(5 * day)

			second := local.New(local.WithStore(memory), local.WithClock(clock))
			defer func() { _ = second.Close() }()
			if err := second.Host("order", handler); err != nil {
				t.Fatal(err)
			}
			e, _ = second.Execution(e.ARN())
			settle(t, e)
			expectStatus(t, e, local.StatusPaused, 1)
			if p := e.Record().Pause; p.Reason != "bad deploy" || p.At.IsZero() {
				t.Errorf("the pause is %+v", p)
			}
			clock.Advance(5 * day)
			resumeIt(t, second, e.ARN())
			settle(t, e)
			expectStatus(t, e, local.StatusSucceeded, 2)
		})
	}
}
