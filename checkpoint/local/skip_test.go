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

// waits begins an execution of a function that waits 14 days, and for an answer, and whose step is
// to be attempted again in an hour.
func waits(t *testing.T, opts ...local.Option) (*local.Service, *local.VirtualClock, *local.Execution) {
	t.Helper()
	s, clock := newVirtual(t, opts...)
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.status("wait") != "" {
			return `{"Status":"PENDING"}`, nil
		}
		answer := callbackStart("answer")
		answer.Timeout, answer.Heartbeat = 48*time.Hour, 24*time.Hour
		k.must(t, waitStart("wait", 14*24*time.Hour), answer, stepStart("step"), stepRetry("step", time.Hour, nil))
		return `{"Status":"PENDING"}`, nil
	}), `{}`)
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, clock, e
}

// TestSkip: what would happen after a time happens that much sooner, and nothing else does.
func TestSkip(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := []struct {
		name, reason, operation string
		by                      time.Duration
		want                    map[string]string // the statuses of operations
		left                    map[string]time.Duration
	}{
		{
			"a wait", "all that is left of it", "wait", 0,
			map[string]string{"wait": "SUCCEEDED", "answer": "STARTED", "step": "PENDING"},
			map[string]time.Duration{"step attempt": time.Hour, "answer heartbeat": day, "answer callback-timeout": 2 * day, "execution-timeout": 30 * day},
		},
		{
			"a part of a wait", "it ends that much sooner", "wait", 10 * day,
			map[string]string{"wait": "STARTED", "answer": "STARTED", "step": "PENDING"},
			map[string]time.Duration{
				"step attempt": time.Hour, "answer heartbeat": day, "answer callback-timeout": 2 * day, "wait wait": 4 * day, "execution-timeout": 30 * day,
			},
		},
		{
			"a pause before an attempt", "the step is tried again at once", "step", 0,
			map[string]string{"wait": "STARTED", "answer": "STARTED", "step": "READY"},
			map[string]time.Duration{"answer heartbeat": day, "answer callback-timeout": 2 * day, "wait wait": 14 * day, "execution-timeout": 30 * day},
		},
		{
			"the timeouts of a callback", "it times out without its heartbeat", "answer", 25 * time.Hour,
			map[string]string{"wait": "STARTED", "answer": "TIMED_OUT", "step": "PENDING"},
			map[string]time.Duration{"step attempt": time.Hour, "wait wait": 14 * day, "execution-timeout": 30 * day},
		},
		{
			"time", "of the whole execution, its timeout with it", "", 23 * time.Hour,
			map[string]string{"wait": "STARTED", "answer": "STARTED", "step": "READY"},
			map[string]time.Duration{
				"answer heartbeat": time.Hour, "answer callback-timeout": 25 * time.Hour, "wait wait": 14*day - 23*time.Hour,
				"execution-timeout": 30*day - 23*time.Hour,
			},
		},
		{
			"a month", "the execution times out", "", 31 * day,
			map[string]string{"wait": "SUCCEEDED", "answer": "TIMED_OUT", "step": "READY"},
			map[string]time.Duration{},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, clock, e := waits(t, local.WithExecutionTimeout(30*day))
			began := clock.Now()
			if err := s.Skip(t.Context(), local.SkipInput{ARN: e.ARN(), Operation: tt.operation, By: tt.by}); err != nil {
				t.Fatal(err)
			}
			s.Advance(0)
			if !clock.Now().Equal(began) {
				t.Errorf("the clock has moved by %v", clock.Now().Sub(began))
			}
			got := map[string]string{}
			for _, o := range e.Operations()[1:] {
				got[o.ID] = string(o.Status)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			timers, err := s.Timers(e.ARN())
			if err != nil {
				t.Fatal(err)
			}
			left := map[string]time.Duration{}
			for _, timer := range timers {
				left[strings.TrimSpace(timer.Operation+" "+string(timer.Purpose))] = timer.At.Sub(began)
			}
			if diff := cmp.Diff(tt.left, left); diff != "" {
				t.Errorf("%s: timers (-want +got):\n%s", tt.reason, diff)
			}
			if at, ok := left["execution-timeout"]; ok && !e.Record().Deadline().Equal(began.Add(at)) {
				t.Errorf("the deadline is %v, want %v", e.Record().Deadline(), began.Add(at))
			}
		})
	}
}

// TestSkipIsRefused: what cannot be skipped says why, and nothing has changed.
func TestSkipIsRefused(t *testing.T) {
	t.Parallel()
	s, _, e := waits(t)
	tests := []struct {
		in   local.SkipInput
		says string
	}{
		{local.SkipInput{ARN: e.ARN()}, "The time to skip must be positive; it is 0s."},
		{local.SkipInput{ARN: e.ARN(), By: -time.Hour}, "The time to skip must be positive; it is -1h0m0s."},
		{local.SkipInput{ARN: e.ARN(), Operation: "wait", By: -1}, "The time to skip must be positive; it is -1ns."},
		{local.SkipInput{ARN: e.ARN(), Operation: "nap"}, `There is no operation "nap"; there are: wait, answer, step`},
		{local.SkipInput{ARN: e.ARN(), Operation: "answer"}, "A callback is answered, and not skipped: say how much of its timeouts is."},
	}
	for _, tt := range tests {
		before, _ := s.Timers(e.ARN())
		err := s.Skip(t.Context(), tt.in)
		if failed, ok := errors.AsType[*checkpoint.APIError](err); !ok || failed.Message != tt.says {
			t.Errorf("%+v: %v, want %q", tt.in, err, tt.says)
		}
		if after, _ := s.Timers(e.ARN()); !cmp.Equal(before, after) {
			t.Errorf("%+v: the timers have changed", tt.in)
		}
	}
	if err := s.Skip(t.Context(), local.SkipInput{ARN: "arn:none", By: 1}); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("no such execution: %v", err)
	}
	if err := s.Skip(t.Context(), local.SkipInput{ARN: e.ARN(), Operation: "wait"}); err != nil {
		t.Fatal(err)
	}
	s.Advance(0)
	if err := s.Skip(t.Context(), local.SkipInput{ARN: e.ARN(), Operation: "wait"}); err == nil || !strings.Contains(err.Error(), `Operation "wait" waits for no time.`) {
		t.Errorf("a wait that is over: %v", err)
	}
	if err := e.Stop(nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Skip(t.Context(), local.SkipInput{ARN: e.ARN(), By: 1}); !errors.Is(err, local.ErrEnded) {
		t.Errorf("an execution that has ended: %v", err)
	}
	if _, err := s.Timers("arn:none"); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("timers of no execution: %v", err)
	}
}

// TestSkipOutlivesTheService: another service that goes on with the execution has the skipped time
// behind it.
func TestSkipOutlivesTheService(t *testing.T) {
	t.Parallel()
	store := local.NewMemoryStore()
	s, clock, e := waits(t, local.WithStore(store))
	if err := s.Skip(t.Context(), local.SkipInput{ARN: e.ARN(), Operation: "wait", By: 13 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := local.New(local.WithStore(store), local.WithClock(clock))
	t.Cleanup(func() { _ = again.Close() })
	clock.Advance(24 * time.Hour)
	later, ok := again.Execution(e.ARN())
	if !ok {
		t.Fatal("the execution is lost")
	}
	if o, _ := later.Operation("wait"); o.Status != checkpoint.StatusSucceeded {
		t.Errorf("the wait is %s a day before its end was at first, and after 13 were skipped", o.Status)
	}
}
