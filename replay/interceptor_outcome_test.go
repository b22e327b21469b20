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

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestHowAttemptsEnd: what asks for another attempt has not failed, and each end has its time, by
// the clock of the invocation.
func TestHowAttemptsEnd(t *testing.T) {
	t.Parallel()
	again := func(ctx context.Context) error {
		if info, _ := op.InfoFrom(ctx); info.Attempt < 3 {
			return retry.Again(info.Attempt)
		}
		return nil
	}
	tests := []struct {
		reason string
		o      op.Op[op.None]
		want   string
	}{
		{"a condition that does not hold yet is no failure", count(), "1 SUCCEEDED again, 2 SUCCEEDED again, 3 SUCCEEDED"},
		{
			"nor is a body that leaves a state for the next attempt",
			op.Do("again", again, op.WithRetry(retry.Fixed(time.Second))), "1 SUCCEEDED again, 2 SUCCEEDED again, 3 SUCCEEDED",
		},
		{
			"also if there is no further attempt: it is the step that fails",
			op.Do("again", again, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(1)))), "1 SUCCEEDED again",
		},
		{
			"a step that runs at most once may not ask for another attempt",
			op.Do("again", again, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Fixed(time.Second))),
			"1 FAILED replay: retry.Again needs at-least-once semantics: an at-most-once step cannot keep its state over an interruption",
		},
		{
			"a failure is one, with its error", op.Do("fails", func(context.Context) error { return errors.New("down") }, op.WithRetry(retry.Never())),
			"1 FAILED down",
		},
		{
			"a panic is a failure", op.Do("panics", func(context.Context) error { panic("boom") }, op.WithRetry(retry.Never())),
			"1 FAILED panic: boom",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			start := time.Date(2033, 3, 1, 0, 0, 0, 0, time.UTC)
			svc := local.New(local.WithClock(local.NewVirtualClock(start)))
			defer func() { _ = svc.Close() }()
			var got []string
			watch := replay.Interceptor{
				AttemptEnd: func(ctx context.Context, a replay.AttemptInfo, end replay.AttemptEnd) {
					line := fmt.Sprint(a.Number, " ", end.Outcome)
					if end.Again {
						line += " again"
					}
					if end.Err != nil {
						line += " " + end.Err.Error()
					}
					got = append(got, line)
					now := checkpoint.ClockFrom(ctx).Now()
					if end.Ended.Before(a.Began) || !end.Ended.Equal(now) || end.Ended.Year() != start.Year() {
						t.Errorf("the attempt ended at %v, began at %v, and it is %v", end.Ended, a.Began, now)
					}
				},
			}
			_, _ = svc.Run(t.Context(), replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				return replay.Run(ctx, tt.o)
			}, replay.WithInterceptors(watch), replay.WithLogHandler(slog.DiscardHandler)), []byte("{}"))
			if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// count is a condition that holds at its third check.
func count() op.Op[op.None] {
	return op.Transform(op.WaitForCondition("count", 0, func(_ context.Context, n int) (int, bool, error) {
		return n + 1, n == 2, nil
	}, op.WithPolling(retry.Fixed(time.Second))), func(int) (op.None, error) { return op.None{}, nil })
}

