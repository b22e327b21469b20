package replay_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestInvocationEndHasWhatWrapInvocationMade: an interceptor keeps what it has of an invocation in
// the context that it makes, and finds it again at the end, alive, with the clock of the host.
func TestInvocationEndHasWhatWrapInvocationMade(t *testing.T) {
	t.Parallel()
	type key struct{}
	var n int
	var ends []string
	keeps := replay.Interceptor{
		WrapInvocation: func(ctx context.Context, _ replay.InvocationInfo, next func(context.Context) replay.InvocationEnd) {
			n++
			next(context.WithValue(ctx, key{}, n))
		},
		InvocationEnd: func(ctx context.Context, _ replay.InvocationInfo, end replay.InvocationEnd) {
			ends = append(ends, fmt.Sprint(end.Status, " ", ctx.Value(key{}), " ", ctx.Err(), " ",
				checkpoint.ClockFrom(ctx).Now().Sub(dawn) < 2*time.Hour, " replayed ", end.Replayed))
			if end.Calls == 0 {
				t.Error("no checkpoint call was counted")
			}
		},
	}
	plain := replay.Interceptor{InvocationEnd: func(ctx context.Context, _ replay.InvocationInfo, _ replay.InvocationEnd) {
		if ctx.Value(key{}) == nil {
			t.Error("an interceptor that wraps nothing does not see what another one has made")
		}
	}}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		if err := replay.Exec(ctx, op.Step("first", func(context.Context) (int, error) { return 1, nil })); err != nil {
			return op.None{}, err
		}
		if err := replay.Exec(ctx, op.Wait("pause", time.Hour)); err != nil {
			return op.None{}, err
		}
		return op.None{}, replay.Exec(ctx, op.Step("last", func(context.Context) (int, error) { return 1, nil }))
	}, replay.WithInterceptors(plain, keeps))
	e := newHome(t).drive(t, f, "null")
	if diff := cmp.Diff("SUCCEEDED {}", end(e)); diff != "" {
		t.Error(diff)
	}
	want := []string{"PENDING 1 <nil> true replayed 0", "SUCCEEDED 2 <nil> true replayed 1"}
	if diff := cmp.Diff(want, ends); diff != "" {
		t.Error(diff)
	}
}
