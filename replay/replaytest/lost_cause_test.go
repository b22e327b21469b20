package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// bankError has a cause, which no JSON carries, and needs it for its text: the shape of
// fs.PathError.
type bankError struct {
	Op  string
	Err error `json:"-"`
}

func (e *bankError) Error() string { return e.Op + ": " + e.Err.Error() }
func (e *bankError) Unwrap() error { return e.Err }

// TestRestoredErrorsWithoutTheirCauses reads, wraps and returns a registered error whose record has
// not its cause: the text is what was recorded, nothing panics, and a first run finds in it what a
// replay does.
func TestRestoredErrorsWithoutTheirCauses(t *testing.T) {
	t.Parallel()
	const text = "charge: the bank is closed"
	fails := op.Step("charge", func(context.Context) (op.None, error) {
		return op.None{}, &bankError{Op: "charge", Err: errors.New("the bank is closed")}
	}, op.WithRetry(retry.Never()), op.WithErrors(codec.ErrorType[*bankError]("bank")))
	for _, tt := range []struct {
		name string
		o    op.Op[op.None]
	}{
		{"of a step", fails},
		{"through a group", op.Group("pay", func(ctx op.Context) (op.None, error) {
			_, err := replay.Run(ctx, fails)
			return op.None{}, err
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var found []bool // by invocation
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				_, err := replay.Run(ctx, tt.o)
				var bank *bankError
				found = append(found, errors.As(err, &bank))
				if waited := replay.Exec(ctx, op.Wait("night", 8*time.Hour)); waited != nil {
					return op.None{}, waited
				}
				if said := fmt.Sprint(err); !strings.Contains(said, text) {
					return op.None{}, fmt.Errorf("it says %q", said)
				}
				return op.None{}, fmt.Errorf("in the morning: %w", err)
			}, replay.WithErrors(codec.ErrorType[*bankError]("bank")))
			r := replaytest.Run(t, f, op.None{})
			if r.Status != local.StatusFailed || r.Err == nil || !strings.Contains(r.Err.Error(), "in the morning: ") ||
				!strings.Contains(r.Err.Error(), text) {
				t.Errorf("%s with %v, want FAILED with what was recorded", r.Status, r.Err)
			}
			if len(found) != 2 || found[0] != found[1] {
				t.Errorf("the type is found: %v, want the same in both invocations", found)
			}
		})
	}
}
