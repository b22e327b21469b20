package replay_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/internal/hosting"
)

func TestHostSeesWhatItsFunctionsDo(t *testing.T) {
	t.Parallel()
	var own, host []string
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		ctx.Logger().Info("hello")
		return op.None{}, replay.Exec(ctx, op.Do("a", func(context.Context) error { return nil }))
	}, replay.WithInterceptors(replay.Interceptor{
		OperationStart: func(_ context.Context, o replay.OperationInfo) { own = append(own, o.Path) },
	}))
	var lines countingHandler
	svc := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer svc.Close()
	_, err := svc.Run(t.Context(), local.HandlerFunc(func(ctx context.Context, p []byte) ([]byte, error) {
		return f.Invoke(hosting.WithWatcher(ctx, &hosting.Watcher{Logs: &lines, Interceptor: replay.Interceptor{
			OperationStart: func(_ context.Context, o replay.OperationInfo) { host = append(host, o.Path) },
		}}), p)
	}), []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(own) != 1 || len(host) != 1 || host[0] != "a" || lines.n != 1 {
		t.Errorf("got %q, %q and %d lines, want each once", own, host, lines.n)
	}
}

// countingHandler counts log records.
type countingHandler struct{ n int }

func (*countingHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h *countingHandler) Handle(context.Context, slog.Record) error {
	h.n++
	return nil
}
func (h *countingHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *countingHandler) WithGroup(string) slog.Handler      { return h }

// restoredBy returns the error of an execution as hosts of the function read it.
func restoredBy(t *testing.T, f local.Handler, failure *checkpoint.Failure, known ...codec.KnownError) error {
	t.Helper()
	restorer, ok := hosting.RestorerOf(f)
	if !ok {
		t.Fatal("a function has no restorer")
	}
	e, _ := restorer.Restore(t.Context(), codec.Meta{}, failure, known...)
	return e
}

func TestFailureOfAnExecutionIsRestored(t *testing.T) {
	t.Parallel()
	errGone, errFull := errors.New("gone"), errors.New("full")
	f := replay.Handler(func(op.Context, op.None) (op.None, error) { return op.None{}, nil },
		replay.WithErrors(codec.Sentinel("gone", errGone)))
	full := codec.Sentinel("full", errFull)
	restore := func(failure *checkpoint.Failure, known ...codec.KnownError) error {
		return restoredBy(t, f, failure, known...)
	}
	if err := restore(&checkpoint.Failure{Type: "gone", Message: "it is gone"}); !errors.Is(err, errGone) || err.Error() != "it is gone" {
		t.Errorf("got %v, want what the handler registered", err)
	}
	if err := restore(&checkpoint.Failure{Type: "full"}, full); !errors.Is(err, errFull) {
		t.Errorf("got %v, want what was passed", err)
	}
	if err := restore(nil); err == nil || err.Error() != "Error" {
		t.Errorf("got %v for no failure", err)
	}
	for _, other := range []any{nil, (*replay.Function[int, int])(nil), local.HandlerFunc(nil)} {
		if _, ok := hosting.RestorerOf(other); ok {
			t.Errorf("%T has a restorer", other)
		}
	}
}
