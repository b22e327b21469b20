package local_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

func TestStop(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	e := begin(t, s, function(func(k *talk) (string, error) {
		k.must(t, stepStart("s"), waitStart("w", time.Second))
		return pending, nil
	}), `{}`)
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	enough := &checkpoint.Failure{Type: "Enough", Message: "enough"}
	if err := e.Stop(enough); err != nil {
		t.Fatal(err)
	}
	if err := e.Stop(nil); !errors.Is(err, local.ErrEnded) {
		t.Errorf("the second stop: %v", err)
	}
	clock.Advance(time.Hour)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, "running operations stay as they are", e.Operations(), "execution STOPPED", "s STARTED", "w STARTED")
	last := e.History()[len(e.History())-1]
	if e.Status() != local.StatusStopped || last.Type != local.EventExecutionStopped || !cmp.Equal(last.Failure, enough) {
		t.Errorf("the execution is %s, the last event %+v", e.Status(), last)
	}
	if _, ok := clock.Next(); ok {
		t.Error("a timer is left")
	}
}

// TestStopDuringAnInvocation says that the token is refused and nothing comes after the last event.
func TestStopDuringAnInvocation(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	var e *local.Execution
	e = begin(t, s, function(func(k *talk) (string, error) {
		if err := e.Stop(nil); err != nil {
			t.Error(err)
		}
		if _, err := k.send(stepStart("a")); message(err) != stale {
			t.Errorf("a call after the stop: %v", err)
		}
		return succeed(`1`), nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ExecutionStarted", "ExecutionStopped"}, types(e)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if err := e.RunUntilSuspended(t.Context()); err != nil || e.Status() != local.StatusStopped {
		t.Errorf("the execution is %s, %v", e.Status(), err)
	}
}

func TestExecutionTimeout(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t, local.WithExecutionTimeout(10*time.Second))
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.status("c") == "" {
			k.must(t, callbackStart("c"))
		}
		return pending, nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := clock.Now().Sub(start); got != 10*time.Second || e.Status() != local.StatusTimedOut {
		t.Errorf("the execution is %s after %v", e.Status(), got)
	}
	if got := e.History(); got[0].Timeout != 10*time.Second || got[len(got)-1].Type != local.EventExecutionTimedOut {
		t.Errorf("the history is %+v", got)
	}
	failed, ok := errors.AsType[*local.ExecutionError](e.Err())
	if !ok || failed.Status != local.StatusTimedOut {
		t.Errorf("the error is %v", e.Err())
	}
}

// TestExecutionTimeoutEndsRepetitions says how long a function that always fails is invoked.
func TestExecutionTimeoutEndsRepetitions(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t, local.WithExecutionTimeout(10*time.Second))
	e := begin(t, s, function(func(*talk) (string, error) { return "", errors.New("no") }), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Status() != local.StatusTimedOut || e.Invocations() != 4 { // at 0, 1, 3 and 7 seconds
		t.Errorf("the execution is %s after %d invocations", e.Status(), e.Invocations())
	}
}

// TestFunctionTimeout says that an invocation without an answer fails, under both kinds of clock.
func TestFunctionTimeout(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, s *local.Service, pass func()) {
		t.Helper()
		first := true
		e := begin(t, s, function(func(k *talk) (string, error) {
			at, ok := k.ctx.Deadline()
			now := checkpoint.ClockFrom(k.ctx).Now()
			if !ok || !at.Equal(now.Add(3*time.Second)) {
				t.Errorf("the deadline is %v, now is %v", at, now)
			}
			if !first {
				return succeed(`1`), nil
			}
			first = false
			child, cancel := context.WithCancel(k.ctx)
			defer cancel()
			pass()
			<-child.Done()
			if !errors.Is(child.Err(), context.DeadlineExceeded) || !errors.Is(k.ctx.Err(), context.DeadlineExceeded) ||
				!errors.Is(context.Cause(k.ctx), context.DeadlineExceeded) {
				t.Errorf("the context ended with %v, %v, %v", child.Err(), k.ctx.Err(), context.Cause(k.ctx))
			}
			k.ctx = context.WithoutCancel(k.ctx)
			for range 1000 { // the service refuses calls as soon as it has noticed the time
				if _, err := k.send(); err != nil {
					break
				}
			}
			return succeed(`"late"`), nil
		}), `{}`)
		if err := e.Drive(t.Context()); err != nil {
			t.Fatal(err)
		}
		failure := e.History()[1].Failure
		if failure == nil || failure.Type != "Sandbox.Timedout" ||
			failure.Message != "RequestId: "+e.History()[1].RequestID+" Error: Task timed out after 3.00 seconds" {
			t.Errorf("the first invocation failed with %+v", failure)
		}
		if string(e.Result()) != `1` {
			t.Errorf("the result is %s", e.Result())
		}
	}
	t.Run("virtual", func(t *testing.T) {
		t.Parallel()
		s, clock := newVirtual(t, local.WithFunctionTimeout(3*time.Second))
		check(t, s, func() { clock.Advance(3 * time.Second) })
	})
	t.Run("real", func(t *testing.T) { //nolint:paralleltest // synctest
		synctest.Test(t, func(t *testing.T) {
			s := local.New(local.WithFunctionTimeout(3 * time.Second))
			check(t, s, func() {})
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	})
}

// TestFunctionsThatDoNotEnd says that a function that was given up does not keep its execution
// waiting forever, and that Close reports it.
func TestFunctionsThatDoNotEnd(t *testing.T) { //nolint:paralleltest // synctest
	synctest.Test(t, func(t *testing.T) {
		s := local.New(local.WithFunctionTimeout(3 * time.Second))
		stuck := make(chan struct{})
		var calls atomic.Int32
		out, err := s.Run(t.Context(), function(func(*talk) (string, error) {
			if calls.Add(1) == 1 {
				<-stuck
			}
			return succeed(`1`), nil
		}), nil)
		if err != nil || string(out) != `1` {
			t.Errorf("Run: %s, %v", out, err)
		}
		if err := s.Close(); err == nil {
			t.Error("Close does not report the function that is still running")
		}
		close(stuck)
		synctest.Wait()
	})
}

func TestCloseEndsWhatRuns(t *testing.T) {
	t.Parallel()
	s := local.New()
	began, ended := make(chan struct{}), make(chan error, 1)
	e := begin(t, s, function(func(k *talk) (string, error) {
		close(began)
		<-k.ctx.Done()
		ended <- context.Cause(k.ctx)
		k.ctx = context.WithoutCancel(k.ctx)
		if _, err := k.send(stepStart("a")); !errors.Is(err, local.ErrClosed) {
			t.Errorf("a call after Close: %v", err)
		}
		return pending, nil
	}), `{}`)
	<-began
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-ended; !errors.Is(err, local.ErrClosed) {
		t.Errorf("the context of the function ended with %v", err)
	}
	if err := e.Wait(t.Context()); !errors.Is(err, local.ErrClosed) {
		t.Errorf("Wait: %v", err)
	}
	if e.Status() != local.StatusRunning {
		t.Errorf("the execution is %s", e.Status())
	}
	if _, err := s.Start(t.Context(), "order", "", nil); !errors.Is(err, local.ErrClosed) {
		t.Errorf("Start: %v", err)
	}
	if err := e.Stop(nil); !errors.Is(err, local.ErrClosed) {
		t.Errorf("Stop: %v", err)
	}
	if err := s.Heartbeat("x"); !errors.Is(err, local.ErrClosed) {
		t.Errorf("Heartbeat: %v", err)
	}
}
