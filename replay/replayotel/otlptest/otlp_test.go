package otlptest_test

import (
	"cmp"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/replay/replayotel"
)

var update = flag.Bool("update", false, "write the drawings of docs/tracing.md")

// receiver is an OTLP receiver.
type receiver struct {
	mu    sync.Mutex
	spans []*tracepb.Span
}

// ServeHTTP takes in spans.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var in collector.ExportTraceServiceRequest
	body, err := io.ReadAll(req.Body)
	if err == nil {
		err = proto.Unmarshal(body, &in)
	}
	if err != nil || req.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprint("want OTLP at /v1/traces: ", err), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rs := range in.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			r.spans = append(r.spans, ss.GetSpans()...)
		}
	}
}

// seen returns what has arrived, each span once: a synthetic root arrives with each invocation.
func (r *receiver) seen() []*tracepb.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.spans)
	slices.SortStableFunc(all, func(a, b *tracepb.Span) int {
		return cmp.Or(cmp.Compare(a.GetStartTimeUnixNano(), b.GetStartTimeUnixNano()), cmp.Compare(b.GetEndTimeUnixNano(), a.GetEndTimeUnixNano()))
	})
	return all
}

// order is a workflow of three invocations: it packs items, waits for an approval, and has another
// function ship.
func order(ctx op.Context, _ op.None) (string, error) {
	pack := op.GroupFunc("pack", func(ctx op.Context, item string) (string, error) {
		return replay.Run(ctx, op.Step("weigh", func(ctx context.Context) (string, error) {
			if err := later(ctx, 20*time.Millisecond); err != nil {
				return "", err
			}
			return item, nil
		}))
	}).Key(func(item string) string { return item })
	if err := replay.Exec(ctx, op.Map("items", []string{"book", "lamp"}, pack, op.WithMaxConcurrency(1))); err != nil {
		return "", err
	}
	ask := func(context.Context, string) error { return nil }
	if err := replay.Exec(ctx, op.WaitForCallback[string]("approval", ask)); err != nil {
		return "", err
	}
	return replay.Run(ctx, op.Invoke[string]("ship", "shipping:live", "order"))
}

// shipping is the function that is invoked. It is traced as well.
func shipping(ctx op.Context, in string) (string, error) {
	return replay.Run(ctx, op.Step("book-carrier", func(ctx context.Context) (string, error) {
		return in + " shipped", later(ctx, 300*time.Millisecond)
	}))
}

// clockKey is where contexts have the virtual clock.
type clockKey struct{}

// later lets time pass.
func later(ctx context.Context, d time.Duration) error {
	if c, ok := ctx.Value(clockKey{}).(*local.VirtualClock); ok {
		c.Advance(d)
	}
	return nil
}

