package replaytest_test

import (
	"context"
	"errors"
	"regexp"
	"testing"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// failing has invocations of each execution fail, by their number; one that the kit loses before
// the function has the event has none.
type failing struct {
	first, last int
	calls       int // one after the other
}

func (f *failing) reset() { f.calls = 0 }

func (f *failing) around(h local.Handler) local.Handler {
	return local.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		if f.calls++; f.first <= f.calls && f.calls <= f.last {
			return nil, errors.New("no database")
		}
		return h.Invoke(ctx, event)
	})
}

// TestFailedInvocationsOfInterruptedExecutions: nine in a row end an execution, as on AWS, but not
// if the kit has lost some of them.
func TestFailedInvocationsOfInterruptedExecutions(t *testing.T) {
	t.Parallel()
	const ever = 1000
	gaveUp := func(n string) string {
		return `^replaytest: (the undisturbed execution: )?the execution makes no progress: ` + n + ` invocations in a row have failed, the last one with .*no database`
	}
	const recovered = `^replaytest: an invocation failed that nothing had interrupted: .*no database`
	limit := func(n int) replaytest.ExploreOption {
		return replaytest.WithService(local.WithLimits(local.Limits{FailedInvocations: n}))
	}
	for _, tt := range []struct {
		reason      string
		schedule    string // empty for an execution that nothing interrupts
		first, last int    // the invocations that fail
		opts        []replaytest.ExploreOption
		want        string
	}{
		{"an execution that nothing interrupts has nine", "", 1, ever, nil, gaveUp("9")},
		{"so has one that is lost at a checkpoint call, which counts", "call:1=lost-after", 2, ever, nil, gaveUp("9")},
		{"and the eight that follow it are too many", "call:1=lost-after", 2, 9, nil, gaveUp("9")},
		{"one that recovers before has only failed", "call:1=lost-after", 2, 8, nil, recovered},
		{"so does one that is lost before the call", "call:1=lost-before", 2, ever, nil, gaveUp("9")},
		{"so does a reply that is lost", "call:1=reply-lost", 2, ever, nil, gaveUp("9")},
		{"so does a stale token", "call:1=stale-token", 2, ever, nil, gaveUp("9")},
		{"a pause loses no invocation", "call:1=paused", 2, ever, nil, gaveUp("9")},
		{"a lost invocation is none of the function's", "invocation:1=lost-after", 2, ever, nil, gaveUp("51")},
		{"nor is a lost body", "body:say@1=lost-after", 2, ever, nil, gaveUp("51")},
		{"one that recovers late goes on", "body:say@1=lost-after", 2, 21, nil, recovered},
		{"what came last counts: a body", "call:1=lost-after; body:then@1=lost-after", 3, ever, nil, gaveUp("51")},
		{"what came last counts: a call", "call:2=lost-after; body:say@1=lost-after", 3, ever, nil, gaveUp("9")},
		{"the test has set another number", "body:say@1=lost-after", 2, ever, []replaytest.ExploreOption{limit(3)}, gaveUp("3")},
		{"the test has set none", "call:1=lost-after", 2, ever, []replaytest.ExploreOption{limit(-1)}, gaveUp("51")},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
				for _, name := range []string{"say", "then"} { // in one invocation, unless it is lost
					if _, err := replay.Run(ctx, op.Step(name, func(context.Context) (string, error) { return name, nil })); err != nil {
						return "", err
					}
				}
				return "done", nil
			})
			fails := &failing{first: tt.first, last: tt.last}
			opts := append([]replaytest.ExploreOption{replaytest.WithReset(fails.reset)}, tt.opts...)
			if tt.schedule != "" {
				opts = append(opts, replaytest.WithSchedule(tt.schedule))
			}
			got := record(t, func(tb *recorder) { replaytest.ExploreAround(tb, f, fails.around, 1, opts...) })
			if len(got.errs) != 1 || !regexp.MustCompile(tt.want).MatchString(got.errs[0]) {
				t.Errorf("got %.300q, want one that matches %q", got.errs, tt.want)
			}
		})
	}
}
