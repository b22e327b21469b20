package conformance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/replay/conformance"
)

// retried are demands on the spans of a step that is retried, in the view Invocations: each word
// that the judge knows is among them.
const retried = `
description: a step that is retried is two spans, linked, with an attempt in each
Input: {scenario: retry}
AsyncInvoke: true
ExpectedResult: {ExecutionStatus: SUCCEEDED}
ExpectedExecutionHistory:
  - {EventId: 2, EventType: StepStarted, Id: "${STEP}", Name: otel-retry}
TelemetryAssertions:
  minimum_spans: 7
  minimum_invocations: 2
  require_execution_correlation: true
  require_single_trace_per_execution: true
  require_unique_root_per_trace: true
  require_parented_spans: [{name: Workflow}, {name: Invocation}]
  allowed_execution_arns: ["${EXECUTION_ARN}"]
  require_all_spans: true
  span_assertion_scope: {attributes: {durable.execution.arn: "${EXECUTION_ARN}"}}
  exact_attribute_prefixes: [durable.]
  span_assertions:
    - select: {name: Workflow}
      expect:
        parent: {$allow_unresolved: true, $allow_outside: true, $reject_sdk_span: true}
        status: OK
        kind: {$any_of: [SERVER, INTERNAL]}
        links: []
        service_name: "${SERVICE_NAME}"
        attributes: {durable.execution.arn: "${EXECUTION_ARN}", durable.execution.status: SUCCEEDED}
    - select: {name: Invocation, attributes: {durable.invocation.first: true}}
      expect:
        status: OK
        before: {name: Invocation, attributes: {durable.invocation.first: false}}
        attributes: {durable.execution.arn: "*", durable.invocation.first: true, durable.invocation.status: PENDING}
    - select: {name: Invocation}
      expect:
        status: OK
        after: {name: Invocation, attributes: {durable.invocation.first: true}}
        same_trace_as: {name: Workflow}
        attributes: {durable.execution.arn: "*", durable.invocation.first: false, durable.invocation.status: SUCCEEDED}
    - select: {name: otel-retry}
      count: {$any_of: [2, 3]}
      expect: {parent: {$any_of: [{name: Invocation, $not: {name: Workflow}}]}, kind: INTERNAL}
      expect_by_occurrence:
        2:
          - status: UNSET
            links: [{name: Workflow}]
            attributes: &op
              durable.execution.arn: "${EXECUTION_ARN}"
              durable.operation.id: "${STEP}"
              durable.operation.type: STEP
              durable.operation.subtype: Step
              durable.operation.name: "${/^otel-/}"
              durable.operation.status: "${/STARTED|SUCCEEDED/}"
          - status: OK
            links: [{$occurrence: 1, name: otel-retry}, {name: Workflow}]
            attributes: {durable.execution.arn: "*", durable.operation.id: "*", durable.operation.type: "*",
              durable.operation.subtype: "*", durable.operation.name: "*", durable.operation.status: SUCCEEDED, durable.attempt.number: 2}
    - select: {name: "${/^otel-retry attempt [12]$/}"}
      count: 2
      expect:
        parent: {name: otel-retry}
        links: [{name: Workflow}]
        inside: {$millisecond_precision: true, name: Workflow}
        attributes: {durable.execution.arn: "*", durable.operation.id: "*", durable.operation.type: "*",
          durable.operation.subtype: "*", durable.operation.name: "*", durable.attempt.number: "*", durable.attempt.outcome: "*"}
      expect_by_occurrence: [{status: ERROR}, {status: OK}]
`

// retriedSpans are the spans of its execution.
func retriedSpans(t *testing.T) (q *conformance.Requirement, o *conformance.Observation) {
	t.Helper()
	q, _ = read(t, retried)
	q.ID = "otel-invocation-3"
	problems, o, err := conformance.Judge(t.Context(), conformance.InProcess{}, q, seed)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
	return q, o
}

// parentOf returns the parent of the first span with a name.
func parentOf(o *conformance.Observation, name string) string {
	return o.Spans[slices.IndexFunc(o.Spans, func(s *conformance.Span) bool { return s.Name == name })].Parent
}

