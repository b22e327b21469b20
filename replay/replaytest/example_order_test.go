package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// quiet is the *testing.T of the examples, which have none.
type quiet struct {
	testing.TB

	ctx      context.Context //nolint:containedctx // a test has one
	cleanups []func()
}

func newTest() *quiet                       { return &quiet{ctx: context.Background()} }
func (*quiet) Helper()                      {}
func (*quiet) Name() string                 { return "TestExample" }
func (q *quiet) Context() context.Context   { return q.ctx }
func (q *quiet) Cleanup(f func())           { q.cleanups = append(q.cleanups, f) }
func (*quiet) Errorf(f string, a ...any)    { fmt.Printf(f+"\n", a...) }
func (*quiet) Fatalf(f string, a ...any)    { fmt.Printf(f+"\n", a...) }
func (*quiet) Logf(format string, _ ...any) {}

var errNoMoney = errors.New("no money")

var charge = op.StepFunc("charge-card",
	func(_ context.Context, amount int) (string, error) { return fmt.Sprintf("paid %d", amount), nil },
	op.WithErrors(codec.Sentinel("no-money", errNoMoney)))

var checkout = replay.Handler(func(ctx op.Context, amount int) (string, error) {
	paid, err := replay.Run(ctx, charge(amount))
	if err != nil {
		return "", err
	}
	return paid, replay.Exec(ctx, op.Wait("cool-off", 24*time.Hour))
})

var approve = replay.Handler(func(ctx op.Context, _ int) (string, error) {
	ask := func(context.Context, string) error { return nil }
	return replay.Run(ctx, op.WaitForCallback[string]("approval", ask, op.WithTimeout(time.Hour)))
})

func ExampleRun() {
	t := newTest() // a test has one

	r := replaytest.Run(t, checkout, 12)
	fmt.Println(r.Value, r.Err, r.Took, r.Op("charge-card").Result)
	// Output: paid 12 <nil> 24h0m0s "paid 12"
}

func ExampleResult_Print() {
	t := newTest()

	r := replaytest.Run(t, checkout, 12)
	r.Print(os.Stdout)
	// Output:
	// SUCCEEDED after 24h, 2 invocations, 2 checkpoint calls, 2 metered operations, 9 bytes
	// OPERATION    KIND  STATUS     RUNS  BEGAN  ENDED  RESULT
	// charge-card  Step  SUCCEEDED  1     0s     0s     "paid 12"
	// cool-off     Wait  SUCCEEDED        0s     24h
}

func ExampleResult_Traffic() {
	t := newTest()

	fmt.Print(replaytest.Run(t, checkout, 12).Traffic())
	// Output:
	// input 12
	// invocation 1
	//   #1 charge-card Step START
	//   #1 charge-card Step SUCCEED "paid 12"
	//   #2 cool-off Wait START for=24h0m0s
	//   +0s suspended
	//   +24h0m0s WaitSucceeded cool-off
	// invocation 2
	// SUCCEEDED
}

func ExampleIgnoreChance() {
	t := newTest()
	items := op.StepFunc("pack", func(_ context.Context, item string) (string, error) { return "parcel-" + item, nil })
	ship := replay.Handler(func(ctx op.Context, all []string) (int, error) {
		parcels, err := replay.Run(ctx, op.Map("ship", all, items))
		return parcels.Len(), err
	})

	one, two := replaytest.Run(t, ship, []string{"a", "b"}), replaytest.Run(t, ship, []string{"a", "b"})
	fmt.Println(cmp.Equal(one, two, replaytest.IgnoreChance()))
	// Output: true
}

func ExampleStart() {
	t := newTest()

	e := replaytest.Start(t, approve, 12)
	e.RunUntilSuspended()
	fmt.Println(e.Op("approval").Status)
	e.Advance(30 * time.Minute)
	e.Callback("approval").Succeed("fine")
	fmt.Println(e.Result().Value)
	// Output:
	// STARTED
	// fine
}

func ExampleCallback_TimeOut() {
	t := newTest()

	e := replaytest.Start(t, approve, 12)
	e.RunUntilSuspended()
	e.Callback("approval").TimeOut()
	fmt.Println(errors.Is(e.Result().Err, op.ErrTimedOut))
	// Output: true
}

func ExampleStub() {
	t := newTest()

	r := replaytest.Run(t, checkout, 12, replaytest.Stub(charge,
		func(_ context.Context, amount int) (string, error) {
			return fmt.Sprintf("paid %d, not really", amount), nil
		}))
	fmt.Println(r.Value)
	// Output: paid 12, not really
}

