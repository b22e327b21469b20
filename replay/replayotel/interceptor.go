package replayotel

import (
	"context"
	"errors"
	"reflect"
	"sync"

	"github.com/perdure/perdure/replay"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of the instrumentation.
const scope = "github.com/perdure/perdure/replay/replayotel"

// New returns the interceptor that traces executions: pass it to replay.WithInterceptors, first, so
// that what others start hangs below its spans. One serves all invocations, and all handlers. An
// error says which options are invalid, or that the meter provider made no instrument.
func New(opts ...Option) (replay.Interceptor, error) {
	c := newConfig(opts)
	t := &tracer{config: c, kinds: make(map[trace.TracerProvider]*provider)}
	if c.meters != nil {
		var err error
		t.metrics, err = newMetrics(c)
		c.refuse(err)
	}
	if c.err != nil {
		return replay.Interceptor{}, c.err
	}
	return replay.Interceptor{
		WrapInvocation:    t.wrapInvocation,
		InvocationEnd:     t.invocationEnd,
		OperationStart:    t.operationStart,
		OperationEnd:      t.operationEnd,
		WrapAttempt:       t.wrapAttempt,
		AttemptEnd:        t.attemptEnd,
		WrapGroup:         t.wrapGroup,
		InvokeTraceHeader: t.invokeTraceHeader,
	}, nil
}

// tracer is the interceptor.
type tracer struct {
	*config

	metrics *metrics

	mu     sync.Mutex
	kinds  map[trace.TracerProvider]*provider
	warned bool
}

// provider is what is known of a tracer provider.
type provider struct {
	tracer trace.Tracer
	own    bool // it takes wanted IDs
}

// runKey is where contexts have the run of their invocation.
type runKey struct{}

// runOf is the run that ctx belongs to; nil if there is none.
func runOf(ctx context.Context) *run {
	r, _ := ctx.Value(runKey{}).(*run)
	return r
}

// wrapInvocation begins a run and has the handler see its span.
func (t *tracer) wrapInvocation(ctx context.Context, i replay.InvocationInfo, next func(context.Context) replay.InvocationEnd) {
	r := t.begin(ctx, i)
	if r == nil {
		next(ctx)
		return
	}
	next(&inside{Context: ctx, run: r, span: r.handler})
}

// inside is the context of a handler: it has the run, and its span.
type inside struct {
	context.Context //nolint:containedctx // it is a context

	run  *run
	span context.Context //nolint:containedctx // one that has the span
}

// Value returns the run, or the span.
func (c *inside) Value(key any) any {
	if key == (runKey{}) {
		return c.run
	}
	return c.span.Value(key)
}

// invocationEnd ends a run and flushes.
func (t *tracer) invocationEnd(ctx context.Context, i replay.InvocationInfo, end replay.InvocationEnd) {
	if r := runOf(ctx); r != nil {
		defer t.flushAll(ctx, r)
		r.end(&i, &end)
	}
}

func (t *tracer) operationStart(ctx context.Context, o replay.OperationInfo) {
	if r := runOf(ctx); r != nil {
		r.operationStart(&o)
	}
}

func (t *tracer) operationEnd(ctx context.Context, o replay.OperationInfo) {
	if r := runOf(ctx); r != nil {
		r.operationEnd(&o)
	}
}

func (t *tracer) wrapAttempt(ctx context.Context, a replay.AttemptInfo, next func(context.Context) replay.AttemptEnd) {
	if r := runOf(ctx); r != nil {
		next(r.attemptStart(ctx, &a))
		return
	}
	next(ctx)
}

func (t *tracer) attemptEnd(ctx context.Context, a replay.AttemptInfo, end replay.AttemptEnd) {
	if r := runOf(ctx); r != nil {
		r.attemptEnd(&a, &end)
	}
}

func (t *tracer) wrapGroup(ctx context.Context, g replay.GroupInfo, next func(context.Context) replay.AttemptEnd) {
	r := runOf(ctx)
	if r == nil {
		next(ctx)
		return
	}
	in, end := r.group(ctx, &g)
	if end == nil {
		next(in)
		return
	}
	how := replay.AttemptEnd{Outcome: incomplete}
	defer func() { end(how) }() // the goroutine of a function that is left ends in next
	how = next(in)
}

func (t *tracer) invokeTraceHeader(ctx context.Context, o replay.OperationInfo, header string) string {
	r := runOf(ctx)
	if r == nil || !t.propagate {
		return header
	}
	if sc := r.ofInvoke(&o); sc.IsValid() {
		return xray(sc)
	}
	return header
}

var (
	errNoOrigin = errors.New("replayotel: an invocation has no ARN, or no start of its execution, from which the IDs of " +
		"its spans are derived: it is not traced")
	errForeign = errors.New("replayotel: the view Executions needs a provider with derived span IDs, which this one has not: " +
		"the view Invocations is made instead; use replayotel.NewTracerProvider, or replayotel.IDGenerator")
)

// warn reports an error once.
func (t *tracer) warn(err error) {
	t.mu.Lock()
	again := t.warned
	t.warned = true
	t.mu.Unlock()
	if !again {
		otel.Handle(err)
	}
}

// current is the provider of now.
func (t *tracer) current() trace.TracerProvider {
	if t.provider != nil {
		return t.provider
	}
	return otel.GetTracerProvider()
}

// kind finds out about a provider, with a span that never ends. It returns nil for one that makes
// no spans; that may change, and is not remembered.
func (t *tracer) kind(ctx context.Context) *provider {
	p := t.current()
	kept := reflect.TypeOf(p).Comparable()
	if kept {
		t.mu.Lock()
		known := t.kinds[p]
		t.mu.Unlock()
		if known != nil {
			return known
		}
	}
	found := &provider{tracer: p.Tracer(scope)}
	id := trace.SpanID{0: 0x70, 7: 1}
	w := &wish{Context: trace.ContextWithSpanContext(ctx, trace.SpanContext{}), wanted: wanted{
		trace: trace.TraceID{0: 0x70, 15: 1}, span: id, decided: true,
	}}
	_, span := found.tracer.Start(w, "probe")
	if !span.SpanContext().IsValid() {
		return nil
	}
	found.own = span.SpanContext().SpanID() == id
	if kept {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.kinds[p] = found
	}
	return found
}

// The attributes of spans.
const (
	keyARN       attribute.Key = "durable.execution.arn"
	keyExecution attribute.Key = "durable.execution.status"
	keyRoot      attribute.Key = "durable.execution.synthetic_root"
	keyFirst     attribute.Key = "durable.invocation.first"
	keyEnd       attribute.Key = "durable.invocation.status"
	keyID        attribute.Key = "durable.operation.id"
	keyType      attribute.Key = "durable.operation.type"
	keySubType   attribute.Key = "durable.operation.subtype"
	keyName      attribute.Key = "durable.operation.name"
	keyStatus    attribute.Key = "durable.operation.status"
	keyNumber    attribute.Key = "durable.attempt.number"
	keyOutcome   attribute.Key = "durable.attempt.outcome"
	keyTruncated attribute.Key = "durable.span.truncated_at_invocation_boundary"

	keyErrorType        attribute.Key = "error.type"
	keyExceptionType    attribute.Key = "exception.type"
	keyExceptionMessage attribute.Key = "exception.message"
)

// Statuses and outcomes, as reports spell them.
const (
	succeeded  = "SUCCEEDED"
	failed     = "FAILED"
	pending    = "PENDING"
	started    = "STARTED"
	incomplete = "INCOMPLETE"

	kindStep    = "STEP"
	polls       = "WaitForCondition"
	attemptWord = " attempt "
)
