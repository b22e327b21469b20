package replay_test

import (
	"context"
	"errors"
	"testing"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestMissedMinSuccessful: too few successes are no error by themselves, as the documentation of
// the rule says, and they are one with a tolerance.
func TestMissedMinSuccessful(t *testing.T) {
	t.Parallel()
	each := op.StepFunc("each", func(_ context.Context, ok bool) (bool, error) {
		if !ok {
			return false, errors.New("down")
		}
		return true, nil
	}, op.WithRetry(retry.Never()))
	tests := []struct {
		reason    string
		rule      []op.Completion
		fails     bool
		succeeded int
		want      op.Reason
	}{
		{"missed", []op.Completion{op.MinSuccessful(2)}, false, 1, op.ReasonAllCompleted},
		{"FirstSuccessful is met", []op.Completion{op.FirstSuccessful()}, false, 1, op.ReasonMinSuccessful},
		{"missed, with a tolerance", []op.Completion{op.MinSuccessful(2), op.Tolerate(1)}, true, 1, op.ReasonToleranceExceeded},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var n notes
			var reason op.Reason
			var succeeded int
			drive(t, twice(&n, func(ctx op.Context) (string, error) {
				b, err := replay.Run(ctx, op.Map("m", []bool{false, true, false}, each, op.WithCompletion(tt.rule...)))
				if failed, ok := errors.AsType[*op.BatchError](err); ok {
					reason = failed.Reason
				} else {
					reason = b.Reason
				}
				succeeded = len(b.Succeeded())
				return map[bool]string{true: "fails", false: "no error"}[err != nil], nil
			}), "null")
			want := map[bool]string{true: `"fails"`, false: `"no error"`}[tt.fails]
			if got := n.same(t, 3); got != want || reason != tt.want || !tt.fails && succeeded != tt.succeeded {
				t.Errorf("%s: %s, %v, %d succeeded; want %s, %v, %d", tt.reason, got, reason, succeeded, want, tt.want, tt.succeeded)
			}
		})
	}
}
