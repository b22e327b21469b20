package replayotel

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/replay"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// run is what is kept of an invocation. Reports of bodies that run at once come at once.
type run struct {
	t     *tracer
	clock checkpoint.Clock
	info  replay.InvocationInfo
	began time.Time

	// What does not change. All is zero if the invocation is only measured.
	tracer   trace.Tracer
	own      bool // the provider takes wanted IDs
	view     View
	sampled  bool
	base     context.Context //nolint:containedctx // that spans are started with
	ancestor trace.Span      // the parent of the execution's span
	workflow trace.SpanContext
	span     trace.Span      // of the invocation
	handler  context.Context //nolint:containedctx // what the handler gets

	mu       sync.Mutex
	over     bool
	now      time.Time // of the last span
	ops      map[string]*operation
	opened   []*operation // in order
	attempts map[attempt]*running
	inFlight []*running // in order
	// bounds of what hangs below the execution's span
	bounds
}

// attempt names one.
type attempt struct {
	id     string
	number int
}

// running is a body that runs.
type running struct {
	key   attempt
	span  trace.Span // nil if the invocation is not sampled
	began time.Time
}

// idle says that nothing is reported of operations: their spans are not sampled, and not measured.
func (r *run) idle() bool { return !r.sampled && r.t.metrics == nil }

// bounds are the first begin and the last end of what is inside a span.
type bounds struct{ first, last time.Time }

func (b *bounds) from(t time.Time) {
	if !t.IsZero() && (b.first.IsZero() || t.Before(b.first)) {
		b.first = t
	}
}

func (b *bounds) until(t time.Time) {
	if t.After(b.last) {
		b.last = t
	}
}

// begin begins the run of an invocation; nil if there is nothing to do in it.
func (t *tracer) begin(ctx context.Context, i replay.InvocationInfo) *run {
	clock := checkpoint.ClockFrom(ctx)
	r := &run{
		t: t, clock: clock, info: i, began: clock.Now(), handler: ctx, base: ctx,
		ops: make(map[string]*operation), attempts: make(map[attempt]*running),
	}
	if i.ExecutionARN == "" || i.StartedAt.IsZero() {
		t.warn(errNoOrigin)
	} else if p := t.kind(ctx); p != nil {
		r.trace(ctx, p)
	}
	if r.tracer == nil && t.metrics == nil {
		return nil
	}
	return r
}

// trace begins the spans of the run.
func (r *run) trace(ctx context.Context, p *provider) {
	a := r.t.ancestor(ctx, r.info)
	arn := r.info.ExecutionARN
	r.tracer, r.own, r.view = p.tracer, p.own, r.t.view
	if r.view == Executions && !p.own {
		r.t.warn(errForeign)
		r.view = Invocations
	}
	if !a.TraceID.IsValid() {
		a.TraceID, a.SpanID = traceID(arn, r.info.StartedAt), trace.SpanID{}
	}
	ambient := trace.SpanFromContext(ctx)
	if ambient.SpanContext().TraceID() != a.TraceID || !ambient.SpanContext().IsValid() {
		ambient = nil
	}
	r.sampled = r.resolve(ctx, &a, ambient)
	parent := trace.SpanContextConfig{TraceID: a.TraceID, SpanID: a.SpanID, TraceState: a.State, Remote: true}
	synthetic := !a.SpanID.IsValid()
	if synthetic {
		parent.SpanID, parent.Remote = rootID(arn), false
	}
	if r.sampled {
		parent.TraceFlags = trace.FlagsSampled
	}
	r.ancestor = standIn(ctx, parent)
	config := trace.SpanContextConfig{TraceID: a.TraceID, SpanID: workflowID(arn), TraceFlags: parent.TraceFlags, TraceState: a.State}
	r.workflow = trace.NewSpanContext(config)
	if synthetic && r.sampled && r.own {
		root := r.start(standIn(ctx, trace.SpanContextConfig{}), "DurableExecutionRoot", parent.SpanID, r.info.StartedAt, nil,
			[]attribute.KeyValue{keyARN.String(arn), keyRoot.Bool(true)})
		root.End(trace.WithTimestamp(r.info.StartedAt))
	}
	above := r.ancestor
	if ambient != nil {
		above = ambient
	}
	if r.sampled {
		r.span = r.start(above, "Invocation", trace.SpanID{}, r.tick(), nil,
			[]attribute.KeyValue{keyARN.String(arn), keyFirst.Bool(r.info.First)})
	} else {
		config.SpanID = randomIDs{}.NewSpanID(ctx, config.TraceID)
		r.span = standIn(ctx, config)
	}
	current := r.span
	if r.view == Executions {
		current = trace.SpanFromContext(trace.ContextWithSpanContext(ctx, r.workflow))
	}
	r.handler = trace.ContextWithSpan(ctx, current)
}