// trace runs the workflow, exports to a receiver, and returns what has arrived there.
func trace(t *testing.T, view replayotel.View) []*tracepb.Span {
	t.Helper()
	r := &receiver{}
	server := httptest.NewServer(r)
	defer server.Close()
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(server.URL+"/v1/traces"))
	if err != nil {
		t.Fatal(err)
	}
	provider := replayotel.NewTracerProvider(sdktrace.WithBatcher(exporter, sdktrace.WithBatchTimeout(time.Hour)),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "orders"))))
	traces, err := replayotel.New(replayotel.WithTracerProvider(provider), replayotel.WithView(view), replayotel.WithFlushTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	clock := local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))
	s := local.New(local.WithClock(clock))
	for name, f := range map[string]local.Handler{
		"orders": replay.Handler(order, replay.WithInterceptors(traces)), "shipping:live": replay.Handler(shipping, replay.WithInterceptors(traces)),
	} {
		err := s.Host(name, local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
			clock.Advance(100 * time.Millisecond) // the start of a function
			defer clock.Advance(10 * time.Millisecond)
			return f.Invoke(context.WithValue(ctx, clockKey{}, clock), payload)
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	e, err := s.StartWith(local.StartInput{
		Function: "orders", TraceHeader: "Root=1-6955b900-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
		Input: checkpoint.TextPayload("{}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.Advance(26 * time.Hour)
	for _, ev := range e.History() {
		if ev.Type == local.EventCallbackStarted {
			if err := s.CompleteCallback(ev.CallbackID, []byte(`"yes"`)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := string(e.Result()); got != `"order shipped"` || e.Invocations() != 3 {
		t.Fatalf("the result is %s after %d invocations, want %q after 3", got, e.Invocations(), "order shipped")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	arrived := r.seen() // before the provider is shut down: what is there was flushed before the answers
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return arrived
}

// draw draws a trace as a tree: when a span starts, how long it takes, and the links.
func draw(spans []*tracepb.Span) string {
	var b strings.Builder
	name := make(map[string]string)
	for _, s := range spans {
		name[string(s.GetSpanId())] = s.GetName()
	}
	begin := spans[0].GetStartTimeUnixNano()
	fmt.Fprintf(&b, "%-42s %-16s %-16s %s\n", "span", "starts after", "takes", "links to")
	var below func(parent string, depth int)
	line := func(s *tracepb.Span, depth int) {
		var links []string
		for _, l := range s.GetLinks() {
			links = append(links, cmp.Or(name[string(l.GetSpanId())], "nothing"))
		}
		fmt.Fprintf(&b, "%-42s %-16s %-16s %s\n", strings.Repeat("  ", depth)+s.GetName(), round(s.GetStartTimeUnixNano()-begin),
			round(s.GetEndTimeUnixNano()-s.GetStartTimeUnixNano()), strings.Join(links, ", "))
		below(string(s.GetSpanId()), depth+1)
	}
	below = func(parent string, depth int) {
		for _, s := range spans {
			if string(s.GetParentSpanId()) == parent {
				line(s, depth)
			}
		}
	}
	for _, s := range spans {
		if name[string(s.GetParentSpanId())] == "" {
			line(s, 0)
		}
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func round(nanos uint64) time.Duration { return time.Duration(nanos).Round(time.Millisecond) } //nolint:gosec // years

// TestTrace: what a receiver gets is one trace in which all parents and links are there, and is
// drawn in docs/tracing.md.
func TestTrace(t *testing.T) {
	const page = "../../../docs/tracing.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	was := string(text)
	for _, view := range []replayotel.View{replayotel.Invocations, replayotel.Executions} {
		spans := trace(t, view)
		known := map[string]bool{"53995c3f42cd8ad8": true}
		for _, s := range spans {
			known[hex.EncodeToString(s.GetSpanId())] = true
		}
		for _, s := range spans {
			if got := hex.EncodeToString(s.GetTraceId()); got != "6955b900bd862e3fe1be46a994272793" {
				t.Errorf("%v: %s is in the trace %s", view, s.GetName(), got)
			}
			if !known[hex.EncodeToString(s.GetParentSpanId())] {
				t.Errorf("%v: the parent of %s has not arrived", view, s.GetName())
			}
			for _, l := range s.GetLinks() {
				if !known[hex.EncodeToString(l.GetSpanId())] {
					t.Errorf("%v: a link of %s leads nowhere", view, s.GetName())
				}
			}
		}
		from, to := "<!-- trace "+view.String()+" -->\n\n```\n", "\n```\n"
		before, rest, ok := strings.Cut(string(text), from)
		_, after, ok2 := strings.Cut(rest, to)
		if !ok || !ok2 {
			t.Fatalf("%s has no drawing after %q", page, from)
		}
		text = []byte(before + from + strings.TrimRight(draw(spans), "\n") + to + after)
	}
	if *update {
		if err := os.WriteFile(page, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if was != string(text) {
		t.Errorf("%s has other drawings than:\n%s\nrun GOWORK=off go test . -update", page, text)
	}
}
