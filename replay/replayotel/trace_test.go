package replayotel_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/perdure/perdure/replay/replayotel"
)

// waits is a workflow of two invocations.
func waits(ctx op.Context) error {
	if err := replay.Exec(ctx, op.Wait("pause", 24*time.Hour)); err != nil {
		return err
	}
	return step(ctx, "charge", nothing)
}

// TestOrigin: the trace is that of the header, or derived; all invocations make the same of it.
func TestOrigin(t *testing.T) {
	t.Parallel()
	const root, parent = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
	tests := []struct {
		reason, header string
		sampler        sdktrace.Sampler
		traceID        string // empty: derived
		parent         string // empty: the synthetic root
		spans          bool
	}{
		{"the header decides", caller, sdktrace.NeverSample(), root, parent, true},
		{"the header decides against it", strings.Replace(caller, "Sampled=1", "Sampled=0", 1), sdktrace.AlwaysSample(), root, parent, false},
		{"undecided: the sampler", strings.Replace(caller, ";Sampled=1", "", 1), sdktrace.AlwaysSample(), root, parent, true},
		{"undecided, and the sampler does not", strings.Replace(caller, ";Sampled=1", "", 1), sdktrace.NeverSample(), root, parent, false},
		{"undecided, by the ID", strings.Replace(caller, ";Sampled=1", "", 1), sdktrace.TraceIDRatioBased(.99), root, parent, true},
		{"without Parent", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", nil, root, "", true},
		{"without Root", "Parent=53995c3f42cd8ad8;Sampled=1", nil, "", "", true},
		{"without header", "", nil, "", "", true},
	}
	for _, view := range []replayotel.View{replayotel.Invocations, replayotel.Executions} {
		for _, tt := range tests {
			t.Run(view.String()+"/"+tt.reason, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, replayotel.WithView(view))
				b.header = tt.header
				if tt.sampler != nil {
					b.opts = append(b.opts, replayotel.WithTracerProvider(replayotel.NewTracerProvider(
						sdktrace.WithSyncer(b.spans), sdktrace.WithSampler(replayotel.Sampler(tt.sampler)))))
				}
				b.run(t, waits)
				if !tt.spans {
					if got := names(b.spans.GetSpans()); got != nil {
						t.Errorf("it is not sampled, and exports %v", got)
					}
					return
				}
				w := b.one(t, workflow)
				want := parent
				if tt.parent == "" {
					roots := b.named(synthetic)
					if len(roots) != 2 || roots[0].SpanContext.SpanID() != roots[1].SpanContext.SpanID() || roots[0].Parent.IsValid() {
						t.Fatalf("the synthetic roots are %v, want the same in both invocations", roots)
					}
					want = roots[0].SpanContext.SpanID().String()
				} else if len(b.named(synthetic)) > 0 {
					t.Errorf("there is a caller, and a synthetic root")
				}
				for _, s := range append(b.named(invocation), w) {
					if s.Parent.SpanID().String() != want || s.Parent.IsRemote() != (tt.parent != "") {
						t.Errorf("the parent of %s is %v, want %s", s.Name, s.Parent.SpanID(), want)
					}
				}
				for _, s := range b.spans.GetSpans() {
					if tt.traceID != "" && s.SpanContext.TraceID().String() != tt.traceID || s.SpanContext.TraceID() != w.SpanContext.TraceID() {
						t.Errorf("%s is in the trace %v, want %s", s.Name, s.SpanContext.TraceID(), tt.traceID)
					}
				}
			})
		}
	}
}

// TestUsersSpansNest: what code starts in the handler, a body, a group and after a wait hangs below
// the span that it is in.
func TestUsersSpansNest(t *testing.T) {
	t.Parallel()
	for _, view := range []replayotel.View{replayotel.Invocations, replayotel.Executions} {
		t.Run(view.String(), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, replayotel.WithView(view))
			tp := replayotel.NewTracerProvider(sdktrace.WithSyncer(b.spans))
			attempts := 0
			b.run(t, func(ctx op.Context) error {
				mine(ctx.InvocationContext(), tp, "in handler")
				err := replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
					mine(ctx.InvocationContext(), tp, "in group")
					return op.None{}, step(ctx, "charge", func(ctx context.Context) error {
						mine(ctx, tp, "in step")
						return nil
					})
				}))
				if err != nil {
					return err
				}
				return replay.Exec(ctx, op.Do("again", func(ctx context.Context) error {
					attempts++
					mine(ctx, tp, "in attempt")
					if attempts == 1 {
						return errors.New("once")
					}
					return nil
				}, op.WithRetry(retry.Fixed(time.Hour))))
			})
			order := b.named("order")[0]
			handler := b.named(invocation)[0].SpanContext.SpanID()
			if view == replayotel.Executions {
				handler = b.one(t, workflow).SpanContext.SpanID()
			}
			for name, want := range map[string]trace.SpanID{
				"in handler": handler, "in group": order.SpanContext.SpanID(), "in step": b.one(t, "charge attempt 1").SpanContext.SpanID(),
			} {
				if got := b.named(name)[0].Parent.SpanID(); got != want {
					t.Errorf("the parent of %q is %v, want %v", name, got, want)
				}
			}
			for i, s := range b.named("in attempt") {
				if want := b.named([]string{"again attempt 1", "again attempt 2"}[i])[0]; s.Parent.SpanID() != want.SpanContext.SpanID() {
					t.Errorf("the parent of %q in attempt %d is %v, want %s", s.Name, i+1, s.Parent.SpanID(), want.Name)
				}
			}
			if got := len(b.named("charge attempt 1")); got != 1 {
				t.Errorf("a body that ran once has %d spans", got)
			}
		})
	}
}

