package replay_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestInvocationsAtOnceShareNothing: one Function serves many executions in one process, each with
// its own log, context and result.
func TestInvocationsAtOnceShareNothing(t *testing.T) {
	t.Parallel()
	const executions = 40
	pause := op.Wait("pause", time.Hour) // one value for all of them
	square := op.StepFunc("square", func(_ context.Context, n int) (int, error) { return n * n, nil })
	f := replay.Handler(func(ctx op.Context, n int) (string, error) {
		beside := replay.Go(ctx, op.Group("beside", func(ctx op.Context) (int, error) {
			if err := replay.Exec(ctx, pause); err != nil {
				return 0, err
			}
			return replay.Run(ctx, square(n+1))
		}))
		a, err := replay.Run(ctx, square(n))
		if err != nil {
			return "", err
		}
		b, err := replay.Run(ctx, beside.Result())
		return fmt.Sprint(ctx.Execution().Name, " ", a, " ", b), err
	})
	homes := make([]*home, 4)
	for i := range homes {
		homes[i] = newHome(t)
		if err := homes[i].Host("order", f); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for i, h := range homes { // four drivers interleave the executions of one Function
		group.Go(func() {
			var es []*local.Execution
			for n := range executions {
				e, err := h.Start(t.Context(), "order", fmt.Sprint("order-", i, "-", n), fmt.Append(nil, n))
				if err != nil {
					t.Error(err)
					return
				}
				es = append(es, e)
			}
			for n, e := range es {
				if err := e.Drive(t.Context()); err != nil {
					t.Error(err)
				}
				if want := fmt.Sprintf(`SUCCEEDED "order-%d-%d %d %d"`, i, n, n*n, (n+1)*(n+1)); end(e) != want {
					t.Errorf("the execution ended as %s, want %s", end(e), want)
				}
			}
		})
	}
	group.Wait()
}

// TestStepsWaitsAndARetry: the number of invocations is what the program asks for, each body runs
// once, and the history shows the start of every step.
func TestStepsWaitsAndARetry(t *testing.T) {
	t.Parallel()
	runs := map[string]int{}
	body := func(name string) func(context.Context) error {
		return func(ctx context.Context) error {
			runs[name]++
			if info, _ := op.InfoFrom(ctx); name == "charge" && info.Attempt == 1 {
				return errThrottled
			}
			return nil
		}
	}
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for _, o := range []op.Op[op.None]{
			op.Do("reserve", body("reserve")), op.Wait("cool-off", time.Hour),
			op.Do("charge", body("charge")), op.Wait("deliver", 24*time.Hour), op.Do("notify", body("notify")),
		} {
			if err := replay.Exec(ctx, o); err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	}), "null")
	want := []string{
		"StepStarted reserve", "StepSucceeded reserve", "WaitStarted cool-off", "InvocationCompleted",
		"WaitSucceeded cool-off", "StepStarted charge", "StepFailed charge", "InvocationCompleted",
		"StepStarted charge", "StepSucceeded charge", "WaitStarted deliver", "InvocationCompleted",
		"WaitSucceeded deliver", "StepStarted notify", "StepSucceeded notify", "InvocationCompleted", "ExecutionSucceeded",
	}
	got := history(e)
	if e.Invocations() != 4 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d invocations, history\n%q, want\n%q", e.Invocations(), got, want)
	}
	if fmt.Sprint(runs) != "map[charge:2 notify:1 reserve:1]" {
		t.Errorf("bodies ran %v", runs)
	}
}
