package replayotel

import (
	"context"
	"crypto/rand"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// NewTracerProvider returns a provider of the OpenTelemetry SDK whose IDs and sampling are those
// that executions need: [IDGenerator] and [Sampler] with their defaults.
//
// opts are options of the SDK, such as sdktrace.WithBatcher. An ID generator or a sampler among
// them replaces ours: wrap it, sdktrace.WithSampler(replayotel.Sampler(yours)). A batcher is better
// than a syncer, which waits for the exporter at the end of each span.
func NewTracerProvider(opts ...sdktrace.TracerProviderOption) *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(append([]sdktrace.TracerProviderOption{
		sdktrace.WithIDGenerator(IDGenerator(nil)), sdktrace.WithSampler(Sampler(nil)),
	}, opts...)...)
}

// wanted is the ID that the next span that is started with a context is to have, and whether it is
// sampled. It is good for one span: those that a processor starts in its OnStart do not inherit it.
type wanted struct {
	trace   trace.TraceID
	span    trace.SpanID // zero: the next generator's
	decided bool         // false: the sampler sets sampled
	sampled bool

	named, asked atomic.Bool
}

// wantedKey is where contexts have it.
type wantedKey struct{}

// wish is a context that has a wanted; one allocation.
type wish struct {
	context.Context //nolint:containedctx // it is a context

	wanted
}

// Value returns the wanted.
func (w *wish) Value(key any) any {
	if key == (wantedKey{}) {
		return &w.wanted
	}
	return w.Context.Value(key)
}

// IDGenerator returns a generator that gives the spans of executions the IDs that are derived from
// their ARNs, and asks next for all others. Nil stands for random IDs.
func IDGenerator(next sdktrace.IDGenerator) sdktrace.IDGenerator {
	if next == nil {
		next = randomIDs{}
	}
	return generator{next}
}

type generator struct{ next sdktrace.IDGenerator }

// NewIDs makes the IDs of a span without parent.
func (g generator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	w, ok := ctx.Value(wantedKey{}).(*wanted)
	if !ok || !w.trace.IsValid() || w.named.Swap(true) {
		return g.next.NewIDs(ctx)
	}
	if !w.span.IsValid() {
		return w.trace, g.next.NewSpanID(ctx, w.trace)
	}
	return w.trace, w.span
}

// NewSpanID makes the ID of a span that has a parent.
func (g generator) NewSpanID(ctx context.Context, id trace.TraceID) trace.SpanID {
	w, ok := ctx.Value(wantedKey{}).(*wanted)
	if !ok || w.trace != id || w.named.Swap(true) || !w.span.IsValid() {
		return g.next.NewSpanID(ctx, id)
	}
	return w.span
}

// randomIDs are those of the system's random numbers.
type randomIDs struct{}

// NewIDs makes the IDs of a span without parent.
func (r randomIDs) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	for !id.IsValid() {
		_, _ = rand.Read(id[:]) // it never fails
	}
	return id, r.NewSpanID(ctx, id)
}

// NewSpanID makes the ID of a span that has a parent.
func (randomIDs) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	for !id.IsValid() {
		_, _ = rand.Read(id[:]) // it never fails
	}
	return id
}

// Sampler returns a sampler that gives all spans of an invocation the decision that was made for
// its execution, and asks next for all others. The decision is that of the trace header; without
// one, that of next about a span named Workflow without parent, in the trace of the execution: it
// is the same in all invocations if next goes by the trace ID.
//
// Nil stands for what OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG say, and without them for
// sdktrace.ParentBased(sdktrace.AlwaysSample()).
func Sampler(next sdktrace.Sampler) sdktrace.Sampler {
	if next == nil {
		next = samplerOfEnvironment()
	}
	return sampler{next}
}

type sampler struct{ next sdktrace.Sampler }

// ShouldSample decides.
func (s sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	w, ok := p.ParentContext.Value(wantedKey{}).(*wanted)
	if !ok || w.trace != p.TraceID || w.asked.Swap(true) {
		return s.next.ShouldSample(p)
	}
	if !w.decided { // it is about the decision alone: no processor sees the span
		w.sampled = s.next.ShouldSample(p).Decision == sdktrace.RecordAndSample
		return sdktrace.SamplingResult{Decision: sdktrace.Drop}
	}
	r := sdktrace.SamplingResult{
		Decision: sdktrace.Drop, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState(),
	}
	if w.sampled {
		r.Decision = sdktrace.RecordAndSample
	}
	return r
}

// Description describes the sampler.
func (s sampler) Description() string { return "DurableExecutions{" + s.next.Description() + "}" }

// samplerOfEnvironment is the sampler that the variables name, as the SDK reads them.
func samplerOfEnvironment() sdktrace.Sampler {
	always := sdktrace.ParentBased(sdktrace.AlwaysSample())
	ratio := func() sdktrace.Sampler {
		f, err := strconv.ParseFloat(strings.TrimSpace(os.Getenv("OTEL_TRACES_SAMPLER_ARG")), 64)
		if err != nil || f < 0 || f > 1 {
			f = 1
		}
		return sdktrace.TraceIDRatioBased(f)
	}
	switch strings.ToLower(strings.TrimSpace(os.Getenv("OTEL_TRACES_SAMPLER"))) {
	case "always_on":
		return sdktrace.AlwaysSample()
	case "always_off":
		return sdktrace.NeverSample()
	case "traceidratio":
		return ratio()
	case "parentbased_always_off":
		return sdktrace.ParentBased(sdktrace.NeverSample())
	case "parentbased_traceidratio":
		return sdktrace.ParentBased(ratio())
	}
	return always
}
