package replaytest_test

import (
	"context"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// TestErrRepeatUnderTheKit: what a handler that asks for another invocation is in a test of it.
func TestErrRepeatUnderTheKit(t *testing.T) {
	t.Parallel()
	handler := func(repeats func(n int) bool) (*replay.Function[int, int], *int) {
		n, runs := 0, 0
		return replay.Handler(func(ctx op.Context, _ int) (int, error) {
			n++
			v, err := replay.Run(ctx, op.Step("pack", func(context.Context) (int, error) { runs++; return 7, nil }))
			if err == nil && repeats(n) {
				err = fmt.Errorf("invocation %d: %w", n, replay.ErrRepeat)
			}
			return v, err
		}), &runs
	}
	t.Run("an execution whose invocation is repeated ends, with the pauses of the service", func(t *testing.T) {
		t.Parallel()
		f, runs := handler(func(n int) bool { return n <= 2 })
		r := replaytest.Run(t, f, 1)
		if r.Err != nil || r.Value != 7 || r.Invocations != 3 || *runs != 1 || r.Took < 3*time.Second || r.Took > 4*time.Second {
			t.Errorf("%d, %v after %d invocations, %d bodies and %v; want 7 after 3, 1 and 1.1 s + 2.1 s",
				r.Value, r.Err, r.Invocations, *runs, r.Took)
		}
	})
	t.Run("one that is repeated forever fails the test, and says why", func(t *testing.T) {
		t.Parallel()
		f, _ := handler(func(int) bool { return true })
		got := record(t, func(tb *recorder) { replaytest.Run(tb, f, 1) })
		const want = `9 invocations in a row have failed, the last one with .*invocation 9: replay: the invocation is to be repeated`
		if len(got.errs) != 1 || !regexp.MustCompile(want).MatchString(got.errs[0]) {
			t.Errorf("the kit says %q, want %s", got.errs, want)
		}
	})
	t.Run("Explore finds nothing wrong with it", func(t *testing.T) {
		t.Parallel()
		f, _ := handler(func(n int) bool { return n%3 == 0 })
		replaytest.Explore(t, f, 1)
	})
}
