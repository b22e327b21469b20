package replay_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// reticent leaves callbacks out of replies: those of a call that starts one, and of the next few
// calls.
type reticent struct {
	checkpoint.Client

	mu    sync.Mutex
	left  int // replies still to be cut
	held  []checkpoint.Operation
	never bool // what was left out never comes in a reply
}

func (r *reticent) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	out, err := r.Client.Checkpoint(ctx, in)
	r.mu.Lock()
	defer r.mu.Unlock()
	var kept []checkpoint.Operation
	for _, o := range out.Operations {
		if o.Kind == checkpoint.KindCallback && (r.left > 0 || r.never) {
			r.held = append(r.held, o)
		} else {
			kept = append(kept, o)
		}
	}
	if r.left--; r.left < 0 && !r.never {
		kept = append(kept, r.held...)
		r.held = nil
	}
	out.Operations = kept
	return out, err
}

// TestCallbackIsNotSubmittedWithoutItsID: what the reply to START does not say is asked for, and
// never made up.
func TestCallbackIsNotSubmittedWithoutItsID(t *testing.T) {
	t.Parallel()
	type program = func(ctx op.Context, submit func(context.Context, string) error) (string, error)
	programs := map[string]program{
		"WaitForCallback": func(ctx op.Context, submit func(context.Context, string) error) (string, error) {
			return replay.Run(ctx, op.WaitForCallback[string]("approval", submit))
		},
		"an at-most-once submitter": func(ctx op.Context, submit func(context.Context, string) error) (string, error) {
			return replay.Run(ctx, op.WaitForCallback[string]("approval", submit, op.WithSubmit(op.WithSemantics(op.AtMostOncePerRetry))))
		},
		"a callback of its own": func(ctx op.Context, submit func(context.Context, string) error) (string, error) {
			cb, err := replay.Run(ctx, op.CreateCallback[string]("approval"))
			if err != nil {
				return "", err
			}
			if err := replay.Exec(ctx, op.Do("submit", func(ctx context.Context) error { return submit(ctx, cb.ID) })); err != nil {
				return "", err
			}
			return replay.Run(ctx, cb.Result())
		},
		"beside a body that runs": func(ctx op.Context, submit func(context.Context, string) error) (string, error) {
			replay.Go(ctx, op.Do("busy", func(context.Context) error { return nil }))
			return replay.Run(ctx, op.WaitForCallback[string]("approval", submit))
		},
		"beside a wait": func(ctx op.Context, submit func(context.Context, string) error) (string, error) {
			replay.Go(ctx, op.Wait("hour", time.Hour))
			return replay.Run(ctx, op.WaitForCallback[string]("approval", submit))
		},
		"in a branch": func(ctx op.Context, submit func(context.Context, string) error) (string, error) {
			all, err := replay.Run(ctx, op.All("all", op.WaitForCallback[string]("approval", submit)))
			return strings.Join(all, ""), err
		},
	}
	tests := []struct {
		reason string
		left   int
		never  bool
	}{
		{"the reply holds it", 0, false},
		{"the next reply holds it", 1, false},
		{"the third reply holds it", 2, false},
		{"no reply holds it, but the log of the next invocation does", 0, true},
	}
	for _, tt := range tests {
		for name, p := range programs {
			t.Run(tt.reason+" in "+name, func(t *testing.T) {
				t.Parallel()
				h := newHome(t)
				var ids []string
				f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
					return p(ctx, func(_ context.Context, id string) error {
						ids = append(ids, id)
						if id == "" {
							return nil
						}
						return h.CompleteCallback(id, []byte("yes"))
					})
				})
				e := h.begin(t, local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
					c, _ := checkpoint.ClientFrom(ctx)
					return f.Invoke(checkpoint.WithClient(ctx, &reticent{Client: c, left: tt.left, never: tt.never}), payload)
				}), "null")
				must(t, e.Drive(t.Context()))
				if got := end(e); got != `SUCCEEDED "yes"` {
					t.Errorf("ended as %s\n%s", got, strings.Join(history(e), "\n"))
				}
				if len(ids) != 1 || slices.Contains(ids, "") {
					t.Errorf("submitted %q", ids)
				}
			})
		}
	}
}
