package replayotel_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/cputime"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/perdure/perdure/replay/replayotel"
)

// discard takes in spans.
type discard struct{}

func (discard) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discard) Shutdown(context.Context) error                             { return nil }

// steps is how many steps an execution of the benchmark has; each makes two spans.
const steps = 200

// unsampled is a caller whose trace is not sampled.
const unsampled = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"

// BenchmarkOverhead: what tracing adds to a first run of steps, in time of processors, the export
// to nowhere included. What is compared runs in turns. It reports what a step takes without traces,
// what tracing adds to a step that is not sampled, and to each of the two spans of one that is,
// what a span of the bare SDK with as many attributes costs, and the ratio of the last two.
func BenchmarkOverhead(b *testing.B) {
	provider := replayotel.NewTracerProvider(sdktrace.WithBatcher(discard{}))
	defer func() { _ = provider.Shutdown(context.WithoutCancel(b.Context())) }()
	traces, err := replayotel.New(replayotel.WithTracerProvider(provider))
	if err != nil {
		b.Fatal(err)
	}
	plain, measured := newSteps(b, replay.Interceptor{}), newSteps(b, traces)
	var none, off, on, bare time.Duration
	for b.Loop() {
		none += cputime.Of(func() { plain.run(b, "") })
		off += cputime.Of(func() { measured.run(b, unsampled) })
		on += cputime.Of(func() { measured.run(b, caller) })
		bare += cputime.Of(func() { bareSpans(provider.Tracer("bare"), 2*steps) })
	}
	each := func(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / float64(b.N) / float64(n) }
	b.ReportMetric(each(none, steps), "ns/step")
	b.ReportMetric(each(off-none, steps), "ns/unsampled-step")
	b.ReportMetric(each(on-none, 2*steps), "ns/span")
	b.ReportMetric(each(bare, 2*steps), "ns/bare-span")
	b.ReportMetric(float64(on-none)/float64(bare), "ratio")
}

// bareSpans makes spans as an instrumentation without us would.
func bareSpans(t trace.Tracer, n int) {
	ctx, root := t.Start(context.Background(), "root")
	defer root.End()
	link := trace.Link{SpanContext: root.SpanContext()}
	for range n {
		_, s := t.Start(ctx, "step", trace.WithTimestamp(time.Now()), trace.WithLinks(link), trace.WithAttributes(
			attribute.String("a", "1"), attribute.String("b", "2"), attribute.String("c", "3"),
			attribute.String("d", "4"), attribute.String("e", "5")))
		s.SetAttributes(attribute.String("f", "6"), attribute.Int("g", 7))
		s.End()
	}
}

// function is one that runs steps.
type function struct{ service *local.Service }

func newSteps(b *testing.B, i replay.Interceptor) function {
	b.Helper()
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for range steps {
			if err := replay.Exec(ctx, op.Do("step", nothing)); err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	}, replay.WithInterceptors(i), replay.WithLogHandler(slog.DiscardHandler))
	s := local.New(local.WithClock(local.NewVirtualClock(dawn)))
	b.Cleanup(func() { _ = s.Close() })
	if err := s.Host("f", f); err != nil {
		b.Fatal(err)
	}
	return function{s}
}

func (f function) run(b *testing.B, header string) {
	b.Helper()
	e, err := f.service.StartWith(local.StartInput{Function: "f", TraceHeader: header, Input: checkpoint.TextPayload("{}")})
	if err != nil {
		b.Fatal(err)
	}
	if err := e.Drive(b.Context()); err != nil {
		b.Fatal(err)
	}
}
