package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// recorder is an interceptor that writes a line for each call.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) addf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *recorder) interceptor() replay.Interceptor {
	return replay.Interceptor{
		InvocationStart: func(_ context.Context, i replay.InvocationInfo) {
			r.addf("invocation first=%t updated=%d", i.First, i.Updated)
		},
		InvocationEnd: func(_ context.Context, _ replay.InvocationInfo, e replay.InvocationEnd) {
			r.addf("invocation end %s terminal=%t", e.Status, e.Terminal)
		},
		OperationStart: func(_ context.Context, o replay.OperationInfo) {
			r.addf("start %s %s replay=%t", o.Path, o.SubType, o.Replay)
		},
		OperationEnd: func(_ context.Context, o replay.OperationInfo) {
			r.addf("end %s %s %s%s", o.Path, o.Status, o.Result, o.ErrorMessage)
		},
		AttemptStart: func(_ context.Context, a replay.AttemptInfo) { r.addf("attempt %d of %s", a.Number, a.Path) },
		AttemptEnd: func(_ context.Context, a replay.AttemptInfo, e replay.AttemptEnd) {
			r.addf("attempt %d of %s %s", a.Number, a.Path, e.Outcome)
		},
		GroupStart: func(_ context.Context, g replay.GroupInfo) {
			r.addf("group %s again=%t", g.Path, g.ReplayingChildren)
		},
		GroupEnd: func(_ context.Context, g replay.GroupInfo, e replay.AttemptEnd) {
			r.addf("group %s %s", g.Path, e.Outcome)
		},
	}
}

func runIntercepted(t *testing.T, fn func(op.Context, string) (string, error), opts ...replay.HandlerOption) error {
	t.Helper()
	svc := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	t.Cleanup(func() { _ = svc.Close() })
	_, err := svc.Run(t.Context(), replay.Handler(fn, opts...), []byte(`"in"`))
	return err
}

