package replaytest_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func largeResults() map[string]func(op.Context, int) (string, error) {
	return map[string]func(op.Context, int) (string, error){
		"large group": func(ctx op.Context, _ int) (string, error) {
			s, err := replay.Run(ctx, op.Group("grown", func(ctx op.Context) (string, error) {
				s, err := replay.Run(ctx, op.Step("seed", func(context.Context) (string, error) { return "x", nil }))
				return strings.Repeat(s, 300_000), err
			}))
			if err != nil {
				return "", err
			}
			if err := replay.Exec(ctx, told(strconv.Itoa(len(s)))); err != nil {
				return "", err
			}
			return text(len(s), pause(ctx))
		},
		"large map": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 1}, large))
			if err != nil {
				return "", err
			}
			return kept(ctx, b)
		},
		"large flat map": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 1}, large, op.WithFlat()))
			if err != nil {
				return "", err
			}
			return kept(ctx, b)
		},
		"large flat groups": func(ctx op.Context, _ int) (string, error) {
			each := op.GroupFunc("each", func(ctx op.Context, n int) (string, error) {
				s, err := replay.Run(ctx, large(n))
				return s + s, err
			})
			b, err := replay.Run(ctx, op.Map("all", []int{1, 1}, each, op.WithFlat()))
			if err != nil {
				return "", err
			}
			return kept(ctx, b)
		},
		"large flat groups that wait": func(ctx op.Context, _ int) (string, error) {
			each := op.GroupFunc("each", func(ctx op.Context, n int) (string, error) {
				s, err := replay.Run(ctx, large(1))
				if err != nil {
					return "", err
				}
				return s, replay.Exec(ctx, op.Wait("nap", time.Duration(n)*time.Minute))
			})
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2}, each, op.WithFlat()))
			if err != nil {
				return "", err
			}
			return kept(ctx, b)
		},
	}
}

// kept sees whether large results are the same at once and after a pause.
func kept(ctx op.Context, b op.Batch[string]) (string, error) {
	size, err := lengths(b.Values(), nil)
	if err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, told(size)); err != nil {
		return "", err
	}
	if err := pause(ctx); err != nil {
		return "", err
	}
	return lengths(b.Values(), nil)
}

func sagas() map[string]func(op.Context, int) (string, error) {
	undo := func(context.Context, int) error { return nil }
	refuse := op.Do("refuse", func(context.Context) error { return errors.New("no") }, op.WithRetry(retry.Never()))
	return map[string]func(op.Context, int) (string, error){
		"saga": func(ctx op.Context, n int) (string, error) {
			for _, key := range []string{"a", "b"} {
				if _, err := replay.Run(ctx, add(n).Undo(undo).Key(key)); err != nil {
					return "", err
				}
			}
			return "", replay.Exec(ctx, refuse)
		},
		"saga of branches": func(ctx op.Context, n int) (string, error) {
			taken := op.Group("taken", func(ctx op.Context) (int, error) {
				return replay.Run(ctx, add(n).Undo(undo))
			}).Undo(undo)
			v, err := replay.Run(ctx, op.Join2("both", taken, napping(n).Undo(undo)))
			if err != nil {
				return "", err
			}
			return text(v, replay.Exec(ctx, refuse))
		},
		"attempts are undone": func(ctx op.Context, n int) (string, error) {
			if _, err := replay.Run(ctx, flaky(n).UndoAttempted(func(context.Context) error { return nil })); err != nil {
				return "", err
			}
			return "", replay.Exec(ctx, refuse)
		},
		"the loser is undone": func(ctx op.Context, n int) (string, error) {
			loser := op.Group("loser", func(ctx op.Context) (int, error) {
				v, err := replay.Run(ctx, add(n).Undo(undo))
				if err != nil {
					return 0, err
				}
				return v, replay.Exec(ctx, op.Wait("long", 24*time.Hour))
			})
			return text(replay.Run(ctx, op.Race("first", napping(n), loser)))
		},
	}
}
