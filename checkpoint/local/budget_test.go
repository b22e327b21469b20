package local_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// failsBy are the ways in which an invocation fails; each counts.
func failsBy() map[string]func(k *talk, clock *local.VirtualClock) (string, error) {
	return map[string]func(k *talk, clock *local.VirtualClock) (string, error){
		"an error": func(*talk, *local.VirtualClock) (string, error) { return "", errors.New("no") },
		"a crash": func(k *talk, _ *local.VirtualClock) (string, error) {
			local.Kill(k.ctx)
			return "", nil
		},
		"a time-out": func(k *talk, clock *local.VirtualClock) (string, error) {
			clock.Advance(3 * time.Second)
			<-k.ctx.Done()
			return "", nil
		},
	}
}

// pausesOf returns the times between the end of each invocation of an execution and the beginning
// of the next one.
func pausesOf(e *local.Execution) (pauses []time.Duration) {
	var end time.Time
	for _, ev := range e.History() {
		if ev.Type != local.EventInvocationCompleted {
			continue
		}
		if !end.IsZero() {
			pauses = append(pauses, ev.Start.Sub(end))
		}
		end = ev.End
	}
	return pauses
}

// TestNineFailedInvocationsEndAnExecution: with the pauses between them that were seen on AWS. The
// last failure is that of the execution. One that recovers in time goes on.
func TestNineFailedInvocationsEndAnExecution(t *testing.T) {
	t.Parallel()
	seen := []time.Duration{
		1100 * time.Millisecond, 2100 * time.Millisecond, 3100 * time.Millisecond, 5100 * time.Millisecond, 1100 * time.Millisecond,
		31 * time.Second, 58 * time.Second, 103 * time.Second,
	}
	for name, fail := range failsBy() {
		for failures := range 10 {
			s, clock := newVirtual(t, local.WithFunctionTimeout(3*time.Second))
			calls := 0
			e := begin(t, s, function(func(k *talk) (string, error) {
				if calls++; calls <= failures {
					return fail(k, clock)
				}
				return succeed(`1`), nil
			}), `{}`)
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			want, invocations := local.StatusSucceeded, failures+1
			if failures == 9 {
				want, invocations = local.StatusFailed, 9
				last := e.History()[len(e.History())-2]
				if last.Failure == nil || !cmp.Equal(last.Failure, e.Failure()) {
					t.Errorf("%s: the execution has failed with %v, its last invocation with %v", name, e.Failure(), last.Failure)
				}
				if name == "a time-out" && e.Failure().Type != "Sandbox.Timedout" {
					t.Errorf("%s: the execution has failed with %v", name, e.Failure())
				}
			}
			if e.Status() != want || e.Invocations() != invocations {
				t.Errorf("%s, %d times: it is %s after %d invocations", name, failures, e.Status(), e.Invocations())
			}
			if got := pausesOf(e); !slices.Equal(got, seen[:invocations-1]) {
				t.Errorf("%s, %d times: the pauses are %v", name, failures, got)
			}
		}
	}
}

