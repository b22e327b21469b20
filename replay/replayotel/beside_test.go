package replayotel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/perdure/perdure/replay/replayotel"
)

// TestLogs: records have the span that they are logged in: with the loggers of the execution, whose
// records need no context, and with one of the user's.
func TestLogs(t *testing.T) {
	t.Parallel()
	for _, view := range []replayotel.View{replayotel.Invocations, replayotel.Executions} {
		b := newBench(t, replayotel.WithView(view))
		tp := replayotel.NewTracerProvider(sdktrace.WithSyncer(b.spans))
		var out bytes.Buffer
		handler := replayotel.LogHandler(slog.NewJSONHandler(&out, nil))
		app := slog.New(handler).WithGroup("app").With(slog.Int("n", 1))
		b.handler = []replay.HandlerOption{replay.WithLogHandler(handler)}
		b.run(t, func(ctx op.Context) error {
			ctx.Logger().Info("handler")
			return replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
				ctx.Logger().Info("order")
				return op.None{}, step(ctx, "charge", func(ctx context.Context) error {
					op.LoggerFrom(ctx).Info("charge attempt 1")
					app.InfoContext(ctx, "charge attempt 1")
					ctx, span := tp.Tracer("mine").Start(ctx, "own")
					defer span.End()
					app.InfoContext(ctx, "own")
					return nil
				})
			}))
		})
		app.Info("outside")
		lines := 0
		for line := range strings.Lines(out.String()) {
			var got struct {
				Message string `json:"msg"`
				Trace   string `json:"traceId"`
				Span    string `json:"spanId"`
				Sampled bool   `json:"otelTraceSampled"`
			}
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			lines++
			if got.Message == "outside" {
				if got.Trace != "" {
					t.Errorf("%v: outside of an execution there is a trace: %s", view, line)
				}
				continue
			}
			name := strings.Replace(got.Message, "handler", invocation, 1)
			if want := b.one(t, name).SpanContext; got.Span != want.SpanID().String() || got.Trace != want.TraceID().String() || !got.Sampled {
				t.Errorf("%v: %s: want the span %s", view, line, want.SpanID())
			}
		}
		if lines != 6 {
			t.Errorf("%v: %d lines, want 6", view, lines)
		}
	}
}

// TestMetrics: what is measured of a workflow that retries, waits and polls. Durations are those of
// the service's clock.
func TestMetrics(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	b := newBench(t, replayotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	b.header = strings.Replace(caller, "Sampled=1", "Sampled=0", 1) // metrics are of all executions
	b.run(t, func(ctx op.Context) error {
		if err := replay.Exec(ctx, op.Do("charge", func(ctx context.Context) error {
			if info, _ := op.InfoFrom(ctx); info.Attempt == 1 {
				return errors.New("once")
			}
			return nil
		}, op.WithRetry(retry.Fixed(time.Minute)))); err != nil {
			return err
		}
		return replay.Exec(ctx, op.WaitForCondition("settled", 0, func(_ context.Context, n int) (int, bool, error) {
			return n + 1, n == 1, nil
		}, op.WithPolling(retry.Fixed(time.Hour))))
	})
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64) // counts, and sums of counters and of durations
	for _, m := range data.ScopeMetrics[0].Metrics {
		switch d := m.Data.(type) {
		case metricdata.Histogram[float64]:
			for _, p := range d.DataPoints {
				got[m.Name+" count"] += float64(p.Count)
				got[m.Name+" sum"] += p.Sum
			}
		case metricdata.Sum[int64]:
			for _, p := range d.DataPoints {
				got[m.Name] += float64(p.Value)
			}
		case metricdata.Histogram[int64]:
			for _, p := range d.DataPoints {
				got[m.Name+" count"] += float64(p.Count)
			}
		}
	}
	calls := got["durable.invocation.checkpoint_calls"]
	delete(got, "durable.invocation.checkpoint_calls")
	want := map[string]float64{
		"durable.invocation.duration count": 3, "durable.invocation.duration sum": 0,
		"durable.execution.duration count": 1, "durable.execution.duration sum": 3660,
		"durable.operation.duration count": 2, "durable.operation.duration sum": 3660,
		"durable.attempt.duration count": 4, "durable.attempt.duration sum": 0,
		"durable.attempt.retries": 1, "durable.invocation.suspensions": 2,
		"durable.invocation.replayed_operations": 1, "durable.invocation.operations count": 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if calls < 3 {
		t.Errorf("%v checkpoint calls, want one in each invocation at least", calls)
	}
	if len(b.spans.GetSpans()) > 0 {
		t.Errorf("it is not sampled, and has spans")
	}
}

// stuck is an exporter that does not return, or panics.
type stuck struct {
	until  chan struct{}
	panics bool
}

func (s *stuck) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	if s.panics {
		panic("the exporter is broken")
	}
	<-s.until
	return nil
}

