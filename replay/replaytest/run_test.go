package replaytest_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

func exit() { runtime.Goexit() }

func TestRun(t *testing.T) {
	t.Parallel()
	s := newShop()
	r := replaytest.Run(t, replay.Handler(s.process), order{ID: "A-1", Total: 20, Items: []string{"x", "y", "z"}})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	want := receipt{Payment: "pay-A-1", Parcels: []string{"parcel-x", "parcel-y", "parcel-z"}}
	if diff := cmp.Diff(want, r.Value); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if r.Invocations != 2 || r.Took != 24*time.Hour {
		t.Errorf("got %d invocations in %v, want 2 in a day", r.Invocations, r.Took)
	}
	item := r.Op("ship[2]/pack-item")
	if item.Result != `"parcel-z"` || item.Runs != 1 || item.Attempts != 1 {
		t.Errorf("got %+v", item)
	}
	if got := r.Op("no-such"); got.Status != "" {
		t.Errorf("got %+v, want nothing", got)
	}
	var paths []string
	for _, o := range r.Ops() {
		if !strings.HasPrefix(o.Path, "ship[") {
			paths = append(paths, o.Path)
		}
	}
	if diff := cmp.Diff([]string{"reserve-stock", "charge-card", "ship", "cool-off"}, paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if len(r.Logs) != 1 || r.Logs[0].Message != "accepted" || r.Logs[0].Attrs["executionArn"] == "" {
		t.Errorf("got the logs %+v", r.Logs)
	}
	if r.CheckpointCalls == 0 || r.CheckpointCalls != len(r.Calls) {
		t.Errorf("got %d calls", r.CheckpointCalls)
	}
	_ = cmp.Diff(r.Operations, r.Ops())
}

func TestResultsCompare(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, n int) (int, error) {
		return replay.Run(ctx, op.Step("double", func(context.Context) (int, error) { return 2 * n, nil }))
	})
	if diff := cmp.Diff(replaytest.Run(t, f, 1), replaytest.Run(t, f, 1)); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	if diff := cmp.Diff(replaytest.Run(t, f, 1), replaytest.Run(t, f, 2), replaytest.IgnoreChance()); !strings.Contains(diff, "Value:") ||
		!strings.Contains(diff, "Result:") {
		t.Errorf("another input gives the difference:\n%s", diff)
	}
}

// TestConcurrentResultsCompare runs a function with a map again and again.
func TestConcurrentResultsCompare(t *testing.T) {
	t.Parallel()
	run := func() *replaytest.Result[receipt] {
		return replaytest.Run(t, replay.Handler(newShop().process), order{ID: "A-1", Items: strings.Fields("a b c d e f g h i j k l")})
	}
	want := run()
	for range 20 {
		if diff := cmp.Diff(want, run(), replaytest.IgnoreChance()); diff != "" {
			t.Fatalf("two runs differ:\n%s", diff)
		}
	}
}

func TestErrorsAreRestored(t *testing.T) {
	t.Parallel()
	s := newShop()
	r := replaytest.Run(t, replay.Handler(s.process), order{ID: "A-1"},
		replaytest.Stub(s.charge, func(context.Context, order) (payment, error) { return payment{}, errDeclined }))
	if !errors.Is(r.Err, errDeclined) || r.Status != local.StatusFailed {
		t.Errorf("got %s %v, want the declined card", r.Status, r.Err)
	}
	if e, ok := errors.AsType[*op.Error](r.Err); !ok || e.Type != "declined" {
		t.Errorf("got %#v, want an op.Error of the registered type", r.Err)
	}
	if r.Op("release-stock").Status == "" {
		t.Error("the stock was not released")
	}
}

func TestTimedOutExecution(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Wait("long", time.Hour))
	})
	r := replaytest.Run(t, f, op.None{}, replaytest.WithService(local.WithExecutionTimeout(time.Minute)))
	if !errors.Is(r.Err, op.ErrTimedOut) {
		t.Errorf("got %v, want a timeout", r.Err)
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) *replaytest.Execution[receipt] {
		t.Helper()
		e := replaytest.Start(t, replay.Handler(newShop().process), order{ID: "A-1", Total: 200})
		e.RunUntilSuspended()
		if got := e.Op("manager-approval").Status; got != "STARTED" {
			t.Fatalf("the approval is %q", got)
		}
		return e
	}
	t.Run("succeed", func(t *testing.T) {
		t.Parallel()
		e := begin(t)
		c := e.Callback("manager-approval")
		c.Heartbeat()
		c.Succeed(approval{By: "Ann"})
		e.RunUntilSuspended()
		if e.Op("cool-off").Status != "STARTED" || e.Status() != local.StatusRunning {
			t.Errorf("got %+v", e.Ops())
		}
		e.Advance(24 * time.Hour)
		if e.Status() != local.StatusSucceeded {
			t.Errorf("after a day: %s", e.Status())
		}
		r := e.Result()
		if r.Err != nil || r.Value.Payment != "pay-A-1" {
			t.Errorf("got %+v, %v", r.Value, r.Err)
		}
	})
	t.Run("fail", func(t *testing.T) {
		t.Parallel()
		e := begin(t)
		e.Callback("manager-approval").Fail("Refused", "too much")
		r := e.Result()
		if r.Err == nil || !strings.Contains(r.Err.Error(), "too much") || r.Op("release-stock").Status != "SUCCEEDED" {
			t.Errorf("got %v", r.Err)
		}
	})
	t.Run("time out", func(t *testing.T) {
		t.Parallel()
		e := begin(t)
		e.Callback("manager-approval").TimeOut()
		if r := e.Result(); !errors.Is(r.Err, op.ErrTimedOut) || r.Took != 24*time.Hour {
			t.Errorf("got %v after %v", r.Err, r.Took)
		}
	})
	t.Run("reply", func(t *testing.T) {
		t.Parallel()
		r := replaytest.Run(t, replay.Handler(newShop().process), order{ID: "A-1", Total: 200},
			replaytest.CallbackResult("manager-approval", approval{By: "Ann"}))
		if r.Err != nil || r.Invocations != 3 {
			t.Errorf("got %v after %d invocations", r.Err, r.Invocations)
		}
	})
}

func TestStalledExecutionIsReported(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		c, err := replay.Run(ctx, op.CreateCallback[string]("answer"))
		if err != nil {
			return "", err
		}
		return replay.Run(ctx, c.Result())
	})
	got := record(t, func(tb *recorder) { replaytest.Run(tb, f, op.None{}) })
	if !got.fatal || len(got.errs) != 1 || !strings.Contains(got.errs[0], `callback "answer" is STARTED`) {
		t.Errorf("got %q", got.errs)
	}
	if r := replaytest.Run(t, f, op.None{}, replaytest.CallbackResult("answer", "42")); r.Value != "42" {
		t.Errorf("got %q, %v", r.Value, r.Err)
	}
}
