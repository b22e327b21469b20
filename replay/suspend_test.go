package replay_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// blocking are the ways in which an operation makes its caller wait for the service.
func blocking() map[string]func(ctx op.Context) error {
	fails := op.Do("charge", func(context.Context) error { return errThrottled }, op.WithRetry(retry.Fixed(time.Second)))
	return map[string]func(ctx op.Context) error{
		"a wait":          func(ctx op.Context) error { return replay.Exec(ctx, op.Wait("pause", time.Minute)) },
		"a pause of step": func(ctx op.Context) error { return replay.Exec(ctx, fails) },
		"a wait in a group": func(ctx op.Context) error {
			return replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
				return replay.Run(ctx, op.Wait("pause", time.Minute))
			}))
		},
		"a future that waits": func(ctx op.Context) error {
			return replay.Exec(ctx, replay.Go(ctx, op.Wait("pause", time.Minute)).Result())
		},
		"a future step between its attempts": func(ctx op.Context) error {
			return replay.Exec(ctx, replay.Go(ctx, fails).Result())
		},
	}
}

func TestSuspensionIsNoErrorAndNoPanic(t *testing.T) {
	t.Parallel()
	for reason, block := range blocking() {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			var trace []string
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				defer func() {
					trace = append(trace, fmt.Sprint("deferred, suspending ", replay.Suspending(ctx)))
				}()
				defer func() {
					trace = append(trace, fmt.Sprint("recovered ", recover()))
				}()
				trace = append(trace, fmt.Sprint("began, suspending ", replay.Suspending(ctx)))
				if err := block(ctx); err != nil {
					trace = append(trace, "compensated")
				}
				trace = append(trace, "went on")
				return op.None{}, nil
			})
			if got := once(t, f, &tape{}); got != "PENDING" {
				t.Errorf("answer %s", got)
			}
			want := []string{"began, suspending false", "recovered <nil>", "deferred, suspending true"}
			if diff := cmp.Diff(want, trace); diff != "" {
				t.Errorf("what ran (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompensationNeverFiresOnASuspend(t *testing.T) {
	t.Parallel()
	refunds := 0
	refund := op.Do("refund", func(context.Context) error { refunds++; return nil })
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		for i := range 3 {
			if err := replay.Exec(ctx, op.Wait(fmt.Sprint("pause-", i), time.Hour)); err != nil {
				return "compensated", replay.Exec(ctx, refund)
			}
		}
		return "done", nil
	}), "null")
	if refunds != 0 || end(e) != `SUCCEEDED "done"` || e.Invocations() != 4 {
		t.Errorf("%d refunds in %d invocations, the execution ended as %s", refunds, e.Invocations(), end(e))
	}
}

// TestOperationsInDeferredFunctionsRunOnATrueReturnOnly: the idiom for what must happen at the end.
func TestOperationsInDeferredFunctionsRunOnATrueReturnOnly(t *testing.T) {
	t.Parallel()
	unlocks, closes := 0, 0
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (out string, err error) {
		defer func() { closes++ }()
		defer func() {
			err = errors.Join(err, replay.Exec(ctx, op.Do("unlock", func(context.Context) error { unlocks++; return nil })))
		}()
		if err := replay.Exec(ctx, op.Wait("pause", time.Hour)); err != nil {
			return "", err
		}
		return "done", nil
	}), "null")
	want := []string{
		"WaitStarted pause", "InvocationCompleted", "WaitSucceeded pause",
		"StepStarted unlock", "StepSucceeded unlock", "InvocationCompleted", "ExecutionSucceeded",
	}
	if diff := cmp.Diff(want, history(e)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if unlocks != 1 || closes != 2 || end(e) != `SUCCEEDED "done"` {
		t.Errorf("unlocked %d times, closed %d times, ended as %s", unlocks, closes, end(e))
	}
}

func TestSuspendingIsSeenByADeferredRollback(t *testing.T) {
	t.Parallel()
	var rollbacks []string
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		committed := false
		defer func() {
			switch {
			case committed:
			case replay.Suspending(ctx):
				rollbacks = append(rollbacks, "suspended")
			default:
				rollbacks = append(rollbacks, "rolled back")
			}
		}()
		if err := replay.Exec(ctx, op.Wait("pause", time.Hour)); err != nil {
			return op.None{}, err
		}
		return op.None{}, errDeclined
	}), "null")
	if diff := cmp.Diff([]string{"suspended", "rolled back"}, rollbacks); diff != "" {
		t.Errorf("rollbacks (-want +got):\n%s\n%s", diff, end(e))
	}
}

