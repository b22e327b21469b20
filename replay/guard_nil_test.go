package replay_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// selfWrapped is an error that wraps itself: errors.Is never ends with it.
type selfWrapped struct{} //nolint:errname // what it does

func (*selfWrapped) Error() string   { return "wraps itself" }
func (e *selfWrapped) Unwrap() error { return e }

// TestErrorsThatCannotBeAsked: nil pointers of the library's own error types, and an error that
// has no end, are failures of the function that returned them, wherever the engine calls it, with
// interceptors and without.
func TestErrorsThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	const soon = 10 * time.Second
	rows := []struct {
		reason string
		err    error
		want   string
	}{
		{"an error of an operation", (*op.Error)(nil), "a nil *op.Error"},
		{"a panic", (*op.PanicError)(nil), "a nil *op.PanicError"},
		{"an error of a codec", (*codec.Error)(nil), "a nil *codec.Error"},
		{"an error of a batch", (*op.BatchError)(nil), "a nil *op.BatchError"},
		{"an error of a compensation", (*op.UndoError)(nil), "a nil *op.UndoError"},
		{"an error of the service", (*checkpoint.APIError)(nil), "a nil *checkpoint.APIError"},
		{"a divergence", (*replay.DivergedError)(nil), "a nil *replay.DivergedError"},
		{"an error that wraps itself", &selfWrapped{}, "wraps itself"},
	}
	for _, row := range rows[:len(rows)-1] {
		wrapped := row
		wrapped.reason, wrapped.err, wrapped.want = row.reason+" in another error", fmt.Errorf("wrapped: %w", row.err), ""
		rows = append(rows, wrapped)
	}
	for _, g := range guests() {
		if g.nils == "" {
			continue
		}
		watched := g
		watched.opts = func(func() error) []replay.HandlerOption {
			return []replay.HandlerOption{replay.WithInterceptors(replay.Interceptor{})}
		}
		for observer, g := range map[string]guest{"plain": g, "with an interceptor": watched} {
			for _, row := range rows {
				if row.want == "wraps itself" && g.kind == "a policy" {
					continue // package retry asks it with errors.Is, which does not end either
				}
				t.Run(g.kind+"/"+observer+"/"+row.reason, func(t *testing.T) {
					t.Parallel()
					got := answerOf(t, g, func(op.Context) error { return row.err }, soon)
					if strings.Contains(got, "mistake in this library") || strings.Contains(got, "deadline exceeded") {
						t.Fatalf("the answer is %.400s", got)
					}
					if strings.Contains(g.nils, nilText) && !strings.Contains(got, row.want) {
						t.Errorf("the answer is %.400s\nwant it to say %q", got, row.want)
					}
				})
			}
		}
	}
}
