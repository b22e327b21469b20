package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

func ExampleWithSchedules() {
	t := newTest()

	r := replaytest.Explore(t, checkout, 12, replaytest.WithSchedules(0)) // single interruptions alone
	fmt.Println(r.Pairs, r.Triples, r.Schedules() == r.Singles)
	// Output: 0 0 true
}

func ExampleWithSeed() {
	t := newTest()

	r := replaytest.Explore(t, checkout, 12, replaytest.WithSeed(7), replaytest.WithSchedules(20)) // other pairs and triples
	fmt.Println(r.Pairs, r.Triples)
	// Output: 20 20
}

func ExampleWithSchedule() {
	t := newTest()

	// The line that a failure prints is tried alone.
	r := replaytest.Explore(t, checkout, 12, replaytest.WithSchedule("call:1=reply-lost; body:charge-card@1=lost-before"))
	fmt.Println(r.Interruptions)
	// Output: 2
}

func ExampleExecution_Continue() {
	t := newTest()

	nap := op.Wait("nap", time.Hour)
	before := replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return "before", replay.Exec(ctx, nap) })
	after := replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return "after", replay.Exec(ctx, nap) })

	e := replaytest.Start(t, before, op.None{})
	e.RunUntilSuspended() // it naps
	e.Continue(after)     // meanwhile other code is deployed
	fmt.Println(e.Result().Value)
	// Output: after
}

func ExampleWithEqual() {
	t := newTest()

	r := replaytest.Explore(t, checkout, 12, replaytest.WithEqual(func(want, got string) bool {
		return strings.Fields(want)[0] == strings.Fields(got)[0] // the amount does not matter
	}))
	fmt.Println(r.Singles == r.Want())
	// Output: true
}

func ExampleCrash() {
	t := newTest()

	transfer := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Step("transfer", func(ctx context.Context) (string, error) {
			// take from one account
			replaytest.Crash(ctx)
			// give to the other
			return "transferred", nil
		}))
	})
	fmt.Println(replaytest.Explore(t, transfer, op.None{}).CrashPoints)
	// Output: 1
}

func ExampleWithReset() {
	t := newTest()

	stock, held := 1, false // a fake of another system, which all executions share
	reserve := replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		return replay.Run(ctx, op.Step("reserve-stock", func(context.Context) (int, error) {
			switch {
			case held: // the attempt before has got it, and was cut off
			case stock == 0:
				return 0, errors.New("sold out")
			default:
				stock, held = stock-1, true
			}
			return stock, nil
		}))
	})
	r := replaytest.Explore(t, reserve, op.None{}, replaytest.WithReset(func() { stock, held = 1, false }))
	fmt.Println(r.Singles == r.Want())
	// Output: true
}

func ExampleWithTimeLimit() {
	t := newTest()

	r := replaytest.Run(t, checkout, 12, replaytest.WithTimeLimit(5*time.Second)) // of real time: this takes milliseconds
	fmt.Println(r.Err)
	// Output: <nil>
}