// invocations are handlers that end an invocation in every way there is.
func invocations() map[string]func(ctx op.Context, _ op.None) (op.None, error) {
	pause := op.Wait("pause", time.Minute)
	listen := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	return map[string]func(ctx op.Context, _ op.None) (op.None, error){
		"success": func(ctx op.Context, _ op.None) (op.None, error) {
			return replay.Run(ctx, op.Do("charge", func(context.Context) error { return nil }))
		},
		"suspended in nested groups beside futures": func(ctx op.Context, _ op.None) (op.None, error) {
			group := op.Group("order", func(ctx op.Context) (op.None, error) {
				replay.Go(ctx, op.Do("beside", func(context.Context) error { return errThrottled }))
				return replay.Run(ctx, pause)
			})
			for i := range 5 {
				replay.Go(ctx, op.Wait("pause", time.Minute).Key(strconv.Itoa(i)))
				replay.Go(ctx, group.Key(strconv.Itoa(i)))
			}
			return replay.Run(ctx, group)
		},
		"a failure that leaves a body behind": func(ctx op.Context, _ op.None) (op.None, error) {
			replay.Go(ctx, op.Do("beside", listen))
			replay.Go(ctx, op.Group("order", func(ctx op.Context) (op.None, error) { return replay.Run(ctx, op.Do("inside", listen)) }))
			return op.None{}, errDeclined
		},
		"a deferred function that waits for a goroutine that listens": func(ctx op.Context, _ op.None) (op.None, error) {
			done := make(chan struct{})
			inv := ctx.InvocationContext()
			go func() {
				defer close(done)
				<-inv.Done()
			}()
			defer func() { <-done }()
			return replay.Run(ctx, pause)
		},
		"a goroutine that used a foreign context": func(ctx op.Context, _ op.None) (op.None, error) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = replay.Exec(ctx, pause)
			}()
			<-done
			return op.None{}, nil
		},
		"a panic beside a future": func(ctx op.Context, _ op.None) (op.None, error) {
			replay.Go(ctx, op.Do("beside", listen))
			panic("no table")
		},
	}
}

func TestNoGoroutineIsLeftWhenTheInvocationHasAnswered(t *testing.T) { //nolint:paralleltest // it counts goroutines
	const enough = 1000
	for reason, run := range invocations() { //nolint:paralleltest // it counts goroutines
		t.Run(reason, func(t *testing.T) {
			f := replay.Handler(run)
			ctx, log := onTape(t, &tape{}), event(t)
			before := runtime.NumGoroutine()
			answer := say(f.Invoke(ctx, log))
			// With one processor yielding lets everybody run who can: none is held up by another
			// process.
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			for range enough {
				if runtime.NumGoroutine() <= before {
					return
				}
				runtime.Gosched()
			}
			buf := make([]byte, 64<<10)
			t.Errorf("%d goroutines before, %d after %s\n%s", before, runtime.NumGoroutine(), answer, buf[:runtime.Stack(buf, true)])
		})
	}
}

func TestBodyThatRunsWhileOthersWaitHoldsUpTheSuspension(t *testing.T) {
	t.Parallel()
	client := &tape{}
	f := replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		work := replay.Go(ctx, op.Step("work", func(context.Context) (int, error) {
			for client.accepted() == 0 { // the wait has begun, and its caller parks
				runtime.Gosched()
			}
			return 7, nil
		}))
		if err := replay.Exec(ctx, op.Wait("pause", time.Minute)); err != nil {
			return 0, err
		}
		return replay.Run(ctx, work.Result())
	})
	if got := once(t, f, client); got != "PENDING" {
		t.Errorf("answer %s", got)
	}
	if diff := cmp.Diff([]string{"START work, START pause", "SUCCEED work"}, client.calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestNothingToWaitForIsNoSuspension: an invocation in which everybody waits for each other must
// not answer PENDING, for the service would never invoke again.
func TestNothingToWaitForIsNoSuspension(t *testing.T) {
	t.Parallel()
	var inner *replay.Future[int]
	f := replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		ready := make(chan struct{})
		inner = replay.Go(ctx, op.Group("order", func(ctx op.Context) (int, error) {
			<-ready
			return replay.Run(ctx, inner.Result()) // itself
		}))
		close(ready)
		return replay.Run(ctx, inner.Result())
	})
	want := `error replay: nothing can go on and nothing is pending in the service; waiting: "order" for its end, "order" for its end: ` +
		`a goroutine, channel or lock of the handler's own may hold one of them up, or an abandoned operation is awaited`
	if got := once(t, f, &tape{}); got != want {
		t.Errorf("answer %s\nwant   %s", got, want)
	}
}

func TestSuspensionNeedsAWaiterThatIsAlive(t *testing.T) {
	t.Parallel()
	wait := checkpoint.Operation{
		ID: oplog.ID("", "pause", "", 0), Name: "pause", SubType: "Wait", Kind: checkpoint.KindWait,
		Status: checkpoint.StatusStarted, Start: dawn, Due: dawn.Add(24 * time.Hour),
	}
	tests := []struct {
		reason string
		run    func(ctx op.Context) error
		want   string
	}{
		{
			reason: "a future that is not awaited is left behind when the handler returns",
			run: func(ctx op.Context) error {
				replay.Go(ctx, op.Wait("pause", time.Hour))
				return nil
			},
			want: "SUCCEEDED {}",
		},
		{
			reason: "a future that the handler awaits",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, replay.Go(ctx, op.Wait("pause", time.Hour)).Result())
			},
			want: "PENDING",
		},
		{
			reason: "an error leaves everything behind",
			run: func(ctx op.Context) error {
				replay.Go(ctx, op.Wait("pause", time.Hour))
				return errDeclined
			},
			want: "FAILED Error: card declined",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, tt.run(ctx) })
			if got := once(t, f, &tape{}, wait); got != tt.want {
				t.Errorf("answer %s, want %s", got, tt.want)
			}
		})
	}
}
