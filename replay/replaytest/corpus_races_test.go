package replaytest_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// three are steps that take no time.
func three(name string) op.Op[int] {
	return op.Group(name, func(ctx op.Context) (int, error) {
		n := 0
		for _, key := range []string{"a", "b", "c"} {
			var err error
			if n, err = replay.Run(ctx, add(n).Key(key)); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
}

// linger takes longer, in real time, than a body that Explore holds back: what was left behind
// meanwhile ends.
var linger = op.Do("linger", func(context.Context) error {
	for range 10 {
		dawdle()
	}
	return nil
})

// dawdle is code that takes two milliseconds of real time.
func dawdle() {
	over := make(chan struct{})
	time.AfterFunc(2*time.Millisecond, func() { close(over) })
	<-over
}

// races are programs in which a timer wins if the engine suspends although it could go on.
func races() map[string]func(op.Context, int) (string, error) {
	hour := op.Transform(op.Wait("hour", time.Hour), func(op.None) (int, error) { return -1, nil })
	return map[string]func(op.Context, int) (string, error){
		"steps against an hour": func(ctx op.Context, _ int) (string, error) {
			return text(replay.Run(ctx, op.Race("first", three("steps"), hour)))
		},
		"a retry against an hour": func(ctx op.Context, n int) (string, error) {
			w, err := replay.Run(ctx, op.RaceWinner("first", hour, flaky(n)))
			return text(w.Index, err)
		},
		"a step against its retries": func(ctx op.Context, n int) (string, error) {
			brief := op.Step("brief", func(context.Context) (int, error) { dawdle(); return n, nil }) // the other one begins
			v, err := replay.Run(ctx, op.Any("first", flaky(n), brief))                               // crashes decide which one wins
			if err != nil {
				return "", err
			}
			return text(v, replay.Exec(ctx, linger))
		},
		"steps within an hour": func(ctx op.Context, _ int) (string, error) {
			return text(replay.Run(ctx, op.Timeout("limit", three("steps"), time.Hour)))
		},
		"the hour is cancelled": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Parallel("first", []op.Op[int]{three("steps"), hour},
				op.WithCompletion(op.FirstSuccessful()), op.WithCancelLosers()))
			return text(b.Succeeded(), err)
		},
	}
}

// futures are programs that start operations and look for them later.
func futures() map[string]func(op.Context, int) (string, error) {
	return map[string]func(op.Context, int) (string, error){
		"the time of a future": func(ctx op.Context, n int) (string, error) {
			began := replay.Now(ctx)
			f := replay.Go(ctx, op.Group("timed", func(ctx op.Context) (int, error) {
				if _, err := replay.Run(ctx, linger); err != nil {
					return 0, err
				}
				return hours(replay.Now(ctx).Sub(began)), nil
			}))
			for range n { // what was started above goes on meanwhile
				dawdle()
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return text(replay.Run(ctx, f.Result()))
		},
		"a future that nobody awaits": func(ctx op.Context, n int) (string, error) {
			replay.Go(ctx, napping(n))
			replay.Go(ctx, op.Wait("left-behind", 24*time.Hour))
			return text(replay.Run(ctx, relaxed(n)))
		},
	}
}

func besideAnInvoke(ctx op.Context, n int) (string, error) {
	f := replay.Go(ctx, add(n))
	v, err := replay.Run(ctx, op.Invoke[int]("twice", "double", n))
	if err != nil {
		return "", err
	}
	w, err := replay.Run(ctx, f.Result())
	return text(v+w, err)
}

// otherCode is a program of which a second copy of an event meets other code, as during a
// deployment. No body of that code may run: the log is not its own.
func otherCode() program {
	var events deliveries
	var ran atomic.Bool
	seen := op.StepFunc("seen", func(context.Context, string) (bool, error) { return ran.Load(), nil })
	run := func(ctx op.Context, n int) (string, error) {
		other := events.again(ctx) && ctx.Execution().Replaying
		first := op.Step("first", func(context.Context) (int, error) { return n, nil })
		if other {
			first = op.WaitForCondition("first", n, func(_ context.Context, n int) (int, bool, error) { return n, true, nil })
		}
		if _, err := replay.Run(ctx, first); err != nil {
			return "", err
		}
		if err := pause(ctx); err != nil {
			return "", err
		}
		if other {
			if err := replay.Exec(ctx, op.Do("other", func(context.Context) error { ran.Store(true); return nil })); err != nil {
				return "", err
			}
		}
		if err := replay.Exec(ctx, op.Wait("longer", time.Hour)); err != nil {
			return "", err
		}
		is, err := replay.Run(ctx, seen(strconv.Itoa(n)))
		return text(is, err)
	}
	return program{
		run: run, set: []replay.HandlerOption{replay.WithDivergence(replay.DivergenceHold)},
		opts: []replaytest.ExploreOption{replaytest.WithReset(func() { events.reset(); ran.Store(false) })},
	}
}
