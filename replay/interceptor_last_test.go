package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestReportsComeInsideWrapInvocation: also those of the last operations, with a context that has
// not ended.
func TestReportsComeInsideWrapInvocation(t *testing.T) {
	t.Parallel()
	type key struct{}
	tests := []struct {
		reason string
		last   op.Op[op.None]
		want   []string
	}{
		{
			"a wait that suspends the invocation", op.Wait("pause", time.Minute),
			[]string{"start pause <nil>", "left <nil>"},
		},
		{
			"a step whose result is recorded when the handler has returned",
			op.Do("work", func(context.Context) error { return nil }, op.WithSemantics(op.Relaxed)),
			[]string{"start work <nil>", "end work <nil>", "left <nil>"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var got []string
			note := func(ctx context.Context, what string) { got = append(got, fmt.Sprint(what, " ", ctx.Err())) }
			i := replay.Interceptor{
				WrapInvocation: func(ctx context.Context, _ replay.InvocationInfo, next func(context.Context) replay.InvocationEnd) {
					next(context.WithValue(ctx, key{}, "wrapped"))
					note(ctx, "left")
				},
				OperationStart: func(ctx context.Context, o replay.OperationInfo) { note(ctx, "start "+o.Name) },
				OperationEnd:   func(ctx context.Context, o replay.OperationInfo) { note(ctx, "end "+o.Name) },
			}
			once(t, replay.Handler(inTurn(tt.last), replay.WithInterceptors(i)), &tape{})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStartIsReportedOnce: also of a compensation that one branch has begun and the batch takes
// over.
func TestStartIsReportedOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	starts := make(map[string]int)
	i := replay.Interceptor{OperationStart: func(_ context.Context, o replay.OperationInfo) {
		mu.Lock()
		defer mu.Unlock()
		starts[o.Path]++
	}}
	undoing, won := make(chan struct{}), make(chan struct{})
	book := op.Step("book", func(context.Context) (string, error) { return "seat", nil }).
		Undo(func(context.Context, string) error {
			close(undoing)
			<-won
			return nil
		})
	loser := op.Group("loser", func(ctx op.Context) (string, error) {
		_, err := replay.Run(ctx, book)
		return "", errors.Join(err, errDeclined)
	})
	winner := op.Group("winner", func(ctx op.Context) (string, error) {
		<-undoing
		return replay.Run(ctx, op.Step("quick", func(context.Context) (string, error) { close(won); return "won", nil }))
	})
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Any("any", loser, winner))
	}, replay.WithInterceptors(i), replay.WithLogHandler(slog.DiscardHandler))
	if got := once(t, f, &tape{}); got != `SUCCEEDED "won"` {
		t.Fatal(got)
	}
	want := map[string]int{"any": 1, "any[loser]/book": 1, "any[loser]/book-undo": 1, "any[winner]/quick": 1}
	for path, n := range want {
		if starts[path] != n {
			t.Errorf("the start of %s was reported %d times, want %d", path, starts[path], n)
		}
	}
}
