package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// passing lets so much of the service's time pass in a body.
func passing(ctx context.Context, d time.Duration) {
	if c, ok := checkpoint.ClockFrom(ctx).(*local.VirtualClock); ok && ctx.Err() == nil {
		c.Advance(d)
	}
}

// rules are programs that each need one rule of the engine that other programs do not.
func rules() map[string]program {
	anything := replaytest.WithEqual(func(string, string) bool { return true })
	return map[string]program{
		"a place of one that was left behind": {run: placesLeft, want: "[1 -1 3 4]", opts: []replaytest.ExploreOption{anything}},
		"polls for several ends":              {run: polls, want: "[true true]", opts: []replaytest.ExploreOption{anything, replaytest.WithSchedules(0)}},
		"two may win":                         {run: twoMayWin, want: "1", opts: []replaytest.ExploreOption{anything}},
		"crashes count, twice":                {run: counted, want: "2"},
		"a saga of five": {run: func(ctx op.Context, n int) (string, error) {
			for i := range 5 {
				if _, err := replay.Run(ctx, add(n+i).Undo(func(context.Context, int) error { return nil }).Key(strconv.Itoa(i))); err != nil {
					return "", err
				}
			}
			return "", replay.Exec(ctx, op.Do("refuse", func(context.Context) error { return errBusy }, op.WithRetry(retry.Never())))
		}},
		"five branches, then a failure": {run: func(ctx op.Context, _ int) (string, error) {
			var ops []op.Op[int]
			for i := range 5 {
				ops = append(ops, op.Group("branch-"+strconv.Itoa(i), func(ctx op.Context) (int, error) {
					if _, err := replay.Run(ctx, add(i)); err != nil {
						return 0, err
					}
					return i, nil
				}).Undo(func(context.Context, int) error { return nil }))
			}
			fails := op.Group("fails", func(ctx op.Context) (int, error) {
				return 0, errors.Join(replay.Exec(ctx, op.Wait("minute", time.Minute)), errBusy)
			})
			_, err := replay.Run(ctx, op.Parallel("all", append(ops, fails), op.WithCompletion(op.AllSuccessful())))
			return "", err
		}},
	}
}

// placesLeft has a branch wait for a place among the running bodies until its time is over; those
// that have come behind it get the place.
func placesLeft(ctx op.Context, _ int) (string, error) {
	item := func(n int) op.Op[int] {
		switch n {
		case 1: // has the only place for three seconds
			return op.Step("long", func(ctx context.Context) (int, error) {
				for range 3 {
					dawdle()
					passing(ctx, time.Second)
					dawdle()
				}
				return n, nil
			})
		case 2: //nolint:mnd // waits for the place one second
			return op.Timeout("limit", op.Step("late", func(context.Context) (int, error) { return n, nil }), time.Second)
		}
		return op.Group("next", func(ctx op.Context) (int, error) {
			if err := replay.Exec(ctx, op.Wait("pause", time.Second)); err != nil {
				return 0, err
			}
			return replay.Run(ctx, op.Step("place", func(context.Context) (int, error) { return n, nil }))
		})
	}
	b, err := replay.Run(ctx, op.Map("all", []int{1, 2, 3, 4}, item, op.WithMaxRunning(1), op.WithCompletion(op.AllCompleted())))
	if err != nil {
		return "", err
	}
	var got []int
	for _, it := range b.Items {
		if it.Err != nil {
			it.Value = -1
		}
		got = append(got, it.Value)
	}
	return text(got, nil)
}

// polls has two branches wait for different times while a body runs that looks whether each went on
// in time.
func polls(ctx op.Context, n int) (string, error) {
	patience := 20 * time.Millisecond
	if n == 0 { // nothing interrupts it, and it must be seen
		patience = 5 * time.Second
	}
	told := []chan struct{}{make(chan struct{}), make(chan struct{})} // of this invocation
	nap := func(n int) op.Op[bool] {
		return op.Group("nap", func(ctx op.Context) (bool, error) {
			if err := replay.Exec(ctx, op.Wait("sleep", time.Duration(n)*time.Second)); err != nil {
				return false, err
			}
			return replay.Run(ctx, op.Step("wake", func(context.Context) (bool, error) { close(told[n-1]); return true, nil }))
		})
	}
	look := op.Step("look", func(ctx context.Context) ([]bool, error) {
		seen := make([]bool, len(told))
		for i, c := range told {
			dawdle() // both have begun to wait
			passing(ctx, time.Second)
			brief := make(chan struct{})
			timer := time.AfterFunc(patience, func() { close(brief) })
			late := time.NewTicker(250 * time.Millisecond) // by far more than an end takes to be seen
			for waits := true; waits; {
				select {
				case <-c:
					seen[i], waits = true, false
				case <-brief:
					waits = false
				case <-ctx.Done():
					waits = false
				case <-late.C: // on a busy machine the wait may have begun after its time had passed
					passing(ctx, time.Second)
				}
			}
			late.Stop()
			timer.Stop()
		}
		return seen, nil
	})
	f := replay.Go(ctx, op.Map("naps", []int{1, 2}, nap))
	seen, err := replay.Run(ctx, look)
	if err != nil {
		return "", err
	}
	return text(seen, replay.Exec(ctx, f.Result()))
}

// twoMayWin is a race of which the loser can win if the function is away for a while when it was
// about to be answered.
func twoMayWin(ctx op.Context, _ int) (string, error) {
	slower := op.Group("slower", func(ctx op.Context) (int, error) {
		if _, err := replay.Run(ctx, add(1).Undo(func(context.Context, int) error { return nil })); err != nil {
			return 0, err
		}
		return 0, replay.Exec(ctx, op.Wait("one-more", 61*time.Second))
	})
	faster := op.Group("faster", func(ctx op.Context) (int, error) { return 1, replay.Exec(ctx, op.Wait("minute", time.Minute)) })
	return text(replay.Run(ctx, op.Race("first", slower, faster)))
}

// counted crashes by itself twice, if it may.
func counted(ctx op.Context, _ int) (string, error) {
	return text(replay.Run(ctx, op.Step("counted", func(ctx context.Context) (int, error) {
		replaytest.Crash(ctx)
		info, _ := op.InfoFrom(ctx)
		if info.Attempt < 2 { //nolint:mnd // the second attempt succeeds
			return 0, fmt.Errorf("attempt %d", info.Attempt)
		}
		return 2, nil
	}, op.WithCrashCounting(), op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))))
}