func TestInterceptorSeesEverythingOnce(t *testing.T) {
	t.Parallel()
	tries := 0
	flaky := func(context.Context) (string, error) {
		if tries++; tries == 1 {
			return "", errors.New("not yet")
		}
		return "ok", nil
	}
	tests := []struct {
		reason string
		fn     func(ctx op.Context, in string) (string, error)
		want   []string
	}{{
		reason: "a wait ends between two invocations, and its end is reported in the second",
		fn: func(ctx op.Context, in string) (string, error) {
			return in, replay.Exec(ctx, op.Wait("nap", time.Minute))
		},
		want: []string{
			"invocation first=true updated=0", "start nap Wait replay=false", "invocation end PENDING terminal=false",
			"invocation first=false updated=1", "end nap SUCCEEDED ", "invocation end SUCCEEDED terminal=true",
		},
	}, {
		reason: "a failed attempt is no end, and a step that is not finished starts again as a replay",
		fn: func(ctx op.Context, _ string) (string, error) {
			return replay.Run(ctx, op.Step("flaky", flaky, op.WithRetry(retry.Fixed(time.Second))))
		},
		want: []string{
			"invocation first=true updated=0", "start flaky Step replay=false", "attempt 1 of flaky", "attempt 1 of flaky FAILED",
			"invocation end PENDING terminal=false",
			"invocation first=false updated=1", "start flaky Step replay=true", "attempt 2 of flaky", "attempt 2 of flaky SUCCEEDED",
			`end flaky SUCCEEDED "ok"`, "invocation end SUCCEEDED terminal=true",
		},
	}, {
		reason: "the function of a group is reported each time it runs, its end once",
		fn: func(ctx op.Context, in string) (string, error) {
			return replay.Run(ctx, op.Group("g", func(ctx op.Context) (string, error) {
				return in, replay.Exec(ctx, op.Wait("nap", time.Minute))
			}))
		},
		want: []string{
			"invocation first=true updated=0", "start g RunInChildContext replay=false", "group g again=false",
			"start g/nap Wait replay=false", "group g INCOMPLETE", "invocation end PENDING terminal=false",
			"invocation first=false updated=1", "start g RunInChildContext replay=true", "group g again=true",
			"end g/nap SUCCEEDED ", "group g SUCCEEDED", `end g SUCCEEDED "in"`, "invocation end SUCCEEDED terminal=true",
		},
	}, {
		reason: "branches are operations",
		fn: func(ctx op.Context, in string) (string, error) {
			same := op.GroupFunc("same", func(_ op.Context, s string) (string, error) { return s, nil })
			return in, replay.Exec(ctx, op.Map("m", []string{"a"}, same))
		},
		want: []string{
			"invocation first=true updated=0", "start m Map replay=false", "start m[0] MapIteration replay=false",
			"group m[0] again=false", "group m[0] SUCCEEDED",
			`end m[0] SUCCEEDED "a"`,
			`end m SUCCEEDED {"perdure":{"reason":"ALL_COMPLETED","winner":0,"status":"S","items":[{"payload":"\"a\""}]}}`,
			"invocation end SUCCEEDED terminal=true",
		},
	}}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var r recorder
			if err := runIntercepted(t, tt.fn, replay.WithInterceptors(r.interceptor())); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, r.lines); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestPanicOfAnInterceptorStaysItsOwn(t *testing.T) {
	t.Parallel()
	var healthy recorder
	boom := func() { panic("interceptor") }
	faulty := replay.Interceptor{
		InvocationStart: func(context.Context, replay.InvocationInfo) { boom() },
		InvocationEnd:   func(context.Context, replay.InvocationInfo, replay.InvocationEnd) { boom() },
		OperationStart:  func(context.Context, replay.OperationInfo) { boom() },
		OperationEnd:    func(context.Context, replay.OperationInfo) { boom() },
		OperationChange: func(context.Context, replay.Change) { boom() },
		AttemptStart:    func(context.Context, replay.AttemptInfo) { boom() },
		AttemptEnd:      func(context.Context, replay.AttemptInfo, replay.AttemptEnd) { boom() },
		GroupStart:      func(context.Context, replay.GroupInfo) { boom() },
		GroupEnd:        func(context.Context, replay.GroupInfo, replay.AttemptEnd) { boom() },
		LogAttrs:        func(replay.AttemptInfo) []slog.Attr { boom(); return nil },
		WrapInvocation:  func(context.Context, replay.InvocationInfo, func(context.Context) replay.InvocationEnd) { boom() },
		WrapAttempt: func(_ context.Context, _ replay.AttemptInfo, next func(context.Context) replay.AttemptEnd) {
			next(t.Context())
			boom()
		},
		WrapGroup: func(context.Context, replay.GroupInfo, func(context.Context) replay.AttemptEnd) { boom() },
	}
	bodies := 0
	err := runIntercepted(t, func(ctx op.Context, in string) (string, error) {
		return replay.Run(ctx, op.Group("g", func(ctx op.Context) (string, error) {
			return replay.Run(ctx, op.Step("s", func(context.Context) (string, error) { bodies++; return in, nil }))
		}))
	}, replay.WithInterceptors(faulty, healthy.interceptor()), replay.WithLogHandler(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if bodies != 1 {
		t.Errorf("the body ran %d times, want once", bodies)
	}
	if got := strings.Join(healthy.lines, "\n"); !strings.Contains(got, "attempt 1 of g/s SUCCEEDED") || !strings.HasSuffix(got, "terminal=true") {
		t.Errorf("the healthy interceptor saw:\n%s", got)
	}
}

func TestWrappersGiveBodiesTheirContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	mark := func(ctx context.Context, s string) context.Context {
		have, _ := ctx.Value(key{}).(string)
		return context.WithValue(ctx, key{}, have+s)
	}
	wrap := func(s string) replay.Interceptor {
		return replay.Interceptor{
			WrapInvocation: func(ctx context.Context, _ replay.InvocationInfo, next func(context.Context) replay.InvocationEnd) {
				next(mark(ctx, "i"+s))
			},
			WrapGroup: func(ctx context.Context, _ replay.GroupInfo, next func(context.Context) replay.AttemptEnd) {
				next(mark(ctx, "g"+s))
			},
			WrapAttempt: func(ctx context.Context, _ replay.AttemptInfo, next func(context.Context) replay.AttemptEnd) {
				next(mark(ctx, "a"+s))
			},
		}
	}
	var got string
	err := runIntercepted(t, func(ctx op.Context, _ string) (string, error) {
		return replay.Run(ctx, op.Group("g", func(ctx op.Context) (string, error) {
			return replay.Run(ctx, op.Step("s", func(ctx context.Context) (string, error) {
				got, _ = ctx.Value(key{}).(string)
				return "", nil
			}))
		}))
	}, replay.WithInterceptors(wrap("1"), wrap("2")))
	if err != nil {
		t.Fatal(err)
	}
	if want := "i1i2g1g2a1a2"; got != want {
		t.Errorf("the body's context has %q, want %q", got, want)
	}
}
