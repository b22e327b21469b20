package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

func TestExploreTheOrder(t *testing.T) {
	t.Parallel()
	in := order{ID: "A-1", Total: 200, Items: []string{"x", "y"}}
	r := replaytest.Explore(t, replay.Handler(newShop().process), in,
		replaytest.Reply("manager-approval", approval{By: "Ann"}), replaytest.Schedules(50))
	if r.Singles != r.Want() || r.Callbacks != 1 || r.Pairs != 50 || r.Triples != 50 || r.Interrupted == 0 {
		t.Errorf("got %v", r)
	}
}

// corpus are programs that bear every interruption.
func corpus() map[string]func(op.Context, int) (string, error) {
	step := op.StepFunc("add", func(ctx context.Context, n int) (int, error) {
		replaytest.Crash(ctx)
		return n + 1, nil
	})
	flaky := op.StepFunc("flaky", func(ctx context.Context, n int) (int, error) {
		if info, _ := op.InfoFrom(ctx); info.Attempt < 3 {
			return 0, fmt.Errorf("attempt %d", info.Attempt)
		}
		return n, nil
	}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))
	text := func(v any, err error) (string, error) { return fmt.Sprint(v), err }
	return map[string]func(op.Context, int) (string, error){
		"sequence": func(ctx op.Context, n int) (string, error) {
			n, err := replay.Run(ctx, step(n))
			if err != nil {
				return "", err
			}
			if err := replay.Exec(ctx, op.Wait("pause", time.Hour)); err != nil {
				return "", err
			}
			return text(replay.Run(ctx, step(n).Key("again")))
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
				add := op.Step("add", func(context.Context) (int, error) { return n + 1, nil }, op.WithSemantics(op.Relaxed))
				var err error
				if n, err = replay.Run(ctx, add.Key(key)); err != nil {
					return "", err
				}
			}
			return text(replay.Run(ctx, step(n)))
		},
		"groups": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Group("outer", func(ctx op.Context) (int, error) {
				n, err := replay.Run(ctx, step(n))
				if err != nil {
					return 0, err
				}
				return replay.Run(ctx, op.Group("inner", func(ctx op.Context) (int, error) { return replay.Run(ctx, step(n)) }))
			})))
		},
		"map": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2, 3}, step, op.WithMaxConcurrency(2)))
			return text(b.Values(), err)
		},
		"flat map": func(ctx op.Context, _ int) (string, error) {
			each := op.GroupFunc("each", func(ctx op.Context, n int) (int, error) {
				if err := replay.Exec(ctx, op.Wait("pause", time.Duration(n)*time.Second)); err != nil {
					return 0, err
				}
				return replay.Run(ctx, step(n))
			})
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2}, each, op.WithFlat()))
			return text(b.Values(), err)
		},
		"join": func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Join2("both", step(n), flaky(n)))
			return text(v.A+v.B, err)
		},
		"future": func(ctx op.Context, n int) (string, error) {
			f := replay.Go(ctx, flaky(n))
			a, err := replay.Run(ctx, step(n))
			if err != nil {
				return "", err
			}
			b, err := replay.Run(ctx, f.Result())
			return text(a+b, err)
		},
		"large": func(ctx op.Context, _ int) (string, error) {
			s, err := replay.Run(ctx, op.Group("large", func(ctx op.Context) (string, error) {
				s, err := replay.Run(ctx, op.Step("seed", func(context.Context) (string, error) { return "x", nil }))
				return strings.Repeat(s, 300_000), err
			}))
			if err != nil {
				return "", err
			}
			return text(len(s), replay.Exec(ctx, op.Wait("pause", time.Minute)))
		},
		"saga": func(ctx op.Context, n int) (string, error) {
			undo := func(context.Context, int) error { return nil }
			for _, key := range []string{"a", "b"} {
				if _, err := replay.Run(ctx, step(n).Undo(undo).Key(key)); err != nil {
					return "", err
				}
			}
			return "", replay.Exec(ctx, op.Do("fail", func(context.Context) error { return errors.New("no") }, op.WithRetry(retry.Never())))
		},
		"race": func(ctx op.Context, n int) (string, error) {
			late := op.Transform(op.Wait("late", time.Hour), func(op.None) (int, error) { return 0, nil })
			return text(replay.Run(ctx, op.Race("first", step(n), late)))
		},
		"at most once": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Step("once", func(context.Context) (int, error) { return n, nil },
				op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))))
		},
	}
}

func TestExploreTheCorpus(t *testing.T) {
	t.Parallel()
	for name, program := range corpus() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			more := 8
			if testing.Short() {
				more = 0
			}
			replaytest.Explore(t, replay.Handler(program), 1, replaytest.Schedules(more))
		})
	}
}
