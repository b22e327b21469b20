package replay_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// racers are two operands of which "first" ends before "second", and both before the function runs
// again.
type racers func(ctx op.Context) (first, second op.Op[string], err error)

// timed is a group that lasts as long as a wait.
func timed(name string, d time.Duration) op.Op[string] {
	return op.Group(name, func(ctx op.Context) (string, error) { return name, replay.Exec(ctx, op.Wait("w", d)) })
}

// TestFirstEndWinsAfterAnOutage lets two things end one after the other while the function cannot
// be invoked. When it runs again both ends are in the log: the earlier one wins, wherever it stands
// and however many processors run goroutines. PERDURE_CHECKS=10 takes 1,000 rounds of each row.
func TestFirstEndWinsAfterAnOutage(t *testing.T) { //nolint:paralleltest // it sets the number of processors
	rows := []struct {
		kind string
		make racers
	}{
		{"waits", func(op.Context) (first, second op.Op[string], err error) {
			text := func(o op.Op[op.None], s string) op.Op[string] {
				return op.Transform(o, func(op.None) (string, error) { return s, nil })
			}
			return text(op.Wait("first", 60*time.Second), "first"), text(op.Wait("second", 61*time.Second), "second"), nil
		}},
		{"groups", func(op.Context) (first, second op.Op[string], err error) {
			return timed("first", 60*time.Second), timed("second", 61*time.Second), nil
		}},
		{"a callback that is waited for and a group", func(op.Context) (first, second op.Op[string], err error) {
			ask := op.WaitForCallback[string]("first", func(context.Context, string) error { return nil })
			return ask, timed("second", 31*time.Second), nil
		}},
		{"a group and a callback that is waited for", func(op.Context) (first, second op.Op[string], err error) {
			ask := op.WaitForCallback[string]("second", func(context.Context, string) error { return nil })
			return timed("first", 29*time.Second), ask, nil
		}},
		{"callbacks that were created before", func(ctx op.Context) (first, second op.Op[string], err error) {
			c, err := replay.Run(ctx, op.CreateCallback[string]("c"))
			if err != nil {
				return first, second, err
			}
			return c.Result(), timed("second", 31*time.Second), nil
		}},
		{"futures", func(ctx op.Context) (first, second op.Op[string], err error) {
			b := replay.Go(ctx, timed("second", 40*time.Second))
			a := replay.Go(ctx, timed("first", 39*time.Second))
			return a.Result(), b.Result(), replay.Exec(ctx, op.Wait("before the race", 50*time.Second))
		}},
		{"futures of steps and of groups", func(ctx op.Context) (first, second op.Op[string], err error) {
			b := replay.Go(ctx, timed("second", 40*time.Second))
			a := replay.Go(ctx, op.Step("first", func(context.Context) (string, error) { return "first", nil }))
			return a.Result(), b.Result(), replay.Exec(ctx, op.Wait("before the race", 50*time.Second))
		}},
		{"a step that is over and a group, nested", func(op.Context) (first, second op.Op[string], err error) {
			nested := op.Group("first", func(ctx op.Context) (string, error) {
				if err := replay.Exec(ctx, op.Do("s", func(context.Context) error { return nil })); err != nil {
					return "", err
				}
				return replay.Run(ctx, timed("inner", 45*time.Second))
			})
			return nested, timed("second", 46*time.Second), nil
		}},
		{"a time limit", func(op.Context) (first, second op.Op[string], err error) {
			ask := op.WaitForCallback[string]("first", func(context.Context, string) error { return nil })
			return op.Timeout("limited", ask, time.Minute), timed("second", 31*time.Second), nil
		}},
	}
	procs := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(procs)
	for _, n := range []int{1, 2, 4} { //nolint:paralleltest // as above
		runtime.GOMAXPROCS(n)
		for _, row := range rows {
			t.Run(fmt.Sprintf("%s, %d processors", row.kind, n), func(t *testing.T) {
				rounds, right := draws.Count(100), 0
				if testing.Short() {
					rounds = 10
				}
				for i := range rounds {
					if i%2*2 == winnerAfterAnOutage(t, row.make, i%2 == 1) {
						right++
					}
				}
				t.Logf("%d of %d right winners", right, rounds)
				if right != rounds {
					t.Errorf("%d of %d winners were not the first to end", rounds-right, rounds)
				}
			})
		}
	}
}

// winnerAfterAnOutage returns the place of the winner, times two: of the first operand if the
// operands are not swapped.
func winnerAfterAnOutage(t *testing.T, operands racers, swapped bool) int {
	t.Helper()
	svc := local.New(local.WithClock(local.NewVirtualClock(time.Unix(1e9, 0))))
	defer svc.Close()
	err := svc.Host("f", replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		first, second, err := operands(ctx)
		if err != nil {
			return 0, err
		}
		if swapped {
			first, second = second, first
		}
		w, err := replay.Run(ctx, op.RaceWinner("which", first, second))
		return w.Index, err
	}))
	if err != nil {
		t.Fatal(err)
	}
	e, err := svc.Start(t.Context(), "f", "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	runUntilSuspended := func() {
		t.Helper()
		if err := e.RunUntilSuspended(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	runUntilSuspended()
	svc.Advance(30 * time.Second)
	for _, rec := range e.Operations() {
		if rec.Kind == checkpoint.KindCallback {
			if err := svc.CompleteCallback(rec.CallbackID, []byte(`"yes"`)); err != nil {
				t.Fatal(err)
			}
		}
	}
	svc.Advance(40 * time.Second)
	runUntilSuspended()
	switch string(e.Result()) {
	case "0":
		return 0
	case "1":
		return 2
	}
	t.Fatalf("the execution ended as %s with %s (%v)", e.Status(), e.Result(), e.Err())
	return -1
}