func ExampleStubResult() {
	t := newTest()

	r := replaytest.Run(t, checkout, 12, replaytest.StubResult(charge, "paid by no one"))
	fmt.Println(r.Value, r.Op("charge-card").Runs)
	// Output: paid by no one 1
}

func ExampleStubPath() {
	t := newTest()

	r := replaytest.Run(t, checkout, 12, replaytest.StubPath("charge-*",
		func(context.Context) (string, error) { return "paid by path", nil }))
	fmt.Println(r.Value)
	// Output: paid by path
}

func ExampleCallbackFailure() {
	t := newTest()

	r := replaytest.Run(t, approve, 12, replaytest.CallbackFailure("approval", "denied", "too dear"))
	fmt.Println(r.Err)
	// Output: too dear
}

func ExampleWithStartTime() {
	t := newTest()
	year := replay.Handler(func(ctx op.Context, _ int) (int, error) { return replay.Now(ctx).Year(), nil })

	fmt.Println(replaytest.Run(t, year, 0, replaytest.WithStartTime(time.Date(2030, 2, 1, 0, 0, 0, 0, time.UTC))).Value)
	// Output: 2030
}

func ExampleAllowRepeats() {
	t := newTest()
	ping := op.DoFunc("ping", func(context.Context, int) error { return nil })
	f := replay.Handler(func(ctx op.Context, times int) (int, error) {
		for n := range times {
			if err := replay.Exec(ctx, ping(n)); err != nil {
				return 0, err
			}
		}
		return times, nil
	})

	fmt.Println(replaytest.Run(t, f, 3, replaytest.AllowRepeats()).Op("ping#3").Status)
	// Output: SUCCEEDED
}

func ExampleWithService() {
	t := newTest()

	r := replaytest.Run(t, checkout, 12, replaytest.WithService(local.WithExecutionTimeout(time.Hour)))
	fmt.Println(r.Status, r.Took)
	// Output: TIMED_OUT 1h0m0s
}

func ExampleAnnouncedPrices() {
	t := newTest()

	r := replaytest.Run(t, checkout, 12)
	p := replaytest.AnnouncedPrices()
	fmt.Printf("$%.2f for a million executions, in %s, %s\n", 1e6*p.Of(r.Metered, r.Bytes), p.Region, p.Date)
	// Output: $16.00 for a million executions, in us-east-2, 2025-12
}

func ExampleStubFailure() {
	t := newTest()

	r := replaytest.Run(t, checkout, 12, replaytest.StubFailure(charge, "no-money", "the account is empty"))
	fmt.Println(r.Err, errors.Is(r.Err, errNoMoney), r.Op("charge-card").Runs > 1)
	// Output: the account is empty true true
}

func ExampleCallbackResult() {
	t := newTest()

	fmt.Println(replaytest.Run(t, approve, 12, replaytest.CallbackResult("approval", "fine")).Value)
	// Output: fine
}

func ExampleHost() {
	t := newTest()

	square := replay.Handler(func(_ op.Context, n int) (int, error) { return n * n, nil })
	f := replay.Handler(func(ctx op.Context, n int) (int, error) {
		return replay.Run(ctx, op.Invoke[int]("square", "math:$LATEST", n))
	})
	fmt.Println(replaytest.Run(t, f, 7, replaytest.Host("math", square)).Value)
	// Output: 49
}

func ExampleWithBudget() {
	t := newTest()

	replaytest.Run(t, checkout, 12, replaytest.WithBudget(replaytest.Budget{CheckpointCalls: 1}))
	// Output: replaytest: over budget: 2 checkpoint calls of at most 1
}

func ExampleExplore() {
	t := newTest()

	r := replaytest.Explore(t, checkout, 12)
	fmt.Println(r.Singles == r.Want(), r.Schedules())
	// Output: true 228
}

func ExampleWithFunctionName() {
	t := newTest()

	countdown := replay.Handler(func(ctx op.Context, n int) (string, error) {
		if n == 0 {
			return "over", nil
		}
		return "", replay.ContinueAsNew(ctx, n-1, replay.ContinueOn("countdown:live"))
	})
	r := replaytest.Run(t, countdown, 3, replaytest.WithFunctionName("countdown"))
	fmt.Println(r.Value, len(r.Rounds))
	// Output: over 3
}
