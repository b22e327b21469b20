package replayotel_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/perdure/perdure/replay/replayotel"
)

// caller is what most executions are started with.
const caller = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

// The names of spans that all executions have.
const (
	workflow   = "Workflow"
	invocation = "Invocation"
	synthetic  = "DurableExecutionRoot"
)

var dawn = time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC) // another year than the machine's

// bench runs executions that are traced.
type bench struct {
	service *local.Service
	spans   *tracetest.InMemoryExporter
	opts    []replayotel.Option
	handler []replay.HandlerOption
	header  string
}

func newBench(tb testing.TB, opts ...replayotel.Option) *bench {
	tb.Helper()
	b := &bench{spans: tracetest.NewInMemoryExporter(), header: caller}
	provider := replayotel.NewTracerProvider(sdktrace.WithSyncer(b.spans))
	b.opts = append([]replayotel.Option{replayotel.WithTracerProvider(provider)}, opts...)
	b.handler = []replay.HandlerOption{replay.WithLogHandler(slog.DiscardHandler)}
	b.serve(tb)
	return b
}

// serve begins with an empty service.
func (b *bench) serve(tb testing.TB, opts ...local.Option) {
	tb.Helper()
	b.service = local.New(append([]local.Option{local.WithClock(local.NewVirtualClock(dawn))}, opts...)...)
	tb.Cleanup(func() {
		if err := b.service.Close(); err != nil {
			tb.Error(err)
		}
	})
}

// run drives an execution of a workflow to its end.
func (b *bench) run(tb testing.TB, fn func(ctx op.Context) error) *local.Execution {
	tb.Helper()
	traces, err := replayotel.New(b.opts...)
	if err != nil {
		tb.Fatal(err)
	}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, fn(ctx) },
		append([]replay.HandlerOption{replay.WithInterceptors(traces)}, b.handler...)...)
	if err := b.service.Host("workflow", f); err != nil {
		tb.Fatal(err)
	}
	e, err := b.service.StartWith(local.StartInput{Function: "workflow", TraceHeader: b.header, Input: checkpoint.TextPayload("{}")})
	if err != nil {
		tb.Fatal(err)
	}
	if err := e.Drive(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return e
}

// named returns the spans with a name, in the order of their starts.
func (b *bench) named(name string) []tracetest.SpanStub {
	all := slices.DeleteFunc(b.spans.GetSpans(), func(s tracetest.SpanStub) bool { return s.Name != name })
	slices.SortStableFunc(all, func(x, y tracetest.SpanStub) int { return x.StartTime.Compare(y.StartTime) })
	return all
}

// one returns the span with a name, of which there must be one.
func (b *bench) one(tb testing.TB, name string) tracetest.SpanStub {
	tb.Helper()
	all := b.named(name)
	if len(all) != 1 {
		tb.Fatalf("%d spans are named %s, want one of %v", len(all), name, names(b.spans.GetSpans()))
	}
	return all[0]
}

func names(spans tracetest.SpanStubs) (all []string) {
	for _, s := range spans {
		all = append(all, s.Name)
	}
	return all
}

// value is the text of an attribute; "-" without it.
func value(s tracetest.SpanStub, key string) string {
	for _, kv := range s.Attributes {
		if kv.Key == attribute.Key(key) {
			return kv.Value.String()
		}
	}
	return "-"
}

// step runs a step that does f.
func step(ctx op.Context, name string, f func(ctx context.Context) error) error {
	return replay.Exec(ctx, op.Do(name, f))
}

func nothing(context.Context) error { return nil }

// mine starts and ends a span of the user's.
func mine(ctx context.Context, tp trace.TracerProvider, name string) {
	_, span := tp.Tracer("mine").Start(ctx, name)
	span.End()
}

// skewed runs a workflow whose process has a clock that is ahead of the service's.
func (b *bench) skewed(tb testing.TB, ahead time.Duration, fn func(ctx op.Context) error) {
	tb.Helper()
	traces, err := replayotel.New(b.opts...)
	if err != nil {
		tb.Fatal(err)
	}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, fn(ctx) },
		append([]replay.HandlerOption{replay.WithInterceptors(traces)}, b.handler...)...)
	err = b.service.Host("workflow", local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		return f.Invoke(checkpoint.WithClock(ctx, shifted{checkpoint.ClockFrom(ctx), ahead}), payload)
	}))
	if err != nil {
		tb.Fatal(err)
	}
	e, err := b.service.StartWith(local.StartInput{Function: "workflow", TraceHeader: b.header, Input: checkpoint.TextPayload("{}")})
	if err != nil {
		tb.Fatal(err)
	}
	if err := e.Drive(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// shifted is a clock that is ahead.
type shifted struct {
	checkpoint.Clock

	ahead time.Duration
}

// Now returns the time.
func (c shifted) Now() time.Time { return c.Clock.Now().Add(c.ahead) }