// TestEndsHaveTheContextOfTheBody: what a wrapper has put there, a span above all, is found again
// when the body ends, also if it is left behind; and next says how it ended.
func TestEndsHaveTheContextOfTheBody(t *testing.T) {
	t.Parallel()
	type key struct{}
	var mu sync.Mutex
	var got []string
	addf := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf(format, args...))
	}
	span := func(ctx context.Context) any { return ctx.Value(key{}) }
	watch := replay.Interceptor{
		WrapInvocation: func(ctx context.Context, _ replay.InvocationInfo, next func(context.Context) replay.InvocationEnd) {
			addf("next: %s", next(context.WithValue(ctx, key{}, "invocation")).Status)
		},
		WrapGroup: func(ctx context.Context, g replay.GroupInfo, next func(context.Context) replay.AttemptEnd) {
			end := next(context.WithValue(ctx, key{}, "span of "+g.Path))
			addf("next: %s %s, again %s", g.Path, end.Outcome, next(ctx).Outcome)
		},
		WrapAttempt: func(ctx context.Context, a replay.AttemptInfo, next func(context.Context) replay.AttemptEnd) {
			addf("next: %s %v", a.Path, next(context.WithValue(ctx, key{}, "span of "+a.Path)).Err)
		},
		GroupEnd: func(ctx context.Context, g replay.GroupInfo, e replay.AttemptEnd) {
			addf("%s %s: %v", g.Path, e.Outcome, span(ctx))
		},
		AttemptEnd: func(ctx context.Context, a replay.AttemptInfo, e replay.AttemptEnd) {
			addf("%s %s: %v", a.Path, e.Outcome, span(ctx))
		},
	}
	err := runIntercepted(t, func(ctx op.Context, _ string) (string, error) {
		return replay.Run(ctx, op.Group("g", func(ctx op.Context) (string, error) {
			_, err := replay.Run(ctx, op.Step("s", func(context.Context) (string, error) { return "", errors.New("down") }, op.WithRetry(retry.Never())))
			if err == nil {
				return "", errors.New("no error")
			}
			return "", replay.Exec(ctx, op.Wait("nap", time.Minute))
		}))
	}, replay.WithInterceptors(watch), replay.WithLogHandler(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"next: g/s down", "g/s FAILED: span of g/s", "g INCOMPLETE: span of g", "next: PENDING",
		"next: g SUCCEEDED, again SUCCEEDED", "g SUCCEEDED: span of g", "next: SUCCEEDED",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestFunctionsWithoutARecordAreFramed: branches of flat batches, and groups that are operands, run
// a function of the user's without a record of their own.
func TestFunctionsWithoutARecordAreFramed(t *testing.T) {
	t.Parallel()
	work := op.GroupFunc("work", func(ctx op.Context, s string) (string, error) {
		return s, replay.Exec(ctx, op.Wait("nap", time.Minute))
	})
	tests := []struct {
		reason string
		fn     func(ctx op.Context) error
		want   []string
	}{{
		reason: "a branch of a flat map",
		fn:     func(ctx op.Context) error { return replay.Exec(ctx, op.Map("m", []string{"a"}, work, op.WithFlat())) },
		want:   []string{"m[0] virtual=true again=false", "m[0] INCOMPLETE", "m[0] virtual=true again=true", "m[0] SUCCEEDED"},
	}, {
		reason: "a branch of another map has a record",
		fn:     func(ctx op.Context) error { return replay.Exec(ctx, op.Map("m", []string{"a"}, work)) },
		want:   []string{"m[0] virtual=false again=false", "m[0] INCOMPLETE", "m[0] virtual=false again=true", "m[0] SUCCEEDED"},
	}, {
		reason: "a group that is an operand",
		fn:     func(ctx op.Context) error { return replay.Exec(ctx, op.All("all", work("a"))) },
		want:   []string{"all[work] virtual=true again=false", "all[work] INCOMPLETE", "all[work] virtual=true again=true", "all[work] SUCCEEDED"},
	}, {
		reason: "an operand that is a step has no function that runs operations",
		fn: func(ctx op.Context) error {
			return replay.Exec(ctx, op.All("all", op.Step("s", func(context.Context) (string, error) { return "", nil })))
		},
	}}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var got []string
			parents := map[string]string{} // of operations inside, by path
			ids := map[string]bool{}
			watch := replay.Interceptor{
				OperationStart: func(_ context.Context, o replay.OperationInfo) { parents[o.Path] = o.ParentID; ids[o.ID] = true },
				GroupStart: func(_ context.Context, g replay.GroupInfo) {
					got = append(got, fmt.Sprintf("%s virtual=%t again=%t", g.Path, g.Virtual, g.ReplayingChildren))
					if g.ID == "" || g.Virtual == ids[g.ID] {
						t.Errorf("%s has the ID %q; virtual %t", g.Path, g.ID, g.Virtual)
					}
				},
				GroupEnd: func(_ context.Context, g replay.GroupInfo, e replay.AttemptEnd) {
					got = append(got, g.Path+" "+e.Outcome)
					inside := parents[g.Path+"/nap"]
					if want := map[bool]string{true: g.ParentID, false: g.ID}[g.Virtual]; inside != want {
						t.Errorf("the parent of what is inside %s is %q, want %q", g.Path, inside, want)
					}
				},
			}
			err := runIntercepted(t, func(ctx op.Context, in string) (string, error) { return in, tt.fn(ctx) }, replay.WithInterceptors(watch))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestChangesSayWhetherTheInvocationIsTheFirst: an audit of changes needs no state for it.
func TestChangesSayWhetherTheInvocationIsTheFirst(t *testing.T) {
	t.Parallel()
	var got []string
	err := runIntercepted(t, func(ctx op.Context, in string) (string, error) {
		return in, replay.Exec(ctx, op.Wait("nap", time.Minute))
	}, replay.WithInterceptors(replay.Interceptor{OperationChange: func(_ context.Context, c replay.Change) {
		got = append(got, fmt.Sprint(c.Changed[0].Status, " first=", c.First))
	}}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"STARTED first=true", "SUCCEEDED first=false"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestHowLongAnOperationTook: the start of a short step travels with its end, and the service
// records one time for both.
func TestHowLongAnOperationTook(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return dawn.Add(time.Duration(s) * time.Second) }
	tests := []struct {
		reason string
		o      replay.OperationInfo
		want   time.Duration
	}{
		{"a start that was held back", replay.OperationInfo{Reached: at(1), Start: at(4), End: at(4)}, 3 * time.Second},
		{"a clock of the process that is late", replay.OperationInfo{Reached: at(2), Start: at(1), End: at(4)}, 3 * time.Second},
		{"begun by an earlier invocation", replay.OperationInfo{Replay: true, Reached: at(3), Start: at(1), End: at(4)}, 3 * time.Second},
		{"reached after its end", replay.OperationInfo{Replay: true, Reached: at(9), Start: at(1), End: at(4)}, 3 * time.Second},
		{"not reached", replay.OperationInfo{Replay: true, Start: at(1), End: at(4)}, 3 * time.Second},
		{"clocks that differ", replay.OperationInfo{Reached: at(9), Start: at(9), End: at(4)}, 0},
		{"not ended", replay.OperationInfo{Reached: at(1), Start: at(1)}, 0},
		{"never begun", replay.OperationInfo{End: at(1)}, 0},
		{"the zero value", replay.OperationInfo{}, 0},
	}
	for _, tt := range tests {
		if got := tt.o.Took(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.reason, got, tt.want)
		}
	}
}

// spanHandler writes what the context of each record has under a key, as handlers do that put the
// ID of a span into each line.
type spanHandler struct {
	slog.Handler

	mu    *sync.Mutex
	lines *[]string
}

type spanKey struct{}

func (h spanHandler) Handle(ctx context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	*h.lines = append(*h.lines, fmt.Sprintf("%s: %v", r.Message, ctx.Value(spanKey{})))
	return nil
}

func (h spanHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h spanHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h spanHandler) WithGroup(string) slog.Handler            { return h }

// TestLoggersPassTheirContext: lines are mostly logged without a context, and belong to a span all
// the same.
func TestLoggersPassTheirContext(t *testing.T) {
	t.Parallel()
	mark := func(ctx context.Context, s string) context.Context { return context.WithValue(ctx, spanKey{}, s) }
	watch := replay.Interceptor{
		WrapInvocation: func(ctx context.Context, _ replay.InvocationInfo, next func(context.Context) replay.InvocationEnd) {
			next(mark(ctx, "invocation"))
		},
		WrapGroup: func(ctx context.Context, g replay.GroupInfo, next func(context.Context) replay.AttemptEnd) {
			next(mark(ctx, g.Path))
		},
		WrapAttempt: func(ctx context.Context, a replay.AttemptInfo, next func(context.Context) replay.AttemptEnd) {
			next(mark(ctx, a.Path))
		},
		AttemptStart: func(ctx context.Context, _ replay.AttemptInfo) { op.LoggerFrom(ctx).Info("before the wrapper") },
	}
	var lines []string
	h := spanHandler{mu: &sync.Mutex{}, lines: &lines}
	for _, aware := range []bool{false, true} {
		lines = nil
		var handler slog.Handler = h
		if aware {
			handler = replay.LogHandler(h)
		}
		err := runIntercepted(t, func(ctx op.Context, in string) (string, error) {
			ctx.Logger().Info("handler")
			return replay.Run(ctx, op.Group("g", func(ctx op.Context) (string, error) {
				ctx.Logger().With(slog.Int("n", 1)).WithGroup("g").Info("group")
				ctx.Logger().InfoContext(mark(ctx.InvocationContext(), "own"), "group, own span")
				return replay.Run(ctx, op.Step("s", func(ctx context.Context) (string, error) {
					log := op.LoggerFrom(ctx)
					log.Info("body")
					log.With(slog.Int("n", 1)).WithGroup("g").Info("body with")
					log.InfoContext(mark(ctx, "own"), "body, own span")
					log.InfoContext(context.Background(), "body, context of something else")
					return in, nil
				}))
			}))
		}, replay.WithInterceptors(watch), replay.WithLogHandler(handler))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"handler: invocation", "group: g", "group, own span: own", "before the wrapper: g", "body: g/s", "body with: g/s",
			"body, own span: own", "body, context of something else: g/s",
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("with a LogHandler: %t (-want +got):\n%s", aware, diff)
		}
	}
}

// wrappedHandler stands around another, as handlers of other libraries do.
type wrappedHandler struct{ slog.Handler }

func (h wrappedHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return wrappedHandler{h.Handler.WithAttrs(a)}
}

// TestPlaceIsSaidOnce: an execution's logger that writes to a LogHandler which is hidden in another
// handler.
func TestPlaceIsSaidOnce(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	handler := wrappedHandler{replay.LogHandler(replay.JSONLogs(&text, nil))}
	err := runIntercepted(t, func(ctx op.Context, in string) (string, error) {
		ctx.Logger().Info("handler")
		return replay.Run(ctx, op.Step("s", func(ctx context.Context) (string, error) {
			op.LoggerFrom(ctx).Info("body")
			op.LoggerFrom(ctx).InfoContext(ctx, "body")
			return in, nil
		}))
	}, replay.WithLogHandler(handler))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		if n := strings.Count(line, `"executionArn"`); n != 1 {
			t.Errorf("%d times: %s", n, line)
		}
	}
	if n := strings.Count(text.String(), "\n"); n != 3 {
		t.Errorf("%d lines, want 3:\n%s", n, text.String())
	}
}
