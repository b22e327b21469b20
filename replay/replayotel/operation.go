package replayotel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// operation is one that the code has reached and that is not finished.
type operation struct {
	id, parent, label string

	attrs   []attribute.KeyValue // of all its spans
	segment trace.Span           // that is open in this invocation; nil in the view Executions
	current trace.Span           // what its spans and bodies hang below
	began   time.Time            // when this process first saw it
	bounds
}

// name is that of its span.
func (o *operation) name() string {
	if o.label == "" {
		return o.id
	}
	return o.label
}

// operation finds or begins one. Holds r.mu.
func (r *run) operation(info *replay.OperationInfo) *operation {
	o := r.ops[info.ID]
	if o != nil {
		return o
	}
	o = &operation{id: info.ID, parent: info.ParentID, label: info.Name, began: r.clock.Now()}
	r.ops[info.ID] = o
	if !r.sampled {
		return o
	}
	o.attrs = attributesOf(info)
	if r.view == Executions {
		o.current = trace.SpanFromContext(trace.ContextWithSpanContext(r.base, r.derived(info.ID)))
		return o
	}
	o.segment = r.segment(o, !info.Replay, r.tick())
	o.current = o.segment
	r.opened = append(r.opened, o)
	return o
}

// attributesOf are those that all spans of an operation have.
func attributesOf(info *replay.OperationInfo) []attribute.KeyValue {
	attrs := append(make([]attribute.KeyValue, 0, 5), keyARN.String(info.ExecutionARN), keyType.String(info.Kind))
	if info.ID != "" {
		attrs = append(attrs, keyID.String(info.ID))
	}
	if info.SubType != "" {
		attrs = append(attrs, keySubType.String(info.SubType))
	}
	if info.Name != "" {
		attrs = append(attrs, keyName.String(info.Name))
	}
	return slices.Clip(attrs)
}

// segment starts a span of the view Invocations. Holds r.mu.
func (r *run) segment(o *operation, first bool, at time.Time) trace.Span {
	parent := r.span
	if p := r.ops[o.parent]; p != nil && p.segment != nil {
		parent = p.segment
	}
	if first {
		return r.start(parent, o.name(), r.derived(o.id).SpanID(), at, []trace.Link{{SpanContext: r.workflow}}, o.attrs)
	}
	return r.start(parent, o.name(), trace.SpanID{}, at,
		[]trace.Link{{SpanContext: r.derived(o.id)}, {SpanContext: r.workflow}}, o.attrs)
}

// operationStart opens the segment of an operation.
func (r *run) operationStart(info *replay.OperationInfo) {
	if r.idle() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	o := r.operation(info)
	if r.sampled && r.view == Executions {
		o.from(r.tick())
	}
}

// operationEnd ends the span of an operation, or exports all of it.
func (r *run) operationEnd(info *replay.OperationInfo) {
	if r.idle() {
		return
	}
	o, at := r.leave(info)
	if o == nil {
		return
	}
	r.t.metrics.operation(r, info, o)
	if r.sampled {
		r.endOperation(info, o, at)
	}
}

// leave takes out an operation that has ended, and says when its span ends.
func (r *run) leave(info *replay.OperationInfo) (o *operation, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return nil, time.Time{}
	}
	r.seen(info.Start)
	r.seen(info.End)
	o = r.operation(info)
	delete(r.ops, info.ID)
	if !r.sampled {
		return o, time.Time{}
	}
	at = r.tick()
	if r.view == Invocations {
		r.opened = slices.DeleteFunc(r.opened, func(other *operation) bool { return other == o })
		return o, at
	}
	if info.Replay || o.first.IsZero() {
		o.from(info.Start) // of one that is new, it is when the service learned of it
	}
	o.until(info.End)
	if info.End.IsZero() || o.last.IsZero() {
		o.until(at)
	}
	o.from(o.last)
	o.until(o.first)
	if p := r.ops[o.parent]; p != nil {
		p.from(o.first)
		p.until(o.last)
	}
	r.from(o.first)
	r.until(o.last)
	return o, o.last
}

