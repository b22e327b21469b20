package replay_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// A message is recorded up to 128 KiB, as docs/limits.md says, cut at a character; what code gets
// is what is recorded.
func TestLongMessagesAreCut(t *testing.T) {
	t.Parallel()
	const most = 128 << 10
	tests := []struct {
		reason  string
		message string
		whole   bool
	}{
		{"as much as is recorded", strings.Repeat("x", most), true},
		{"one byte more", strings.Repeat("x", most+1), false},
		{"characters are not torn", strings.Repeat("ä", most), false},
	}
	for _, tt := range tests {
		for _, in := range []string{"step", "group"} {
			t.Run(tt.reason+" of a "+in, func(t *testing.T) {
				t.Parallel()
				var seen string
				r := replaytest.Run(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
					o := op.Do("it", func(context.Context) error { return errors.New(tt.message) }, op.WithRetry(retry.Never()))
					if in == "group" {
						o = op.Group("it", func(op.Context) (op.None, error) { return op.None{}, errors.New(tt.message) })
					}
					if err := replay.Exec(ctx, o); err != nil {
						seen = err.Error()
					}
					return 0, nil
				}), op.None{})
				got := r.Op("it").Failure.Message
				rest, cut := strings.CutSuffix(got, "…")
				if cut == tt.whole || !strings.HasPrefix(tt.message, rest) || len(got) > most+len("…") || len(got) < most-utf8.UTFMax || !utf8.ValidString(got) {
					t.Errorf("%d bytes of %d are recorded, cut: %v", len(got), len(tt.message), cut)
				}
				if seen != got {
					t.Errorf("the handler got %d bytes, recorded are %d", len(seen), len(got))
				}
			})
		}
	}
}
