package replay_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// slowHandler is a handler of log records that takes until the function has gone on.
type slowHandler struct {
	slog.Handler

	begins string // of the messages
	until  chan struct{}
	seen   chan struct{}
}

func (h *slowHandler) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, h.begins) {
		<-h.until
		close(h.seen)
	}
	return nil
}

func (*slowHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *slowHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// TestWarningsHoldNothingUp: where log records go is user code, which may block, and the function
// goes on meanwhile. The invocation does not answer before.
func TestWarningsHoldNothingUp(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 80_000_000)
	logged := []checkpoint.Operation{stepRecord("large", checkpoint.StatusSucceeded, withResult(large))}
	almost := []checkpoint.Operation{stepRecord("large", checkpoint.StatusSucceeded, withResult(large[1<<20:]))}
	tests := []struct {
		reason, begins string
		log            []checkpoint.Operation
		orphan         bool
		run            func(ctx op.Context, gone func()) error
	}{
		{
			"the log is large", "the execution comes near", logged, false,
			func(ctx op.Context, gone func()) error {
				err := replay.Exec(ctx, op.Do("large", func(context.Context) error { return nil }))
				gone()
				return err
			},
		},
		{
			"the log becomes large", "the execution comes near", almost, false,
			func(ctx op.Context, gone func()) error {
				err := replay.Exec(ctx, op.Do("large", func(context.Context) error { return nil }))
				if err == nil {
					err = replay.Exec(ctx, plainStep("the last straw", large[:1<<20-2]))
				}
				gone()
				return err
			},
		},
		{
			"the deadline is near", "the invocation's time is nearly over", nil, false,
			func(ctx op.Context, gone func()) error {
				if err := replay.Exec(ctx, sleeper("long", time.Minute-time.Second/2)); err != nil {
					return err
				}
				gone()
				return nil
			},
		},
		{
			"there is no token", "the service has taken the checkpoint and gives no token", nil, true,
			func(ctx op.Context, gone func()) error {
				defer gone()
				return replay.Exec(ctx, op.Wait("pause", time.Hour))
			},
		},
		{
			"a branch that has lost panics on its way out", "a deferred function panicked", nil, false,
			func(ctx op.Context, gone func()) error {
				err := replay.Exec(ctx, op.Race("race", plainStep("quick", "won"), op.Group("loser", func(ctx op.Context) (string, error) {
					defer func() { panic("on the way out") }()
					return "", replay.Exec(ctx, op.Wait("pause", time.Hour))
				})))
				gone()
				return err
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &slowHandler{
					Handler: slog.DiscardHandler, begins: tt.begins, until: make(chan struct{}), seen: make(chan struct{}),
				}
				client := &tape{}
				if tt.orphan {
					client.reply = func(int, checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
						return checkpoint.CheckpointOutput{}, nil
					}
				}
				ctx, cancel := context.WithTimeout(checkpoint.WithClient(t.Context(), client), time.Minute)
				defer cancel()
				f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					return op.None{}, tt.run(ctx, func() { close(h.until) })
				}, replay.WithLogHandler(h))
				got := say(f.Invoke(ctx, event(t, tt.log...)))
				select {
				case <-h.seen:
				default:
					t.Errorf("answer %s, and nothing was logged", got)
				}
			})
		})
	}
}