func (r *run) endOperation(info *replay.OperationInfo, o *operation, at time.Time) {
	span := o.segment
	if r.view == Executions {
		parent := trace.SpanFromContext(trace.ContextWithSpanContext(r.base, r.workflow))
		if o.parent != "" {
			parent = trace.SpanFromContext(trace.ContextWithSpanContext(r.base, r.derived(o.parent)))
		}
		span = r.start(parent, o.name(), r.derived(o.id).SpanID(), o.first,
			[]trace.Link{{SpanContext: r.span.SpanContext()}}, o.attrs)
	}
	if info.Kind == kindStep {
		span.SetAttributes(keyStatus.String(info.Status), keyNumber.Int(info.Attempt))
	} else {
		span.SetAttributes(keyStatus.String(info.Status))
	}
	switch {
	case info.Status == succeeded:
		span.SetStatus(codes.Ok, "")
	case info.ErrorType != "" || info.ErrorMessage != "":
		message := info.ErrorMessage
		if !r.t.messages {
			message = ""
		}
		span.SetStatus(codes.Error, message)
		r.exception(span, info.ErrorType, message, at)
	}
	span.End(trace.WithTimestamp(at))
}

// group returns the context that the function of a group or branch gets, and what ends the span of
// one without a record; nil if it has none.
//
// Flat branches and operands have no span, since their functions run again in each invocation: what
// is in them hangs below the batch, as it does in the log. An op.Inline has one each time.
func (r *run) group(ctx context.Context, g *replay.GroupInfo) (in context.Context, end func(replay.AttemptEnd)) {
	if !r.sampled {
		return ctx, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := g.ID
	if g.Virtual {
		id = g.ParentID
	}
	o := r.ops[id]
	switch {
	case r.over:
		return ctx, nil
	case g.Virtual && g.ID == "": // an op.Inline
		span := r.virtual(g, o)
		return trace.ContextWithSpan(ctx, span), func(how replay.AttemptEnd) { r.endVirtual(span, how) }
	case o != nil && o.current != nil:
		return trace.ContextWithSpan(ctx, o.current), nil
	}
	return ctx, nil
}

// virtual starts the span of a group without a record: in each invocation another one.
func (r *run) virtual(g *replay.GroupInfo, above *operation) trace.Span {
	parent, link := r.span, r.workflow
	if r.view == Executions {
		parent, link = trace.SpanFromContext(r.handler), r.span.SpanContext()
	}
	if above != nil && above.current != nil {
		parent = above.current
	}
	return r.start(parent, g.Name, trace.SpanID{}, r.tick(), []trace.Link{{SpanContext: link}}, attributesOf(&g.OperationInfo))
}

func (r *run) endVirtual(span trace.Span, how replay.AttemptEnd) {
	at := r.time()
	switch how.Outcome {
	case succeeded:
		span.SetAttributes(keyStatus.String(succeeded))
		span.SetStatus(codes.Ok, "")
	case failed:
		span.SetAttributes(keyStatus.String(failed))
		span.SetStatus(codes.Error, r.message(how.Err))
		r.exception(span, errorType(how.Err), r.message(how.Err), at)
	default:
		span.SetAttributes(keyStatus.String(started))
	}
	span.End(trace.WithTimestamp(at))
}

// ofInvoke is the context of the span that an invoke has: that of its first segment.
func (r *run) ofInvoke(o *replay.OperationInfo) trace.SpanContext {
	if r.tracer == nil {
		return trace.SpanContext{}
	}
	if r.own || !r.sampled {
		return r.derived(o.ID)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.ops[o.ID]; known != nil && known.segment != nil {
		return known.segment.SpanContext()
	}
	return r.span.SpanContext()
}

// errorType is the type of an error, as its record has it.
func errorType(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*op.Error](err); ok && e.Type != "" {
		return e.Type
	}
	return fmt.Sprintf("%T", err)
}
