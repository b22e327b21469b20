package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// throttledOnce is a step whose first attempt fails.
func throttledOnce(name string) op.Op[string] {
	return op.Step(name, func(ctx context.Context) (string, error) {
		if info, _ := op.InfoFrom(ctx); info.Attempt == 1 {
			return "", errors.New("throttled")
		}
		return "charged", nil
	}, op.WithRetry(retry.Fixed(time.Second)))
}

func ExampleInterceptor() {
	watch := replay.Interceptor{
		InvocationStart: func(_ context.Context, i replay.InvocationInfo) { fmt.Println("invocation, first:", i.First) },
		OperationStart: func(_ context.Context, o replay.OperationInfo) {
			fmt.Println("start of", o.Path, "replay:", o.Replay)
		},
		AttemptEnd: func(_ context.Context, a replay.AttemptInfo, end replay.AttemptEnd) {
			fmt.Println("attempt", a.Number, "of", a.Path, end.Outcome, end.Err)
		},
		OperationEnd: func(_ context.Context, o replay.OperationInfo) { fmt.Println("end of", o.Path, o.Status, o.Result) },
		InvocationEnd: func(_ context.Context, _ replay.InvocationInfo, end replay.InvocationEnd) {
			fmt.Println("invocation", end.Status)
		},
	}
	show(func(ctx op.Context, _ op.None) (string, error) { return replay.Run(ctx, throttledOnce("charge")) },
		replay.WithInterceptors(watch))
	// Output:
	// invocation, first: true
	// start of charge replay: false
	// attempt 1 of charge FAILED throttled
	// invocation PENDING
	// invocation, first: false
	// start of charge replay: true
	// attempt 2 of charge SUCCEEDED <nil>
	// end of charge SUCCEEDED "charged"
	// invocation SUCCEEDED
	// "charged" <nil>
}

func ExampleInterceptor_change() {
	watch := replay.Interceptor{OperationChange: func(_ context.Context, c replay.Change) {
		for _, o := range c.Changed {
			_, known := c.Lookup(o.ID)
			fmt.Println(o.Kind, o.Name, o.Status, "in the log:", known, c.Operations)
		}
	}}
	show(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Wait("pause", time.Hour))
	}, replay.WithInterceptors(watch))
	// Output:
	// WAIT pause STARTED in the log: true 1
	// WAIT pause SUCCEEDED in the log: true 1
	// {} <nil>
}

func ExampleWithInterceptors() {
	// Each wraps the ones after it, and a body sees the values of all.
	type span struct{}
	named := func(name string) replay.Interceptor {
		return replay.Interceptor{
			WrapAttempt: func(ctx context.Context, a replay.AttemptInfo, next func(context.Context) replay.AttemptEnd) {
				fmt.Println(name, "before", a.Path)
				next(context.WithValue(ctx, span{}, name))
				fmt.Println(name, "after", a.Path)
			},
			LogAttrs: func(replay.AttemptInfo) []slog.Attr { return []slog.Attr{slog.String(name, "on")} },
		}
	}
	show(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Step("charge", func(ctx context.Context) (string, error) {
			op.LoggerFrom(ctx).Info("charged", slog.Any("span", ctx.Value(span{})))
			return "done", nil
		}))
	}, replay.WithInterceptors(named("metrics"), named("tracing")), replay.WithLogHandler(only("msg", "span", "metrics", "tracing")))
	// Output:
	// metrics before charge
	// tracing before charge
	// msg=charged metrics=on tracing=on span=tracing
	// tracing after charge
	// metrics after charge
	// "done" <nil>
}

func ExampleInterceptor_invokeTraceHeader() {
	traced := replay.Interceptor{InvokeTraceHeader: func(_ context.Context, o replay.OperationInfo, header string) string {
		fmt.Printf("invoke of %s, the invocation has %q\n", o.Path, header)
		return "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	}}
	show(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Invoke[string]("charge", "nowhere:live", 500))
	}, replay.WithInterceptors(traced))
	// Output:
	// invoke of charge, the invocation has ""
	// ResourceNotFoundException: Function not found: nowhere:live
}
