package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

var errDiskFull = fmt.Errorf("the disk is full: %w", replay.ErrRepeat)

// TestErrRepeat: a handler that returns it has its invocation repeated, and nothing is recorded of
// how it ended; an operation that fails with it has failed.
func TestErrRepeat(t *testing.T) {
	t.Parallel()
	one := func(name string, body func() error) op.Op[int] {
		return op.Step(name, func(context.Context) (int, error) { return 1, body() }, op.WithRetry(retry.Never()))
	}
	fine := func() error { return nil }
	full := func() error { return errDiskFull }
	type test struct {
		reason  string
		handler func(ctx op.Context, n int) error
		want    []string // how the invocations ended, as an interceptor sees it
		end     string
		history []string
	}
	tests := []test{
		{
			"by itself, before anything", func(_ op.Context, n int) error { return onFirst(n, replay.ErrRepeat) },
			[]string{"RETRYING false replay: the invocation is to be repeated", "SUCCEEDED true <nil>"},
			"SUCCEEDED {}",
			[]string{"InvocationCompleted", "InvocationCompleted", "ExecutionSucceeded"},
		},
		{
			"wrapped, after a step, which is not run again", func(ctx op.Context, n int) error {
				return errors.Join(replay.Exec(ctx, one("pack", fine)), onFirst(n, errDiskFull))
			},
			[]string{"RETRYING false the disk is full: replay: the invocation is to be repeated", "SUCCEEDED true <nil>"},
			"SUCCEEDED {}",
			[]string{"StepStarted pack", "StepSucceeded pack", "InvocationCompleted", "InvocationCompleted", "ExecutionSucceeded"},
		},
		{
			"before operations that the log has: that is no divergence", func(ctx op.Context, n int) error {
				if n == 2 {
					return errDiskFull
				}
				return errors.Join(replay.Exec(ctx, one("pack", fine)), replay.Exec(ctx, op.Wait("pause", time.Hour)))
			},
			[]string{
				"PENDING false <nil>", "RETRYING false the disk is full: replay: the invocation is to be repeated", "SUCCEEDED true <nil>",
			},
			"SUCCEEDED {}",
			[]string{
				"StepStarted pack", "StepSucceeded pack", "WaitStarted pause", "InvocationCompleted", "WaitSucceeded pause",
				"InvocationCompleted", "InvocationCompleted", "ExecutionSucceeded",
			},
		},
		{
			"what completed is not undone", func(ctx op.Context, n int) error {
				undo := func(context.Context, int) error { t.Error("it was undone"); return nil }
				return errors.Join(replay.Exec(ctx, one("pack", fine).Undo(undo)), onFirst(n, errDiskFull))
			},
			[]string{"RETRYING false the disk is full: replay: the invocation is to be repeated", "SUCCEEDED true <nil>"},
			"SUCCEEDED {}",
			[]string{"StepStarted pack", "StepSucceeded pack", "InvocationCompleted", "InvocationCompleted", "ExecutionSucceeded"},
		},
		{
			"what was started is left", func(ctx op.Context, n int) error {
				f := replay.Go(ctx, op.Wait("pause", time.Hour))
				if n == 1 {
					return errDiskFull
				}
				return replay.Exec(ctx, f.Result())
			},
			[]string{"RETRYING false the disk is full: replay: the invocation is to be repeated", "PENDING false <nil>", "SUCCEEDED true <nil>"},
			"SUCCEEDED {}",
			[]string{
				"WaitStarted pause", "InvocationCompleted", "InvocationCompleted", "WaitSucceeded pause",
				"InvocationCompleted", "ExecutionSucceeded",
			},
		},
		{
			"rather than ContinueAsNew, which was called", func(ctx op.Context, n int) error {
				if n == 1 {
					return errors.Join(replay.ContinueAsNew(ctx, op.None{}), errDiskFull)
				}
				return nil
			},
			[]string{
				"RETRYING false replay: the execution continues as another one: the handler is to return this error\n" +
					"the disk is full: replay: the invocation is to be repeated",
				"SUCCEEDED true <nil>",
			},
			"SUCCEEDED {}",
			[]string{"InvocationCompleted", "InvocationCompleted", "ExecutionSucceeded"},
		},
		{
			"of a body: the step fails, and its error is none of the handler's", func(ctx op.Context, _ int) error {
				return replay.Exec(ctx, one("pack", full))
			},
			[]string{"FAILED true the disk is full: replay: the invocation is to be repeated"},
			"FAILED Error: the disk is full: replay: the invocation is to be repeated",
			[]string{"StepStarted pack", "StepFailed pack", "InvocationCompleted", "ExecutionFailed"},
		},
		{
			"of a group: the group fails", func(ctx op.Context, _ int) error {
				return replay.Exec(ctx, op.Group("parcel", func(op.Context) (int, error) { return 0, full() }))
			},
			[]string{"FAILED true the disk is full: replay: the invocation is to be repeated"},
			"FAILED Error: the disk is full: replay: the invocation is to be repeated",
			[]string{"ContextStarted parcel", "ContextFailed parcel", "InvocationCompleted", "ExecutionFailed"},
		},
		{
			"in a panic: that is a panic", func(op.Context, int) error { panic(errDiskFull) },
			[]string{"FAILED true panic: the disk is full: replay: the invocation is to be repeated"},
			"FAILED PanicError: panic: the disk is full: replay: the invocation is to be repeated",
			[]string{"InvocationCompleted", "ExecutionFailed"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var got []string
			n := 0
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				n++
				replay.OnEnd(ctx, func(context.Context, error) {
					if i := n - 1; i < len(tt.want) && strings.HasPrefix(tt.want[i], "RETRYING") {
						t.Error("a function of OnEnd ran in the invocation that is repeated")
					}
				})
				return op.None{}, tt.handler(ctx, n)
			}, replay.WithInterceptors(replay.Interceptor{
				InvocationEnd: func(_ context.Context, _ replay.InvocationInfo, end replay.InvocationEnd) {
					got = append(got, fmt.Sprint(end.Status, " ", end.Terminal, " ", end.Err))
				},
			}))
			e := drive(t, f, "null")
			if diff := cmp.Diff(tt.end, end(e)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.history, history(e)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// onFirst returns err in the first invocation.
func onFirst(n int, err error) error {
	if n == 1 {
		return err
	}
	return nil
}

// TestErrRepeatKeepsRelaxedResults: what a relaxed step has returned is recorded before the answer,
// so that the next invocation need not do it again.
func TestErrRepeatKeepsRelaxedResults(t *testing.T) {
	t.Parallel()
	runs, n := 0, 0
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		n++
		v, err := replay.Run(ctx, op.Step("count", func(context.Context) (int, error) { runs++; return runs, nil }, op.WithSemantics(op.Relaxed)))
		return v, errors.Join(err, onFirst(n, errDiskFull))
	}), "null")
	if diff := cmp.Diff("SUCCEEDED 1", end(e)); diff != "" || runs != 1 {
		t.Errorf("the body ran %d times\n%s", runs, diff)
	}
}

