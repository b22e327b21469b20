package replayotel_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/perdure/perdure/replay/replayotel"
)

// printed prints the names of spans.
type printed struct{}

func (printed) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, s := range spans {
		fmt.Println(s.Name(), s.EndTime().Sub(s.StartTime()).Round(time.Minute))
	}
	return nil
}

func (printed) Shutdown(context.Context) error { return nil }

// ship waits for a day and then packs.
func ship(ctx op.Context, _ op.None) (string, error) {
	if err := replay.Exec(ctx, op.Wait("next-day", 24*time.Hour)); err != nil {
		return "", err
	}
	return replay.Run(ctx, op.Step("pack", func(context.Context) (string, error) { return "packed", nil }))
}

// show runs it under a virtual clock.
func show(opts ...replay.HandlerOption) {
	s := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	out, err := s.Run(context.Background(), replay.Handler(ship, opts...), []byte("{}"))
	fmt.Println(string(out), err, s.Close())
}

func ExampleNew() {
	provider := replayotel.NewTracerProvider(sdktrace.WithSyncer(printed{})) // WithBatcher in production
	traces, err := replayotel.New(replayotel.WithTracerProvider(provider))
	if err != nil {
		fmt.Println(err)
		return
	}
	show(replay.WithInterceptors(traces))
	// Output:
	// DurableExecutionRoot 0s
	// next-day 0s
	// Invocation 0s
	// DurableExecutionRoot 0s
	// next-day 0s
	// pack attempt 1 0s
	// pack 0s
	// Invocation 0s
	// Workflow 24h0m0s
	// "packed" <nil> <nil>
}

func ExampleWithView() {
	provider := replayotel.NewTracerProvider(sdktrace.WithSyncer(printed{}))
	traces, err := replayotel.New(replayotel.WithTracerProvider(provider), replayotel.WithView(replayotel.Executions))
	if err != nil {
		fmt.Println(err)
		return
	}
	show(replay.WithInterceptors(traces))
	// Output:
	// DurableExecutionRoot 0s
	// Invocation 0s
	// DurableExecutionRoot 0s
	// next-day 24h0m0s
	// pack attempt 1 0s
	// pack 0s
	// Invocation 0s
	// Workflow 24h0m0s
	// "packed" <nil> <nil>
}

func ExampleNewTracerProvider() {
	// One execution of ten is traced, whole, where no trace header decides.
	provider := replayotel.NewTracerProvider(
		sdktrace.WithBatcher(printed{}),
		sdktrace.WithSampler(replayotel.Sampler(sdktrace.TraceIDRatioBased(0.1))),
	)
	fmt.Println(provider.Shutdown(context.Background()))
	// Output: <nil>
}

func ExampleLogHandler() {
	only := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.MessageKey, "otelTraceSampled":
			return a
		case "traceId", "spanId":
			return slog.Int(a.Key+" digits", len(a.Value.String()))
		}
		return slog.Attr{}
	}}
	traces, err := replayotel.New(replayotel.WithTracerProvider(replayotel.NewTracerProvider()))
	if err != nil {
		fmt.Println(err)
		return
	}
	logs := replayotel.LogHandler(slog.NewTextHandler(os.Stdout, only))
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		ctx.Logger().Info("order received")
		return op.None{}, nil
	}, replay.WithInterceptors(traces), replay.WithLogHandler(logs))
	s := local.New()
	_, err = s.Run(context.Background(), f, []byte("{}"))
	fmt.Println(err, s.Close())
	// Output:
	// msg="order received" "traceId digits"=32 "spanId digits"=16 otelTraceSampled=true
	// <nil> <nil>
}

func ExampleWithMeterProvider() {
	reader := sdkmetric.NewManualReader() // a periodic reader in production
	traces, err := replayotel.New(
		replayotel.WithTracerProvider(replayotel.NewTracerProvider()),
		replayotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))),
	)
	fmt.Println(traces.AttemptEnd != nil, err)
	// Output: true <nil>
}