// resolve decides whether the invocation is sampled.
func (r *run) resolve(ctx context.Context, a *Ancestor, ambient trace.Span) bool {
	if a.Sampled != nil {
		return *a.Sampled
	}
	if ambient != nil {
		return ambient.SpanContext().IsSampled()
	}
	w := &wish{Context: trace.ContextWithSpanContext(ctx, trace.SpanContext{}), wanted: wanted{trace: a.TraceID}}
	_, span := r.tracer.Start(w, "Workflow", trace.WithAttributes(keyARN.String(r.info.ExecutionARN)))
	return w.sampled || span.SpanContext().IsSampled()
}

// standIn is a span that is not recorded, with a context that refers to one that is.
func standIn(ctx context.Context, c trace.SpanContextConfig) trace.Span {
	return trace.SpanFromContext(trace.ContextWithSpanContext(ctx, trace.NewSpanContext(c)))
}

// derived is the context of the span that an operation has, in all processes.
func (r *run) derived(id string) trace.SpanContext {
	return r.workflow.WithSpanID(operationID(r.info.ExecutionARN, id))
}

// start starts a span. A zero ID stands for a random one. In a foreign provider that is all there
// is, and links to derived IDs would lead nowhere.
func (r *run) start(
	parent trace.Span, name string, id trace.SpanID, at time.Time, links []trace.Link, attrs []attribute.KeyValue,
) trace.Span {
	w := &wish{Context: trace.ContextWithSpan(r.base, parent), wanted: wanted{
		trace: r.workflow.TraceID(), span: id, decided: true, sampled: r.sampled,
	}}
	if !r.own {
		links = nil
	}
	_, span := r.tracer.Start(w, name, trace.WithTimestamp(at), trace.WithLinks(links...), trace.WithAttributes(attrs...))
	return span
}

// tick returns the time, which never runs backwards in an invocation, nor behind what the service
// has said of the execution: clocks differ, and a span contains those below it. Two spans do not
// begin at once, so that they have an order. Holds r.mu, or has the run alone.
func (r *run) tick() time.Time {
	now := r.clock.Now()
	if now.Before(r.info.StartedAt) {
		now = r.info.StartedAt
	}
	if least := r.now.Add(time.Microsecond); now.Before(least) {
		now = least
	}
	r.now = now
	return now
}

// seen notes a time that the service has said something happened at.
func (r *run) seen(t time.Time) {
	if t.After(r.now) {
		r.now = t
	}
}

// end ends what is open, the invocation, and the execution if this was its last.
func (r *run) end(i *replay.InvocationInfo, end *replay.InvocationEnd) {
	r.t.metrics.invocation(r, i, end)
	if r.tracer == nil {
		return
	}
	r.mu.Lock()
	open, bodies := r.opened, r.inFlight
	over := r.over
	r.over, r.opened, r.inFlight = true, nil, nil
	r.mu.Unlock()
	if over || !r.sampled {
		return
	}
	for _, b := range slices.Backward(bodies) {
		b.span.SetAttributes(keyNumber.Int(b.key.number), keyTruncated.Bool(true))
		b.span.End(trace.WithTimestamp(r.time()))
	}
	for _, o := range slices.Backward(open) {
		o.segment.SetAttributes(keyStatus.String(started)) // whatever the service knows by now
		o.segment.End(trace.WithTimestamp(r.time()))
	}
	r.span.SetAttributes(keyEnd.String(end.Status))
	switch end.Status {
	case succeeded, pending:
		r.span.SetStatus(codes.Ok, "")
	case failed:
		r.span.SetStatus(codes.Error, r.message(end.Err))
	}
	now := r.time()
	r.span.End(trace.WithTimestamp(now))
	if end.Status == succeeded || end.Status == failed {
		r.endWorkflow(end, now)
	}
}