// TestWhatCountsAsFailedInARow: what has the budget begin again, and what has not.
func TestWhatCountsAsFailedInARow(t *testing.T) {
	t.Parallel()
	no := errors.New("no")
	for name, tt := range map[string]struct {
		limits local.Limits
		invoke func(k *talk, n int) (string, error) // the nth invocation
		status local.Status
		// invocations is how many there are in all, of at most 30.
		invocations int
	}{
		"errors and crashes share it": {invoke: func(k *talk, n int) (string, error) {
			if n%2 == 0 {
				local.Kill(k.ctx)
			}
			return "", no
		}, status: local.StatusFailed, invocations: 9},
		"a call with updates begins it again": {invoke: func(k *talk, n int) (string, error) {
			if n == 5 {
				_, err := k.send(stepStart("a"))
				return "", errors.Join(err, no)
			}
			return "", no
		}, status: local.StatusFailed, invocations: 4 + 9},
		"a poll does not": {invoke: func(k *talk, _ int) (string, error) {
			_, err := k.send()
			return "", errors.Join(err, no)
		}, status: local.StatusFailed, invocations: 9},
		"a call that is refused does not": {invoke: func(k *talk, _ int) (string, error) {
			_, err := k.send(stepRetry("a", 0, nil))
			return "", errors.Join(err, no)
		}, status: local.StatusFailed, invocations: 9},
		"an answer does": {invoke: func(k *talk, n int) (string, error) {
			switch n {
			case 1:
				_, err := k.send(waitStart("w", time.Hour))
				return "", errors.Join(err, no)
			case 4:
				return pending, nil
			}
			return "", no
		}, status: local.StatusFailed, invocations: 4 + 9},
		"invalid answers have their own": {invoke: func(*talk, int) (string, error) {
			return `{}`, nil
		}, status: local.StatusFailed, invocations: 4},
		"and begin it again": {invoke: func(_ *talk, n int) (string, error) {
			if n == 5 {
				return `{}`, nil
			}
			return "", no
		}, status: local.StatusFailed, invocations: 5 + 9},
		"another number": {limits: local.Limits{FailedInvocations: 2}, invoke: func(*talk, int) (string, error) {
			return "", no
		}, status: local.StatusFailed, invocations: 2},
		"no limit": {limits: local.Limits{FailedInvocations: -1}, invoke: func(_ *talk, n int) (string, error) {
			if n < 30 {
				return "", no
			}
			return succeed(`1`), nil
		}, status: local.StatusSucceeded, invocations: 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newVirtual(t, local.WithLimits(tt.limits))
			n := 0
			e := begin(t, s, function(func(k *talk) (string, error) {
				n++
				return tt.invoke(k, n)
			}), `{}`)
			err := e.Drive(t.Context())
			if err != nil || e.Status() != tt.status || e.Invocations() != tt.invocations {
				t.Errorf("it is %s after %d invocations, want %s after %d: %v", e.Status(), e.Invocations(), tt.status, tt.invocations, err)
			}
		})
	}
}

// TestFailedInARowOutlivesTheService: a restart gives no new budget.
func TestFailedInARowOutlivesTheService(t *testing.T) {
	t.Parallel()
	memory, clock := local.NewMemoryStore(), local.NewVirtualClock(start)
	fails := function(func(*talk) (string, error) { return "", errors.New("no") })
	first := local.New(local.WithStore(memory), local.WithClock(clock))
	e := begin(t, first, fails, `{}`)
	for range 3 {
		settle(t, e)
		at, _ := clock.Next()
		clock.AdvanceTo(at)
	}
	settle(t, e)
	if got := e.Record().FailedInRow; got != 4 {
		t.Errorf("%d have failed", got)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, e := reopen(t, memory, clock, e.ARN())
	if err := second.Host("order", fails); err != nil {
		t.Fatal(err)
	}
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectStatus(t, e, local.StatusFailed, 9)
	if f := e.Failure(); !cmp.Equal(f, &checkpoint.Failure{Type: "errorString", Message: "no"}) {
		t.Errorf("it has failed with %v", f)
	}
}

// TestLimitsAreMerged: an option changes the limits that it sets, and leaves the others of an
// earlier one.
func TestLimitsAreMerged(t *testing.T) {
	t.Parallel()
	all := local.Limits{
		Operations: 1, DataBytes: 2, PageItems: 3, PageBytes: 4, PayloadBytes: 5, FailureBytes: 6, CallbackBytes: 7, InputBytes: 8,
		ResultBytes: 9, ResponseBytes: 10, InvalidResponses: 11, InvalidPause: 12, FailedInvocations: 13, RetryPause: 14, MaxRetryPause: 15,
	}
	s, _ := newVirtual(t, local.WithLimits(all), local.WithLimits(local.Limits{PageItems: 30}), local.WithLimits(local.Limits{}))
	want := all
	want.PageItems = 30
	if diff := cmp.Diff(want, s.Limits()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	defaults, _ := newVirtual(t)
	if got := defaults.Limits(); got.FailedInvocations != 9 || got.InvalidResponses != 4 || got.RetryPause != 0 {
		t.Errorf("the defaults are %+v", got)
	}
}