// TestOutcomes: statuses, and which errors make an event.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.run(t, func(ctx op.Context) error {
		return replay.Exec(ctx, op.Do("charge", func(context.Context) error { return errors.New("card 4711 refused") },
			op.WithRetry(retry.Never())))
	})
	for _, name := range []string{workflow, invocation, "charge", "charge attempt 1"} {
		s := b.one(t, name)
		if s.Status.Code != codes.Error || !strings.Contains(s.Status.Description, "card 4711") {
			t.Errorf("the status of %s is %v", name, s.Status)
		}
	}
	if e := b.one(t, "charge").Events; len(e) != 1 || e[0].Name != "exception" {
		t.Errorf("the events of the step are %v, want an exception", e)
	}
	if got := value(b.one(t, "charge"), "durable.attempt.number"); got != "1" {
		t.Errorf("the step has made %s attempts, want 1", got)
	}

	silent := newBench(t, replayotel.WithErrorMessages(false), replayotel.WithWorkflowName("order"))
	silent.run(t, func(ctx op.Context) error {
		return replay.Exec(ctx, op.Do("charge", func(context.Context) error { return errors.New("card 4711 refused") },
			op.WithRetry(retry.Never())))
	})
	for _, s := range silent.spans.GetSpans() {
		texts := []string{s.Status.Description}
		for _, e := range s.Events {
			for _, kv := range e.Attributes {
				texts = append(texts, kv.Value.String())
			}
		}
		if text := strings.Join(texts, " "); strings.Contains(text, "4711") {
			t.Errorf("%s has the message of the error: %s", s.Name, text)
		}
	}
	silent.one(t, "order")
}

// TestReplayMakesNoSpans: in five invocations each step is one span.
func TestReplayMakesNoSpans(t *testing.T) {
	t.Parallel()
	for _, view := range []replayotel.View{replayotel.Invocations, replayotel.Executions} {
		b := newBench(t, replayotel.WithView(view))
		b.run(t, func(ctx op.Context) error {
			for i := range 4 {
				if err := step(ctx, "step-"+string(rune('a'+i)), nothing); err != nil {
					return err
				}
				if err := replay.Exec(ctx, op.Wait("wait-"+string(rune('a'+i)), time.Hour)); err != nil {
					return err
				}
			}
			return nil
		})
		for i, invocations := 0, b.named(invocation); i < 4; i++ {
			b.one(t, "step-"+string(rune('a'+i)))
			segments := map[replayotel.View]int{replayotel.Invocations: 2, replayotel.Executions: 1}[view]
			if got := len(b.named("wait-" + string(rune('a'+i)))); got != segments || len(invocations) != 5 {
				t.Errorf("%v: a wait is %d spans in %d invocations, want %d in 5", view, got, len(invocations), segments)
			}
		}
	}
}

// TestForeignProvider: without our IDs the view Executions becomes Invocations, without links, in
// the trace of the execution all the same. Without a provider nothing happens.
func TestForeignProvider(t *testing.T) {
	t.Parallel()
	for _, view := range []replayotel.View{replayotel.Invocations, replayotel.Executions} {
		b := newBench(t, replayotel.WithView(view))
		b.opts = append(b.opts, replayotel.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.spans))))
		b.run(t, waits)
		if got := len(b.named("pause")); got != 2 {
			t.Errorf("%v: the wait is %d spans, want 2", view, got)
		}
		for _, s := range b.spans.GetSpans() {
			if len(s.Links) > 0 || s.SpanContext.TraceID().String() != "5759e988bd862e3fe1be46a994272793" {
				t.Errorf("%v: %s has %d links, in the trace %v", view, s.Name, len(s.Links), s.SpanContext.TraceID())
			}
		}
		b.spans.Reset()
		b.opts = append(b.opts, replayotel.WithTracerProvider(noop.NewTracerProvider()))
		b.serve(t)
		if e := b.run(t, waits); e.Status() != local.StatusSucceeded || len(b.spans.GetSpans()) > 0 {
			t.Errorf("%v: %s, with %d spans of a provider that makes none", view, e.Status(), len(b.spans.GetSpans()))
		}
	}
}

