package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func ExampleHandler() {
	double := op.StepFunc("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	f := replay.Handler(func(ctx op.Context, n int) (int, error) { return replay.Run(ctx, double(n)) })
	// In a Lambda function: lambda.Start(f)
	service := local.New()
	defer service.Close()
	out, err := service.Run(context.Background(), f, []byte(`21`))
	fmt.Println(string(out), err)
	// Output: 42 <nil>
}

func ExampleFunction_Invoke() {
	f := replay.Handler(func(op.Context, int) (int, error) { return 0, nil })
	_, err := f.Invoke(context.Background(), []byte(`{"not":"of a durable function"}`))
	fmt.Println(err != nil)
	// Output: true
}

func ExampleWithClient() {
	// Without a client the one of Lambda's environment is used, or that of the host's context.
	f := replay.Handler(func(op.Context, int) (int, error) { return 0, nil }, replay.WithClient(new(acceptor)))
	out, err := f.Invoke(context.Background(), []byte(`{"DurableExecutionArn":"arn","CheckpointToken":"t",`+
		`"InitialExecutionState":{"Operations":[{"Id":"e","Type":"EXECUTION","Status":"STARTED"}]}}`))
	fmt.Println(string(out), err)
	// Output: {"Status":"SUCCEEDED","Result":"0"} <nil>
}

func ExampleWithErrors() {
	errDeclined := errors.New("declined")
	show(func(ctx op.Context, _ op.None) (bool, error) {
		err := replay.Exec(ctx, op.Do("charge", func(context.Context) error { return errDeclined }))
		return errors.Is(err, errDeclined), nil
	}, replay.WithErrors(codec.Sentinel("CardDeclined", errDeclined)),
		replay.WithStepDefaults(op.WithRetry(retry.Never())))
	// Output: true <nil>
}

func ExampleWithCodec() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Step("read", func(context.Context) (string, error) { return "raw", nil }))
	}, replay.WithCodec(codec.Raw()))
	// Output: "raw" <nil>
}

func ExampleWithStepDefaults() {
	show(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Do("upload", func(context.Context) error {
			fmt.Println("upload")
			return errors.New("no route")
		}))
	}, replay.WithStepDefaults(op.WithRetry(retry.Fixed(time.Minute, retry.MaxAttempts(2)))))
	// Output:
	// upload
	// upload
	// Error: no route
}

// plain is a handler of log records that prints message and level.
func plain() slog.Handler {
	return slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.MessageKey || a.Key == slog.LevelKey {
			return a
		}
		return slog.Attr{}
	}})
}

// hour logs before and after a wait.
func hour(ctx op.Context, _ op.None) (string, error) {
	ctx.Logger().Info("before")
	err := replay.Exec(ctx, op.Wait("an-hour", time.Hour))
	ctx.Logger().Info("after")
	return "done", err
}

func ExampleWithLogHandler() {
	show(hour, replay.WithLogHandler(plain()))
	// Output:
	// level=INFO msg=before
	// level=INFO msg=after
	// "done" <nil>
}

func ExampleWithReplayLogs() {
	show(hour, replay.WithLogHandler(plain()), replay.WithReplayLogs(slog.LevelInfo))
	// Output:
	// level=INFO msg=before
	// level=INFO msg=before
	// level=INFO msg=after
	// "done" <nil>
}

func ExampleWithStackTraces() {
	show(func(op.Context, op.None) (int, error) { panic("broken") }, replay.WithStackTraces())
	// Output: PanicError: panic: broken
}

func ExampleWithDivergence() {
	// Code that does not fit its log ends the invocation with an error, until it is rolled back.
	show(func(op.Context, op.None) (int, error) { return 1, nil }, replay.WithDivergence(replay.DivergenceHold))
	// Output: 1 <nil>
}

func ExampleDivergedError() {
	err := &replay.DivergedError{Reason: "the name differs", Log: "STEP charge", Code: "STEP pay", Declare: `op.Step("pay", …).Was("charge")`}
	fmt.Println(strings.ReplaceAll(err.Error(), "; ", "\n"))
	// Output:
	// replay: the execution diverged in the handler: the name differs
	// checkpointed STEP charge, current code STEP pay
	// declare the change (docs/changing-code.md): op.Step("pay", …).Was("charge")
}

func ExampleWithReadyStart() {
	show(func(ctx op.Context, _ op.None) (int, error) {
		return replay.Run(ctx, op.Step("page", func(ctx context.Context) (int, error) {
			info, _ := op.InfoFrom(ctx)
			if info.Attempt == 1 {
				return 0, errors.New("busy")
			}
			return info.Attempt, nil
		}))
	}, replay.WithReadyStart(false))
	// Output: 2 <nil>
}

func ExampleWithGrace() {
	// An invocation that has its answer does not wait for bodies that go on.
	show(func(op.Context, op.None) (int, error) { return 1, nil }, replay.WithGrace(0))
	// Output: 1 <nil>
}

func ExampleWithDeadlineMargin() {
	// Ten seconds before the deadline the contexts of bodies end, so that they can keep their
	// progress, at most 5 times in a row.
	show(func(op.Context, op.None) (int, error) { return 1, nil },
		replay.WithDeadlineMargin(10*time.Second), replay.WithMaxInterruptions(5))
	// Output: 1 <nil>
}

func ExampleWithMaxInterruptions() {
	// Each attempt that the deadline cuts short is one of the step's own: its policy decides.
	show(func(op.Context, op.None) (int, error) { return 1, nil },
		replay.WithDeadlineMargin(10*time.Second), replay.WithMaxInterruptions(0))
	// Output: 1 <nil>
}

func ExampleErrRepeat() {
	attempts := 0
	rates := func() (int, error) { // reads a file that another process of the function has
		if attempts++; attempts == 1 {
			return 0, errors.New("no such file")
		}
		return 5, nil
	}
	f := replay.Handler(func(_ op.Context, n int) (int, error) {
		rate, err := rates()
		if err != nil {
			return 0, fmt.Errorf("%w: %w", replay.ErrRepeat, err)
		}
		return n * rate, nil
	}, replay.WithLogHandler(slog.DiscardHandler))
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()
	out, err := service.Run(context.Background(), f, []byte(`21`))
	fmt.Println(string(out), err, "after", attempts, "invocations")
	// Output: 105 <nil> after 2 invocations
}