func (*stuck) Shutdown(context.Context) error { return nil }

// TestExportersDoNoHarm: an exporter that hangs holds an answer up for the time that was set, and
// no longer; one that panics in the invocation changes nothing.
func TestExportersDoNoHarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{until: make(chan struct{})}
		provider := replayotel.NewTracerProvider(sdktrace.WithBatcher(s, sdktrace.WithBatchTimeout(time.Hour)))
		traces, err := replayotel.New(replayotel.WithTracerProvider(provider), replayotel.WithFlushTimeout(300*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, step(ctx, "charge", nothing) },
			replay.WithInterceptors(traces))
		svc := local.New()
		begin := time.Now()
		if _, err := svc.Run(t.Context(), f, []byte("{}")); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took < 300*time.Millisecond || took > 400*time.Millisecond {
			t.Errorf("the answer took %v, want 300 ms", took)
		}
		close(s.until)
		if err := errors.Join(provider.Shutdown(t.Context()), svc.Close()); err != nil {
			t.Error(err)
		}
	})
	b := newBench(t)
	b.opts = append(b.opts, replayotel.WithTracerProvider(replayotel.NewTracerProvider(sdktrace.WithSyncer(&stuck{panics: true}))))
	if e := b.run(t, waits); e.Status() != local.StatusSucceeded {
		t.Errorf("with an exporter that panics the execution is %s", e.Status())
	}
}

// TestExecutionsBesideEachOther: two executions in one process share nothing.
func TestExecutionsBesideEachOther(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.header = ""
	traces, err := replayotel.New(b.opts...)
	if err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	both.Add(2)
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, step(ctx, "meet", func(ctx context.Context) error {
			both.Done()
			both.Wait() // both are in their bodies
			return nil
		})
	}, replay.WithInterceptors(traces))
	svc := local.New()
	t.Cleanup(func() {
		if err := svc.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := svc.Host("f", f); err != nil {
		t.Fatal(err)
	}
	var list []*local.Execution
	for range 2 {
		e, err := svc.StartWith(local.StartInput{Function: "f", Input: checkpoint.TextPayload("{}")})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	for _, e := range list {
		if err := e.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	traceOf := make(map[string]trace.TraceID)
	for _, s := range b.spans.GetSpans() {
		arn := value(s, "durable.execution.arn")
		if known, ok := traceOf[arn]; ok && known != s.SpanContext.TraceID() {
			t.Errorf("%s of %s is in the trace of another execution", s.Name, arn)
		}
		traceOf[arn] = s.SpanContext.TraceID()
	}
	if len(traceOf) != 2 || len(b.spans.GetSpans()) != 10 {
		t.Errorf("%d traces, %d spans, want 2 and 10", len(traceOf), len(b.spans.GetSpans()))
	}
}

// TestInvokesCarryTheTrace: the target of an invoke hangs below the span of the invoke.
func TestInvokesCarryTheTrace(t *testing.T) {
	t.Parallel()
	for _, view := range []replayotel.View{replayotel.Invocations, replayotel.Executions} {
		for on, want := range map[bool]string{true: "call", false: ""} {
			b := newBench(t, replayotel.WithView(view), replayotel.WithPropagation(on))
			var header string
			target := local.HandlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
				header = checkpoint.TraceHeaderFrom(ctx)
				return []byte(`"fine"`), nil
			})
			if err := b.service.Host("other:live", target, local.WithPlainFunction()); err != nil {
				t.Fatal(err)
			}
			b.run(t, func(ctx op.Context) error { return replay.Exec(ctx, op.Invoke[string]("call", "other:live", 1)) })
			a := replayotel.ParseXRay(header)
			got := ""
			for _, s := range b.spans.GetSpans() {
				if s.SpanContext.SpanID() == a.SpanID {
					got = s.Name
				}
			}
			if got != want || a.TraceID.String() != "5759e988bd862e3fe1be46a994272793" || !*a.Sampled {
				t.Errorf("%v: the target has %q, which is of the span %q, want %q", view, header, got, want)
			}
		}
	}
}