// TestTimes: whatever the process's clock says, spans end after they begin, and contain those below
// them.
func TestTimes(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-2 * time.Second, 0, 2 * time.Second} {
		for _, view := range []replayotel.View{replayotel.Invocations, replayotel.Executions} {
			t.Run(view.String()+"/"+skew.String(), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, replayotel.WithView(view))
				b.handler = append(b.handler, replay.WithInterceptors())
				b.serve(t)
				b.skewed(t, skew, func(ctx op.Context) error {
					return replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
						if err := step(ctx, "first", nothing); err != nil {
							return op.None{}, err
						}
						if err := replay.Exec(ctx, op.Wait("pause", time.Minute)); err != nil {
							return op.None{}, err
						}
						return op.None{}, step(ctx, "second", nothing)
					}))
				})
				byID := make(map[trace.SpanID]tracetest.SpanStub)
				for _, s := range b.spans.GetSpans() {
					if _, twice := byID[s.SpanContext.SpanID()]; twice {
						t.Errorf("%s is exported twice", s.Name)
					}
					byID[s.SpanContext.SpanID()] = s
				}
				for _, s := range byID {
					if s.EndTime.Before(s.StartTime) {
						t.Errorf("%s ends before it begins", s.Name)
					}
					if p, ok := byID[s.Parent.SpanID()]; ok && (s.StartTime.Before(p.StartTime) || s.EndTime.After(p.EndTime)) {
						t.Errorf("%s, %v to %v, is not within %s, %v to %v", s.Name, s.StartTime, s.EndTime, p.Name, p.StartTime, p.EndTime)
					}
				}
				pauses := b.named("pause")
				if second := b.one(t, "second"); second.StartTime.Before(pauses[len(pauses)-1].EndTime) {
					t.Errorf("the second step begins %v, before the wait ends, %v", second.StartTime, pauses[len(pauses)-1].EndTime)
				}
			})
		}
	}
}

// TestCrashes: wherever a process is killed, no span of the view Executions is exported twice but
// for what the lost invocation had exported, and all are in one trace.
func TestCrashes(t *testing.T) {
	t.Parallel()
	for call := 1; call <= 6; call++ {
		b := newBench(t, replayotel.WithView(replayotel.Executions))
		n := 0
		b.serve(t, local.WithFaults(local.Faults{Lose: func(local.Point) bool { n++; return n == call }}))
		if e := b.run(t, waits); e.Status() != local.StatusSucceeded {
			t.Fatalf("lost at %d: %s", call, e.Status())
		}
		lost := make(map[trace.SpanID]bool) // a process that is killed exports nothing
		for _, s := range b.named(invocation) {
			lost[s.SpanContext.SpanID()] = value(s, "durable.invocation.status") == "RETRYING"
		}
		seen := make(map[trace.SpanID]int)
		traces := make(map[trace.TraceID]bool)
		for _, s := range b.spans.GetSpans() {
			if len(s.Links) == 0 || !lost[s.Links[0].SpanContext.SpanID()] {
				seen[s.SpanContext.SpanID()]++
			}
			traces[s.SpanContext.TraceID()] = true
		}
		if len(traces) != 1 || len(b.named(workflow)) != 1 {
			t.Errorf("lost at %d: %d traces, %d executions", call, len(traces), len(b.named(workflow)))
		}
		for _, s := range b.spans.GetSpans() {
			if seen[s.SpanContext.SpanID()] > 1 {
				t.Errorf("lost at %d: %s is exported %d times", call, s.Name, seen[s.SpanContext.SpanID()])
			}
		}
	}
}

// TestOptions: what is refused, and why.
func TestOptions(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]replayotel.Option{
		"replayotel.WithView(View(7)): want Invocations or Executions": replayotel.WithView(7),
		"replayotel.WithFlushTimeout(-1s): want zero or more":          replayotel.WithFlushTimeout(-time.Second),
	} {
		_, err := replayotel.New(o, nil)
		if err == nil {
			t.Errorf("no error, want %s", want)
			continue
		}
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Error(diff)
		}
	}
}
