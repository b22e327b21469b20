package op_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func never() op.StepOption { return op.WithRetry(retry.Never()) }

func ExampleStep() {
	quote := op.Step("quote", func(context.Context) (float64, error) { return 12.5, nil })
	showOp(quote)
	// Output: 12.5 <nil>
}

func ExampleStepFunc() {
	double := op.StepFunc("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	showOp(double(21))
	// Output: 42 <nil>
}

func ExampleDo() {
	showOp(op.Do("ring", func(context.Context) error {
		fmt.Println("ring")
		return nil
	}))
	// Output:
	// ring
	// {} <nil>
}

func ExampleDoFunc() {
	notify := op.DoFunc("notify", func(_ context.Context, to string) error {
		fmt.Println("mail to", to)
		return nil
	})
	showOp(notify("ada"))
	// Output:
	// mail to ada
	// {} <nil>
}

func ExampleWithRetry() {
	showOp(op.Do("upload", func(ctx context.Context) error {
		info, _ := op.InfoFrom(ctx)
		fmt.Println("attempt", info.Attempt)
		return errors.New("no route")
	}, op.WithRetry(retry.Fixed(time.Minute, retry.MaxAttempts(2)))))
	// Output:
	// attempt 1
	// attempt 2
	// Error: no route
}

func ExampleWithRetryIf() {
	busy := errors.New("busy")
	showOp(op.Do("upload", func(context.Context) error {
		fmt.Println("upload")
		return errors.New("no such file")
	}, op.WithRetryIf(retry.OnIs(busy))))
	// Output:
	// upload
	// Error: no such file
}

func ExampleWithSemantics() {
	showOp(op.Do("charge", func(context.Context) error {
		fmt.Println("charge")
		return errors.New("declined")
	}, op.WithSemantics(op.AtMostOncePerRetry)))
	// Output:
	// charge
	// Error: declined
}

func ExampleWithCrashCounting() {
	// A body that exhausts the memory of its process fails its step in the end.
	showOp(op.Do("resize", func(context.Context) error { return nil }, op.WithCrashCounting()))
	// Output: {} <nil>
}

func ExampleWithTimeout() {
	showOp(op.Do("slow", func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}, op.WithTimeout(time.Millisecond), never()))
	// Output: TimedOut: timed out
}

func ExampleWithErrors() {
	errDeclined := errors.New("declined")
	charge := op.Do("charge", func(context.Context) error { return errDeclined },
		never(), op.WithErrors(codec.Sentinel("CardDeclined", errDeclined)))
	show(func(ctx op.Context, _ op.None) (bool, error) {
		return errors.Is(replay.Exec(ctx, charge), errDeclined), nil
	})
	// Output: true <nil>
}

func ExampleWithCodec() {
	read := op.Step("read", func(context.Context) (string, error) { return "as it stands", nil },
		op.WithCodec(codec.Raw()))
	showOp(read)
	// Output: "as it stands" <nil>
}
