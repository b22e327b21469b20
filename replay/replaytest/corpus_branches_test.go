package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func branches() map[string]func(op.Context, int) (string, error) {
	return map[string]func(op.Context, int) (string, error){
		"map": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2, 3}, add, op.WithMaxConcurrency(2)))
			return text(b.Values(), err)
		},
		"flat map": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2}, napping, op.WithFlat()))
			return text(b.Values(), err)
		},
		"chunks": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2, 3, 4, 5}, add, op.WithChunks(2, 0)))
			return text(b.Values(), err)
		},
		"a map of groups, few bodies at once": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2, 3}, napping, op.WithMaxRunning(1)))
			return text(b.Values(), err)
		},
		"join": func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Join2("both", add(n), flaky(n)))
			return text(v.A+v.B, err)
		},
		"a retry beside a slow body": func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Join3("all", slow(n), flaky(n), onceFlaky(n)))
			return text(v.A+v.B+v.C, err)
		},
		"a wait beside steps": func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Join3("all", napping(n), relaxed(n), onceFlaky(n)))
			return text(v.A+v.B+v.C, err)
		},
		"future": func(ctx op.Context, n int) (string, error) {
			f := replay.Go(ctx, flaky(n))
			a, err := replay.Run(ctx, add(n))
			if err != nil {
				return "", err
			}
			b, err := replay.Run(ctx, f.Result())
			return text(a+b, err)
		},
		"an open parallel": func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.OpenParallel("open", openParallel(n), op.WithMaxConcurrency(2)))
			return text(v, err)
		},
		"an open parallel that fails and is undone": func(ctx op.Context, n int) (string, error) {
			_, err := replay.Run(ctx, op.OpenParallel("open", func(ctx op.Context) (int, error) {
				if _, err := openParallel(n)(ctx); err != nil {
					return 0, err
				}
				return 0, errors.New("no")
			}, op.WithMaxConcurrency(1)))
			return "", pauseAfter(ctx, err)
		},
		"futures and groups": func(ctx op.Context, n int) (string, error) {
			f := replay.Go(ctx, napping(n))
			g := replay.Go(ctx, once(n))
			if err := pause(ctx); err != nil {
				return "", err
			}
			v, err := replay.Run(ctx, op.Join2("both", f.Result(), g.Result()))
			return text(v.A+v.B, err)
		},
		"branches in branches": func(ctx op.Context, n int) (string, error) {
			inner := op.Transform(op.Map("inner", []int{1, 2}, add), func(b op.Batch[int]) (int, error) { return len(b.Values()), nil })
			v, err := replay.Run(ctx, op.Join2("outer", inner, napping(n)))
			return text(v.A+v.B, err)
		},
		"race": func(ctx op.Context, n int) (string, error) {
			late := op.Transform(op.Wait("late", time.Hour), func(op.None) (int, error) { return 0, nil })
			return text(replay.Run(ctx, op.Race("first", add(n), late)))
		},
		"the loser of a race": func(ctx op.Context, n int) (string, error) {
			loser := op.Group("loser", func(ctx op.Context) (int, error) {
				if err := replay.Exec(ctx, op.Wait("long", 24*time.Hour)); err != nil {
					return 0, err
				}
				return replay.Run(ctx, add(0))
			})
			v, err := replay.Run(ctx, op.Race("first", napping(n), loser))
			if err != nil {
				return "", err
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return text(replay.Run(ctx, add(v)))
		},
		"enough": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2, 90}, napping, op.WithCompletion(op.MinSuccessful(2))))
			if err != nil {
				return "", err
			}
			return text(b.Values(), pause(ctx))
		},
		"enough of flat groups, beside a step": func(ctx op.Context, _ int) (string, error) {
			// both groups may have ended before the invocation in which one of them is enough
			nothing := func(context.Context, int) error { return nil }
			group := op.GroupFunc("group", func(ctx op.Context, n int) (int, error) { return replay.Run(ctx, add(n).Undo(nothing)) })
			first := op.Transform(op.Map("first", []int{1, 2}, group, op.WithFlat(), op.WithCompletion(op.MinSuccessful(1))),
				func(b op.Batch[int]) (int, error) { return len(b.Succeeded()), nil })
			beside := add(3).UndoAttempted(func(context.Context) error { return nil }) // which waits for its START
			_, _ = replay.Run(ctx, op.Parallel("both", []op.Op[int]{first, beside}))   // it fails if a loser was cut off
			return "", pause(ctx)
		},
		"time-out of what has an Undo, then a failure": func(ctx op.Context, _ int) (string, error) {
			o := napping(60).Undo(func(context.Context, int) error { return nil })
			_, err := replay.Run(ctx, op.Group("late", func(ctx op.Context) (int, error) {
				return replay.Run(ctx, op.Timeout("limit", o, time.Minute))
			}))
			if !errors.Is(err, op.ErrTimedOut) {
				return "", fmt.Errorf("want a time-out, got %w", err)
			}
			return "", pause(ctx)
		},
		"time-out": func(ctx op.Context, n int) (string, error) {
			_, err := replay.Run(ctx, op.Timeout("limit", napping(60), time.Minute))
			if !errors.Is(err, op.ErrTimedOut) {
				return "", fmt.Errorf("want a time-out, got %w", err)
			}
			return text(replay.Run(ctx, add(n)))
		},
	}
}

// openParallel starts a branch that depends on another one while a third goes on.
func openParallel(n int) func(op.Context) (int, error) {
	return func(ctx op.Context) (int, error) {
		branch := func(name string, o op.Op[int]) op.Op[int] {
			return op.Branch(name, func(ctx op.Context) (int, error) { return replay.Run(ctx, o) })
		}
		nap := replay.Go(ctx, branch("nap", napping(n)))
		first, err := replay.Run(ctx, replay.Go(ctx, branch("first", add(n))).Result())
		if err != nil {
			return 0, err
		}
		second := replay.Go(ctx, branch("second", flaky(first)))
		third := replay.Go(ctx, branch("third", once(n)))
		sum := first
		for _, f := range []*replay.Future[int]{second, nap, third} {
			v, err := replay.Run(ctx, f.Result())
			if err != nil {
				return 0, err
			}
			sum += v
		}
		return sum, nil
	}
}

// pauseAfter waits; err must not be nil.
func pauseAfter(ctx op.Context, err error) error {
	if err == nil {
		return errors.New("it succeeded")
	}
	return pause(ctx)
}
