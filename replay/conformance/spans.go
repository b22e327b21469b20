package conformance

import (
	"cmp"
	"context"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Span is an exported span, as requirements see it. Times are microseconds of the Unix era.
type Span struct {
	Trace, ID, Parent string // Parent is empty without one
	Start, End        int64
	Name              string
	Attributes        map[string]any
	Links             []Link
	// fields are all of it, in the form of values.
	fields map[string]any
}

// Link is what a span is linked to.
type Link struct{ Trace, ID string }

// NewSpan returns a span of the SDK as requirements see it: with the attributes of its resource,
// which its own ones cover.
func NewSpan(s sdktrace.ReadOnlySpan) *Span {
	v := &Span{
		Trace: s.SpanContext().TraceID().String(), ID: s.SpanContext().SpanID().String(),
		Start: s.StartTime().UnixMicro(), End: s.EndTime().UnixMicro(), Name: s.Name(),
		Attributes: make(map[string]any),
	}
	if s.Parent().SpanID().IsValid() {
		v.Parent = s.Parent().SpanID().String()
	}
	for _, kv := range s.Resource().Attributes() {
		v.Attributes[string(kv.Key)] = attributeValue(kv.Value)
	}
	for _, kv := range s.Attributes() {
		v.Attributes[string(kv.Key)] = attributeValue(kv.Value)
	}
	for _, l := range s.Links() {
		v.Links = append(v.Links, Link{l.SpanContext.TraceID().String(), l.SpanContext.SpanID().String()})
	}
	status := map[codes.Code]string{codes.Ok: "OK", codes.Error: "ERROR", codes.Unset: "UNSET"}[s.Status().Code]
	return v.sealed(strings.ToUpper(s.SpanKind().String()), status)
}

// sealed makes the fields.
func (s *Span) sealed(kind, status string) *Span {
	var parent any
	if s.Parent != "" {
		parent = s.Parent
	}
	s.fields = map[string]any{
		"trace_id": s.Trace, "span_id": s.ID, "parent_span_id": parent, "name": s.Name, "kind": kind,
		"start_time": big.NewInt(s.Start), "end_time": big.NewInt(s.End), "status": status,
		"service_name": s.Attributes["service.name"], "attributes": s.Attributes,
	}
	return s
}

// copied returns a copy that can be changed without changing s.
func (s *Span) copied() *Span {
	c := *s
	c.Attributes = maps.Clone(s.Attributes)
	c.Links = slices.Clone(s.Links)
	kind, _ := s.fields["kind"].(string)
	status, _ := s.fields["status"].(string)
	return c.sealed(kind, status)
}

func attributeValue(v attribute.Value) any {
	switch v.Type() { //nolint:exhaustive // others are spelled
	case attribute.BOOL:
		return v.AsBool()
	case attribute.INT64:
		return big.NewInt(v.AsInt64())
	case attribute.FLOAT64:
		return v.AsFloat64()
	}
	return v.String()
}

// arn returns the execution that a span names; empty without one.
func (s *Span) arn() string {
	for k, v := range s.Attributes {
		switch strings.ToLower(k) {
		case "durable.execution.arn", "aws.lambda.durable_execution.arn", "durable_execution_arn":
			return str(v)
		}
	}
	return ""
}

// has reports whether a span has an attribute with one of these prefixes.
func (s *Span) has(prefixes ...string) bool {
	for k := range s.Attributes {
		for _, p := range prefixes {
			if strings.HasPrefix(k, p) {
				return true
			}
		}
	}
	return false
}

// ofSDK reports whether a span is one that the SDK makes of an execution, other than its synthetic
// root.
func (s *Span) ofSDK() bool {
	switch {
	case s.synthetic():
		return false
	case s.Name == "Workflow":
		return s.arn() != "" || s.has("durable.execution.status")
	case s.Name == "Invocation":
		return s.arn() != "" || s.has("durable.invocation.")
	}
	return s.has("durable.operation.", "durable.attempt.")
}

func (s *Span) synthetic() bool { return s.Attributes["durable.execution.synthetic_root"] == true }

// byTime orders spans by start, end and IDs.
func byTime(a, b *Span) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), cmp.Compare(a.Trace, b.Trace), cmp.Compare(a.ID, b.ID))
}

// traceOf returns the spans of an execution's trace, and of those of the executions that it may
// call: of all traces that have spans of them.
func traceOf(spans []*Span, arn string, allowed []string) []*Span {
	primary := ""
	for _, s := range spans {
		if s.arn() == arn && (s.Name == "Workflow" || primary == "") {
			primary = s.Trace
			if s.Name == "Workflow" {
				break
			}
		}
	}
	traces := map[string]bool{primary: true}
	for _, s := range spans {
		if slices.Contains(allowed, s.arn()) {
			traces[s.Trace] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(spans), func(s *Span) bool { return !traces[s.Trace] })
}

// spanSink keeps what is exported.
type spanSink struct {
	mu    sync.Mutex
	spans []*Span
}

var _ sdktrace.SpanExporter = (*spanSink)(nil)

// ExportSpans keeps spans.
func (s *spanSink) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range spans {
		s.spans = append(s.spans, NewSpan(span))
	}
	return nil
}

// spansPath is where a sink is served.
const spansPath = "/v1/traces"

// ServeHTTP keeps spans that httpSpans exports.
func (s *spanSink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	spans, err := readOTLP(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spans = append(s.spans, spans...)
}

// Shutdown does nothing.
func (*spanSink) Shutdown(context.Context) error { return nil }

func (s *spanSink) seen() []*Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.spans)
}
