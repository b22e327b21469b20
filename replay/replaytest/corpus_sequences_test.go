package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func sequences() map[string]func(op.Context, int) (string, error) {
	return map[string]func(op.Context, int) (string, error){
		"sequence": func(ctx op.Context, n int) (string, error) {
			n, err := replay.Run(ctx, add(n))
			if err != nil {
				return "", err
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return text(replay.Run(ctx, add(n).Key("again")))
		},
		"retries": func(ctx op.Context, n int) (string, error) { return text(replay.Run(ctx, flaky(n))) },
		"again": func(ctx op.Context, _ int) (string, error) {
			return text(replay.Run(ctx, op.WaitForCondition("poll", 1, func(_ context.Context, n int) (int, bool, error) {
				return n * 2, n > 4, nil
			})))
		},
		"again, and what was before": func(ctx op.Context, _ int) (string, error) {
			return text(replay.Run(ctx, op.WaitForCondition("poll", nil, func(ctx context.Context, seen []int) ([]int, bool, error) {
				info, _ := op.InfoFrom(ctx)
				return append(seen, info.Attempt), len(seen) == 3, nil
			})))
		},
		"relaxed": func(ctx op.Context, n int) (string, error) {
			for _, key := range []string{"a", "b", "c"} {
				var err error
				if n, err = replay.Run(ctx, relaxed(n).Key(key)); err != nil {
					return "", err
				}
			}
			return text(replay.Run(ctx, add(n)))
		},
		"relaxed, then a wait": func(ctx op.Context, n int) (string, error) {
			n, err := replay.Run(ctx, relaxed(n))
			if err != nil {
				return "", err
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return text(replay.Run(ctx, add(n)))
		},
		"groups": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Group("outer", func(ctx op.Context) (int, error) {
				n, err := replay.Run(ctx, add(n))
				if err != nil {
					return 0, err
				}
				return replay.Run(ctx, op.Group("inner", func(ctx op.Context) (int, error) { return replay.Run(ctx, add(n)) }))
			})))
		},
		"a group again": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Retry("try", op.Group("pair", func(ctx op.Context) (int, error) {
				v, err := replay.Run(ctx, add(n))
				if err != nil {
					return 0, err
				}
				return replay.Run(ctx, op.Step("may-fail", func(context.Context) (int, error) {
					return v, errors.New("always")
				}, op.WithRetry(retry.Never())).MapError(func(err error) error { return err }))
			}), retry.Fixed(time.Second, retry.MaxAttempts(2)))))
		},
		"at most once": func(ctx op.Context, n int) (string, error) { return text(replay.Run(ctx, once(n))) },
		"at most once, twice": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, onceFlaky(n)))
		},
		"at most once, four times": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, stubborn(n)))
		},
		"crashes count": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Step("counted", func(context.Context) (int, error) { return n, nil },
				op.WithCrashCounting(), op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))))
		},
		"a step goes on where it stopped": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Step("page", func(ctx context.Context) (int, error) {
				done, _, err := op.StateFrom[int](ctx)
				if err != nil || done == 3 {
					return done * n, err
				}
				return 0, retry.Again(done + 1)
			}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))))
		},
		"an error, and what follows": func(ctx op.Context, n int) (string, error) {
			_, err := replay.Run(ctx, op.Group("pair", func(ctx op.Context) (int, error) {
				if _, err := replay.Run(ctx, add(n)); err != nil {
					return 0, err
				}
				return replay.Run(ctx, op.Step("refused", func(context.Context) (int, error) { return 0, errBusy },
					op.WithRetry(retry.Never()), op.WithErrors(codec.Sentinel("busy", errBusy))))
			}, op.WithErrors(codec.Sentinel("busy", errBusy))))
			if err := replay.Exec(ctx, told(fmt.Sprint(err, errors.Is(err, errBusy)))); err != nil {
				return "", err
			}
			return text(errors.Is(err, errBusy), pause(ctx))
		},
		"names, numbers and times": func(ctx op.Context, _ int) (string, error) {
			began := replay.Now(ctx)
			made := fmt.Sprint(replay.UUID(ctx, "invoice"), replay.Rand(ctx, "lots").IntN(1000))
			if err := replay.Exec(ctx, told(made)); err != nil {
				return "", err
			}
			if err := replay.Exec(ctx, op.WaitUntil("evening", began.Add(5*time.Hour))); err != nil {
				return "", err
			}
			return text(made, replay.Exec(ctx, told(strconv.Itoa(hours(replay.Now(ctx).Sub(began)))).Key("then")))
		},
	}
}
