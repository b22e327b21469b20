package replay_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestTraceHeader: bodies and interceptors can read the header of the invocation, and an invoke
// carries it, or what interceptors make of it.
func TestTraceHeader(t *testing.T) {
	t.Parallel()
	const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	with := func(make func(header string) string) replay.Interceptor {
		return replay.Interceptor{InvokeTraceHeader: func(_ context.Context, o replay.OperationInfo, header string) string {
			if o.Path != "call" || o.Kind != "CHAINED_INVOKE" || o.ID == "" {
				t.Errorf("the operation is %+v", o)
			}
			return make(header)
		}}
	}
	suffix := func(s string) replay.Interceptor { return with(func(h string) string { return h + s }) }
	tests := []struct {
		reason, header string
		list           []replay.Interceptor
		want           string
	}{
		{"that of the invocation", header, nil, header},
		{"none", "", nil, ""},
		{"one that an interceptor makes", "", []replay.Interceptor{suffix("Root=x")}, "Root=x"},
		{"one after the other, in their order", header, []replay.Interceptor{suffix(";a"), {}, suffix(";b")}, header + ";a;b"},
		{"an interceptor leaves it out", header, []replay.Interceptor{with(func(string) string { return "" })}, ""},
		{"a panic changes nothing", header, []replay.Interceptor{with(func(string) string { panic("no") }), suffix(";b")}, header + ";b"},
		{"what the service would refuse is ignored", header, []replay.Interceptor{suffix("\n"), suffix(strings.Repeat("x", 500))}, header},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var inBody, inInvocation string
			list := append([]replay.Interceptor{{InvocationStart: func(_ context.Context, i replay.InvocationInfo) {
				inInvocation = i.TraceHeader
			}}}, tt.list...)
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				err := replay.Exec(ctx, op.Do("look", func(ctx context.Context) error {
					info, _ := op.InfoFrom(ctx)
					inBody = info.TraceHeader
					return nil
				}, op.WithRetry(retry.Never())))
				if err != nil {
					return "", err
				}
				return replay.Run(ctx, op.Invoke[string]("call", "other:live", 1))
			}, replay.WithInterceptors(list...), replay.WithLogHandler(slog.DiscardHandler))
			client := &tape{}
			if got := say(f.Invoke(checkpoint.WithTraceHeader(onTape(t, client), tt.header), event(t))); got != "PENDING" {
				t.Fatalf("answer %s, want PENDING", got)
			}
			if got := client.update(t, checkpoint.ActionStart, "call").TraceHeader; got != tt.want {
				t.Errorf("the invoke carries %q, want %q", got, tt.want)
			}
			if inBody != tt.header || inInvocation != tt.header {
				t.Errorf("bodies see %q, interceptors %q, want %q", inBody, inInvocation, tt.header)
			}
		})
	}
}

// TestTraceHeaderIsAskedForOnce: an invoke that is in the log is not asked for again.
func TestTraceHeaderIsAskedForOnce(t *testing.T) {
	t.Parallel()
	var asked, invocations atomic.Int32
	other := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte(`"fine"`), nil })
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		invocations.Add(1)
		return replay.Run(ctx, op.Invoke[string]("call", "other:live", 1))
	}, replay.WithInterceptors(replay.Interceptor{InvokeTraceHeader: func(context.Context, replay.OperationInfo, string) string {
		asked.Add(1)
		return "Root=1"
	}}))
	h := newHome(t)
	if err := h.Host("other:live", other, local.WithPlainFunction()); err != nil {
		t.Fatal(err)
	}
	e := h.drive(t, f, "null")
	if diff := cmp.Diff(`SUCCEEDED "fine"`, end(e)); diff != "" {
		t.Error(diff)
	}
	if asked.Load() != 1 || invocations.Load() != 2 {
		t.Errorf("the header was asked for %d times in %d invocations, want once in 2", asked.Load(), invocations.Load())
	}
}