// TestSpanMutants: a trace that is right is found right, and each change of it is noticed.
func TestSpanMutants(t *testing.T) {
	t.Parallel()
	q, o := retriedSpans(t)
	change := func(name string, n int, f func(s *conformance.Span) *conformance.Span) []*conformance.Span {
		all := slices.Clone(o.Spans)
		for i, s := range all {
			if s.Name == name {
				if n--; n == 0 {
					all[i] = f(s)
				}
			}
		}
		return all
	}
	set := func(name string, n int, f func(s *conformance.Span)) []*conformance.Span {
		return change(name, n, func(s *conformance.Span) *conformance.Span { return s.Mutated(f) })
	}
	again := func(name string) []*conformance.Span {
		i := slices.IndexFunc(o.Spans, func(s *conformance.Span) bool { return s.Name == name })
		return append(slices.Clone(o.Spans), o.Spans[i])
	}
	const step, first, second = "otel-retry", "otel-retry attempt 1", "otel-retry attempt 2"
	tests := []struct {
		change string
		spans  []*conformance.Span
		notice string
	}{
		{"a link is missing", set(step, 2, func(s *conformance.Span) { s.Links = s.Links[:1] }), "it has 1 links, want 2"},
		{"links are swapped", set(step, 2, func(s *conformance.Span) { slices.Reverse(s.Links) }), "link 0 leads to 0 spans"},
		{"a link leads to the later span", set(step, 2, func(s *conformance.Span) { s.Links[0].ID = s.ID }), "link 0 leads to span 2 of those like it, want 1"},
		{"a link leads nowhere", set(first, 1, func(s *conformance.Span) { s.Links[0].ID = "00000000000000aa" }), "link 0 leads to no span"},
		{"another parent", set(first, 1, func(s *conformance.Span) { s.Parent = parentOf(o, step) }), "its parent is Invocation"},
		{"no parent", set("Workflow", 1, func(s *conformance.Span) { s.Parent = "" }), "span Workflow has no parent"},
		{"a parent that was not exported", set(first, 1, func(s *conformance.Span) { s.Parent = "00000000000000aa" }), "its parent was not exported"},
		{"the parent is one of the SDK", set("Workflow", 1, func(s *conformance.Span) { s.Parent = o.Spans[0].ID }), "which the SDK has made"},
		{"the execution is exported twice", again("Workflow"), "2 spans match"},
		{"an attribute too many", set(second, 1, func(s *conformance.Span) { s.Attributes["durable.x"] = true }), "the attribute durable.x = True is not expected"},
		{"an attribute is missing", set(step, 1, func(s *conformance.Span) { delete(s.Attributes, "durable.operation.name") }), "attributes: want"},
		{"a child begins before its parent", set(first, 1, func(s *conformance.Span) { s.Start -= 1000 }), "it is not within its parent"},
		{"a child ends after its parent", set(second, 1, func(s *conformance.Span) { s.End += 10_000_000 }), "it is not inside Workflow"},
		{"a span ends before it begins", set(first, 1, func(s *conformance.Span) { s.End = s.Start - 1 }), "ends before it starts"},
		{"a second trace", set(step, 1, func(s *conformance.Span) { s.Trace = strings.Repeat("a", 32) }), "has spans in 2 traces"},
		{"another execution", set(step, 1, func(s *conformance.Span) { s.Attributes["durable.execution.arn"] = "arn:other" }), "is of the execution arn:other"},
		{"another status", change(step, 2, func(s *conformance.Span) *conformance.Span { return s.Restated("INTERNAL", "UNSET") }), "status: want \"OK\", got \"UNSET\""},
		{"another kind", change("Workflow", 1, func(s *conformance.Span) *conformance.Span { return s.Restated("CLIENT", "OK") }), "kind: want"},
		{"an invocation overlaps the next", set("Invocation", 1, func(s *conformance.Span) { s.End += 3_600_000_000 }), "it is not before Invocation"},
		{"a span is missing", o.Spans[1:], "6 spans, want at least 7"},
	}
	for _, tt := range tests {
		vars, err := conformance.NewVars(q.Variables, seed)
		if err != nil {
			t.Fatal(err)
		}
		changed := *o
		changed.Spans = tt.spans
		problems := strings.Join(vars.Compare(q, &changed), "\n")
		if !strings.Contains(problems, tt.notice) {
			t.Errorf("%s: want a problem with %q, got:\n%s", tt.change, tt.notice, problems)
		}
	}
}

// TestUnknownDemandsOnSpans: a word that the judge does not know could be a demand.
func TestUnknownDemandsOnSpans(t *testing.T) {
	t.Parallel()
	tests := []struct{ old, text, want string }{
		{"minimum_spans: 7", "maximum_spans: 7", "maximum_spans: the judge does not know the word"},
		{"minimum_spans: 7", "minimum_spans: 0", "minimum_spans: want a positive number"},
		{"require_all_spans: true", "require_all_spans: 1", "require_all_spans: want true or false"},
		{"count: 2", "number: 2", "number: the judge does not know the word"},
		{"same_trace_as:", "beside:", "beside: the judge does not know the word"},
		{"$allow_outside: true", "$allow_outside: 1", "$allow_outside: want true"},
		{"$allow_outside: true", "$allow_anything: true", "$allow_anything: the judge does not know the word"},
		{"status: OK\n        kind", "color: red\n        kind", "color: the judge does not know the word"},
		{"{$any_of: [2, 3]}", "{$any_of: [2], x: 1}", "want a number or {$any_of: [...]}"},
		{"select: {name: Workflow}\n      expect", "select: {}\n      expect", "want select and expect"},
	}
	for _, tt := range tests {
		text := strings.Replace(retried, tt.old, tt.text, 1)
		_, err := conformance.Read(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: the error is %v, want one with %q", tt.text, err, tt.want)
		}
	}
}