// TestErrRepeatIsBounded: the service repeats an invocation nine times in a row, with its pauses.
func TestErrRepeatIsBounded(t *testing.T) {
	t.Parallel()
	n := 0
	e := drive(t, replay.Handler(func(op.Context, op.None) (op.None, error) { n++; return op.None{}, errDiskFull }), "null")
	if n != 9 || e.Status() != local.StatusFailed {
		t.Errorf("%d invocations, and the execution ended as %s; want 9, FAILED", n, end(e))
	}
	if f := e.Failure(); f == nil || !strings.Contains(f.Message, errDiskFull.Error()) {
		t.Errorf("the execution ended as %s, which does not say why", end(e))
	}
	if took := e.Record().End.Sub(e.Record().Start); took < 3*time.Minute || took > 4*time.Minute {
		t.Errorf("it took %v, want three and a half minutes", took)
	}
}

// TestErrRepeatIsLogged: once, as a warning, without what it says where errors pass a codec; nor
// does the service get that then, which keeps it.
func TestErrRepeatIsLogged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason  string
		opts    []replay.HandlerOption
		says    string
		message string
	}{
		{"plain", nil, errDiskFull.Error(), errDiskFull.Error()},
		{
			"errors pass a codec",
			[]replay.HandlerOption{replay.WithErrorCodec(codec.JSON())},
			"wrapError (what it says passes the codec of errors)",
			"replay: the invocation is to be repeated; what the handler says of it passes the codec of errors",
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			n := 0
			e := drive(t, replay.Handler(func(op.Context, op.None) (op.None, error) {
				n++
				return op.None{}, onFirst(n, errDiskFull)
			}, append(tt.opts, replay.WithLogHandler(slog.NewTextHandler(&text, nil)))...), "null")
			const what = `level=WARN msg="the handler asks that the invocation be repeated"`
			if got := text.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, what) || !strings.Contains(got, tt.says) {
				t.Errorf("the log is\n%swant one line, %s, that says %q", got, what, tt.says)
			}
			for _, ev := range e.History() {
				if ev.Type == local.EventInvocationCompleted && ev.Failure != nil && ev.Failure.Message != tt.message {
					t.Errorf("the service has %q, want %q", ev.Failure.Message, tt.message)
				}
			}
		})
	}
}

// TestErrRepeatWhileBodiesRun: a body that runs meanwhile ends with its context, and no goroutine
// is left.
func TestErrRepeatWhileBodiesRun(t *testing.T) {
	t.Parallel()
	n := 0
	var cause error
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		n++
		first := n == 1
		began := make(chan struct{})
		f := replay.Go(ctx, op.Step("pack", func(ctx context.Context) (string, error) {
			close(began)
			if first {
				<-ctx.Done()
				cause = context.Cause(ctx)
			}
			return "packed", nil
		}))
		if first {
			<-began
			return "", errDiskFull
		}
		return replay.Run(ctx, f.Result())
	}), "null")
	if diff := cmp.Diff(`SUCCEEDED "packed"`, end(e)); diff != "" || cause == nil {
		t.Errorf("the context of the body ended because of %v\n%s", cause, diff)
	}
}
