package replayotel

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/perdure/perdure/replay"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// metrics are the instruments; a nil one measures nothing.
type metrics struct {
	names bool

	invocations, executions, operations, attempts metric.Float64Histogram
	size                                          metric.Int64Histogram
	replayed, calls, suspensions, retries         metric.Int64Counter
}

// buckets of durations are in seconds: from a millisecond to a day, and then what only waits take.
func buckets() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600}
}

func newMetrics(c *config) (*metrics, error) {
	m := &metrics{names: c.names}
	meter := c.meters.Meter(scope)
	var errs error
	seconds := func(name, what string) metric.Float64Histogram {
		h, err := meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(what),
			metric.WithExplicitBucketBoundaries(buckets()...))
		errs = errors.Join(errs, err)
		return h
	}
	counter := func(name, unit, what string) metric.Int64Counter {
		n, err := meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(what))
		errs = errors.Join(errs, err)
		return n
	}
	m.invocations = seconds("durable.invocation.duration", "Duration of an invocation.")
	m.executions = seconds("durable.execution.duration", "Duration of an execution, waits included.")
	m.operations = seconds("durable.operation.duration", "Duration of an operation, waits included.")
	m.attempts = seconds("durable.attempt.duration", "Duration of the body of a step.")
	m.replayed = counter("durable.invocation.replayed_operations", "{operation}", "Operations that were read from the log.")
	m.calls = counter("durable.invocation.checkpoint_calls", "{call}", "Checkpoint calls.")
	m.suspensions = counter("durable.invocation.suspensions", "{suspension}", "Invocations that ended because the execution waits.")
	m.retries = counter("durable.attempt.retries", "{attempt}", "Attempts after a failed one.")
	var err error
	m.size, err = meter.Int64Histogram("durable.invocation.operations", metric.WithUnit("{operation}"),
		metric.WithDescription("Operations in the log at the end of an invocation."),
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 1500, 2000, 2500, 2750, 3000))
	return m, errors.Join(errs, err)
}

func (m *metrics) invocation(r *run, i *replay.InvocationInfo, end *replay.InvocationEnd) {
	if m == nil {
		return
	}
	ctx := context.WithoutCancel(r.handler)
	now := r.clock.Now()
	m.invocations.Record(ctx, now.Sub(r.began).Seconds(), metric.WithAttributes(keyEnd.String(end.Status), keyFirst.Bool(i.First)))
	m.size.Record(ctx, int64(i.Operations))
	m.replayed.Add(ctx, int64(end.Replayed))
	m.calls.Add(ctx, int64(end.Calls))
	switch end.Status {
	case pending:
		m.suspensions.Add(ctx, 1)
	case succeeded, failed:
		m.executions.Record(ctx, max(0, now.Sub(i.StartedAt)).Seconds(), metric.WithAttributes(keyExecution.String(end.Status)))
	}
}

func (m *metrics) operation(r *run, o *replay.OperationInfo, known *operation) {
	if m == nil {
		return
	}
	begin, end := known.began, r.clock.Now()
	if !o.Start.IsZero() && o.Start.Before(begin) {
		begin = o.Start
	}
	if o.Replay && !o.End.IsZero() {
		end = o.End // it may have ended before this invocation
	}
	attrs := append(m.of(o), keyStatus.String(o.Status))
	m.operations.Record(context.WithoutCancel(r.handler), max(0, end.Sub(begin)).Seconds(), metric.WithAttributes(attrs...))
}

func (m *metrics) attempt(r *run, a *replay.AttemptInfo, end *replay.AttemptEnd, took time.Duration) {
	if m == nil {
		return
	}
	ctx := context.WithoutCancel(r.handler)
	attrs := m.of(&a.OperationInfo)
	if a.Number > 1 && a.SubType != polls {
		m.retries.Add(ctx, 1, metric.WithAttributes(attrs...))
	}
	attrs = append(attrs, keyOutcome.String(end.Outcome))
	if end.Err != nil {
		attrs = append(attrs, keyErrorType.String(errorType(end.Err)))
	}
	m.attempts.Record(ctx, max(0, took).Seconds(), metric.WithAttributes(attrs...))
}

// of are the attributes of an operation.
func (m *metrics) of(o *replay.OperationInfo) []attribute.KeyValue {
	attrs := append(make([]attribute.KeyValue, 0, 5), keyType.String(o.Kind))
	if o.SubType != "" {
		attrs = append(attrs, keySubType.String(o.SubType))
	}
	if name, _, _ := strings.Cut(o.Name, "["); m.names && name != "" {
		attrs = append(attrs, keyName.String(name))
	}
	return attrs
}
