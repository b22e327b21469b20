package replaytest_test

import (
	"context"
	"strconv"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// starting are programs that start other executions, and that continue as others.
func starting() map[string]program {
	other := replaytest.Host("other", replay.Handler(func(ctx op.Context, n int) (int, error) {
		return n, replay.Exec(ctx, op.Wait("minute", time.Minute))
	}))
	named := replaytest.WithFunctionName("own")
	return map[string]program{
		"starts": {run: func(ctx op.Context, n int) (string, error) {
			for i := range 3 {
				if err := replay.Exec(ctx, op.Start("begin", "other:live", n+i).Key(strconv.Itoa(i))); err != nil {
					return "", err
				}
			}
			return "", replay.Exec(ctx, op.Wait("minute", time.Minute))
		}, opts: []replaytest.ExploreOption{other}},
		"starts beside each other": {run: func(ctx op.Context, n int) (string, error) {
			f := replay.Go(ctx, op.Start("late", "other:live", n))
			each := func(i int) op.Op[string] { return op.Start("begin", "other:live", n+i).Key(strconv.Itoa(i)) }
			if err := replay.Exec(ctx, op.Map("all", []int{1, 2, 3}, each)); err != nil {
				return "", err
			}
			return "", replay.Exec(ctx, f.Result())
		}, opts: []replaytest.ExploreOption{other}},
		"a start that is tried again": {run: func(ctx op.Context, n int) (string, error) {
			return "", replay.Exec(ctx, op.Retry("again", op.Group("try", func(ctx op.Context) (int, error) {
				if err := replay.Exec(ctx, op.Start("begin", "other:live", n)); err != nil {
					return 0, err
				}
				return replay.Run(ctx, op.Step("flaky", func(ctx context.Context) (int, error) {
					info, _ := op.InfoFrom(ctx)
					if info.Path == "again/try[1]/flaky" {
						return 0, errBusy
					}
					return n, nil
				}, op.WithRetry(retry.Never())))
			}), retry.Fixed(time.Minute, retry.MaxAttempts(3))))
		}, opts: []replaytest.ExploreOption{other}},
		"continues": {run: func(ctx op.Context, n int) (string, error) {
			sum, err := replay.Run(ctx, add(n))
			if err != nil {
				return "", err
			}
			if err := replay.Exec(ctx, op.Wait("minute", time.Minute)); err != nil || n > 3 {
				return strconv.Itoa(sum), err
			}
			return "", replay.ContinueAsNew(ctx, n+1)
		}},
		"continues when all has ended": {run: func(ctx op.Context, n int) (string, error) {
			replay.Go(ctx, op.Group("beside", func(ctx op.Context) (int, error) {
				if err := replay.Exec(ctx, op.Wait("minute", time.Minute)); err != nil {
					return 0, err
				}
				return replay.Run(ctx, add(n))
			}))
			if n > 3 {
				return "over", nil
			}
			return "", replay.ContinueAsNew(ctx, n+1)
		}, want: "over"},
		"continues by an alias, and starts": {run: func(ctx op.Context, n int) (string, error) {
			if err := replay.Exec(ctx, op.Start("begin", "other:live", n)); err != nil || n > 2 {
				return "over", err
			}
			return "", replay.ContinueAsNew(ctx, n+1, replay.ContinueOn("own:live"))
		}, want: "over", opts: []replaytest.ExploreOption{other, named}},
		"does not continue, for an Undo is open": {run: func(ctx op.Context, n int) (string, error) {
			if _, err := replay.Run(ctx, add(n).Undo(func(context.Context, int) error { return nil })); err != nil {
				return "", err
			}
			return "", replay.ContinueAsNew(ctx, n+1)
		}},
	}
}