// time is tick for who does not hold r.mu.
func (r *run) time() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tick()
}

// endWorkflow exports the span of the execution.
func (r *run) endWorkflow(end *replay.InvocationEnd, now time.Time) {
	r.mu.Lock()
	b := r.bounds
	r.mu.Unlock()
	b.from(r.info.StartedAt)
	b.until(now)
	span := r.start(r.ancestor, r.t.workflow, r.workflow.SpanID(), b.first, nil,
		[]attribute.KeyValue{keyARN.String(r.info.ExecutionARN), keyExecution.String(end.Status)})
	if end.Status == succeeded {
		span.SetStatus(codes.Ok, "")
	} else {
		span.SetStatus(codes.Error, r.message(end.Err))
	}
	span.End(trace.WithTimestamp(b.last))
}

func (r *run) message(err error) string {
	if err == nil || !r.t.messages {
		return ""
	}
	return err.Error()
}

// attemptStart starts the span of a body. It returns what the body gets.
func (r *run) attemptStart(ctx context.Context, a *replay.AttemptInfo) context.Context {
	if r.idle() {
		return ctx
	}
	b := &running{key: attempt{a.ID, a.Number}, began: r.clock.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return ctx
	}
	r.attempts[b.key] = b
	if !r.sampled {
		return ctx
	}
	o := r.operation(&a.OperationInfo)
	at := r.tick()
	o.from(at)
	link := trace.Link{SpanContext: r.workflow}
	if r.view == Executions {
		link.SpanContext = r.span.SpanContext()
	}
	b.span = r.start(o.current, o.name()+attemptWord+strconv.Itoa(a.Number), trace.SpanID{}, at, []trace.Link{link}, o.attrs)
	r.inFlight = append(r.inFlight, b)
	return trace.ContextWithSpan(ctx, b.span)
}

// attemptEnd ends the span of a body.
func (r *run) attemptEnd(a *replay.AttemptInfo, end *replay.AttemptEnd) {
	r.mu.Lock()
	b := r.attempts[attempt{a.ID, a.Number}]
	if b == nil || r.over {
		r.mu.Unlock()
		return
	}
	delete(r.attempts, b.key)
	var at time.Time
	if b.span != nil {
		at = r.tick()
		if i := slices.Index(r.inFlight, b); i >= 0 {
			r.inFlight = slices.Delete(r.inFlight, i, i+1)
		}
		if o := r.ops[a.ID]; o != nil {
			o.until(at)
		}
		r.until(at)
	}
	r.mu.Unlock()
	r.t.metrics.attempt(r, a, end, r.clock.Now().Sub(b.began))
	if b.span == nil {
		return
	}
	switch end.Outcome {
	case succeeded:
		b.span.SetAttributes(keyNumber.Int(a.Number), keyOutcome.String(succeeded))
		b.span.SetStatus(codes.Ok, "")
	case failed:
		b.span.SetAttributes(keyNumber.Int(a.Number), keyOutcome.String(failed))
		b.span.SetStatus(codes.Error, r.message(end.Err))
		r.exception(b.span, errorType(end.Err), r.message(end.Err), at)
	default:
		b.span.SetAttributes(keyNumber.Int(a.Number), keyTruncated.Bool(true))
	}
	b.span.End(trace.WithTimestamp(at))
}

// exception adds the event that backends show an error by.
func (r *run) exception(span trace.Span, kind, message string, at time.Time) {
	attrs := make([]attribute.KeyValue, 0, 2)
	if kind != "" {
		attrs = append(attrs, keyExceptionType.String(kind))
	}
	if message != "" && r.t.messages {
		attrs = append(attrs, keyExceptionMessage.String(message))
	}
	span.AddEvent("exception", trace.WithTimestamp(at), trace.WithAttributes(attrs...))
}
