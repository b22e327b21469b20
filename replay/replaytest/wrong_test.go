package replaytest_test

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/substitute"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// TestWrongFunctionsAreNoticed puts what an engine can do wrong around one that does nothing wrong:
// each check of Explore says what it has found.
func TestWrongFunctionsAreNoticed(t *testing.T) {
	t.Parallel()
	nothing := op.Do("nothing", func(context.Context) error { return nil })
	plain := func(ctx op.Context, _ int) (string, error) { return "", replay.Exec(ctx, nothing) }
	once := func(ctx op.Context, _ int) (string, error) {
		return "", replay.Exec(ctx, op.Do("once", func(context.Context) error { return nil },
			op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never())))
	}
	grouped := func(ctx op.Context, _ int) (string, error) {
		return "", replay.Exec(ctx, op.Group("group", func(ctx op.Context) (op.None, error) { return op.None{}, replay.Exec(ctx, nothing) }))
	}
	suspends := &secondCall{answer: func() ([]byte, error) {
		return checkpoint.EncodeOutcome(checkpoint.Outcome{Status: checkpoint.OutcomePending})
	}}
	fails := &secondCall{answer: func() ([]byte, error) { return nil, errors.New("lost my way") }}
	tests := []struct {
		name, reason string
		handler      func(op.Context, int) (string, error)
		around       func(local.Handler) local.Handler
		reset        func()
		want         string
	}{
		{
			name: "at most once", reason: "the attempt of a crash is not consumed", handler: once, around: forgettingSemantics,
			want: `^replaytest: the body of "once" ran 2 times in one attempt, of at most 1 \(once attempt 1\)\n.*\n\treplaytest\.WithSchedule\("`,
		},
		{
			name: "after the end", reason: "a step begins after the end of the group around it", handler: grouped, around: speakingAfterTheEnd,
			want: `START of "late" was written after the end of what it was started in\n`,
		},
		{
			name: "nothing pending", reason: "it suspends when it is called again", handler: plain,
			around: suspends.around, reset: suspends.reset,
			want: `^replaytest: an invocation ended with nothing pending: Cannot return PENDING status with no pending operations`,
		},
		{
			name: "failure", reason: "it fails when it is called again", handler: plain,
			around: fails.around, reset: fails.reset,
			want: `^replaytest: an invocation failed that nothing had interrupted: .*lost my way\n`,
		},
		{
			name: "many invocations", reason: "a crash costs ten more", want: `^replaytest: 11 invocations, of at most 7\n`,
			handler: func(ctx op.Context, _ int) (string, error) {
				ran := false
				if err := replay.Exec(ctx, op.Do("nothing", func(context.Context) error { ran = true; return nil })); err != nil || ran {
					return "", err
				}
				for i := range 9 {
					if err := replay.Exec(ctx, op.Wait("again", time.Hour).Key(strconv.Itoa(i))); err != nil {
						return "", err
					}
				}
				return "", nil
			},
			around: func(h local.Handler) local.Handler { return h },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := record(t, func(tb *recorder) {
				replaytest.ExploreAround(tb, replay.Handler(tt.handler), tt.around, 1, replaytest.WithSchedules(0), replaytest.WithReset(tt.reset))
			})
			if len(got.errs) != 1 || !regexp.MustCompile(tt.want).MatchString(got.errs[0]) {
				t.Errorf("%s: got %q, want one that matches %q", tt.reason, got.errs, tt.want)
			}
		})
	}
}

// forgettingSemantics has every step run at least once, whatever it was declared with.
func forgettingSemantics(h local.Handler) local.Handler {
	return local.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		inner := substitute.From(ctx)
		return h.Invoke(substitute.With(ctx, func(path string, n node.Node) node.Node {
			n = inner(path, n)
			if s, ok := n.(*node.Step); ok {
				c := *s
				c.Config.Semantics = node.AtLeastOnce
				return &c
			}
			return n
		}), event)
	})
}

// secondCall has the second invocation of each execution answer something else.
type secondCall struct {
	answer func() ([]byte, error)
	calls  int // one after the other
}

func (w *secondCall) reset() { w.calls = 0 }

func (w *secondCall) around(h local.Handler) local.Handler {
	return local.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		if w.calls++; w.calls == 2 {
			return w.answer()
		}
		return h.Invoke(ctx, event)
	})
}

// speakingAfterTheEnd begins a step in each group that has ended.
func speakingAfterTheEnd(h local.Handler) local.Handler {
	return local.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		c, ok := checkpoint.ClientFrom(ctx)
		if !ok {
			return nil, errors.New("the context has no client")
		}
		return h.Invoke(checkpoint.WithClient(ctx, speaker{c}), event)
	})
}

type speaker struct{ checkpoint.Client }

// Checkpoint implements [checkpoint.Client].
func (c speaker) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	out, err := c.Client.Checkpoint(ctx, in)
	for _, u := range in.Updates {
		if err != nil || u.Kind != checkpoint.KindContext || u.Action != checkpoint.ActionSucceed {
			continue
		}
		late := checkpoint.Update{ID: "late", ParentID: u.ID, Name: "late", Kind: checkpoint.KindStep, SubType: "Step", Action: checkpoint.ActionStart}
		return c.Client.Checkpoint(ctx, checkpoint.CheckpointInput{ARN: in.ARN, Token: out.Token, Updates: []checkpoint.Update{late}})
	}
	return out, err
}
