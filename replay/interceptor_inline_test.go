package replay_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestInlineIsFramed: the function of an op.Inline is reported like that of a group, each time that
// it runs, with the context that an interceptor makes, also as a side of a declared change.
func TestInlineIsFramed(t *testing.T) {
	t.Parallel()
	type key struct{}
	var seen []string
	framed := 0
	watch := replay.Interceptor{
		WrapGroup: func(ctx context.Context, g replay.GroupInfo, next func(context.Context) replay.AttemptEnd) {
			seen = append(seen, fmt.Sprintf("%s %s %q virtual %v, in %q", g.Path, g.SubType, g.ID, g.Virtual, g.ParentID))
			next(context.WithValue(ctx, key{}, g.Name))
		},
		GroupEnd: func(_ context.Context, g replay.GroupInfo, end replay.AttemptEnd) {
			seen = append(seen, fmt.Sprintf("%s %s %v", g.Path, end.Outcome, end.Err))
		},
		OperationStart: func(_ context.Context, o replay.OperationInfo) {
			if o.Name == "notes" {
				t.Error("an op.Inline is reported as an operation")
			}
		},
	}
	notes := op.Inline("notes", func(ctx op.Context) (string, error) {
		if ctx.InvocationContext().Value(key{}) == "notes" {
			framed++ // a look at what it begins with is no run
		}
		return "", replay.Exec(ctx, op.Wait("pause", time.Hour))
	})
	refused := op.Inline("refused", func(op.Context) (string, error) { return "", errors.New("no") })
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		if _, err := replay.Run(ctx, op.Replaces(notes, op.Step("old", func(context.Context) (string, error) { return "", nil }))); err != nil {
			return op.None{}, err
		}
		if ctx.InvocationContext().Value(key{}) != nil {
			t.Error("the context of the function outlives it")
		}
		_, err := replay.Run(ctx, refused)
		if err == nil {
			t.Error("the error of the function is lost")
		}
		return op.None{}, nil
	}, replay.WithInterceptors(watch))
	e := newHome(t).drive(t, f, "null")
	if diff := cmp.Diff("SUCCEEDED {}", end(e)); diff != "" {
		t.Error(diff)
	}
	if framed != 2 {
		t.Errorf("%d runs had the context of the interceptor, want 2", framed)
	}
	want := []string{
		`notes RunInChildContext "" virtual true, in ""`, "notes INCOMPLETE <nil>",
		`notes RunInChildContext "" virtual true, in ""`, "notes SUCCEEDED <nil>",
		`refused RunInChildContext "" virtual true, in ""`, "refused FAILED no",
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}
