package edits_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/internal/edits"
	"github.com/perdure/perdure/replay/replaytest"
)

// recorder is a test that keeps what is reported.
type recorder struct {
	testing.TB

	ctx  context.Context //nolint:containedctx // a test has one
	errs []string
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Errorf(format string, a ...any) {
	r.errs = append(r.errs, fmt.Sprintf(format, a...))
}

func (r *recorder) Fatalf(format string, a ...any) { r.Errorf(format, a...) }

// TestCompatibleReportsWhatEditsDo records an execution of the old code of each edit, and compares
// the new code with it. What makes an execution diverge or end wrong in some state is reported
// before, but for what no log can show; what never does is not.
func TestCompatibleReportsWhatEditsDo(t *testing.T) {
	t.Parallel()
	// The operation at the place is the same one to the log: Shape shows it.
	unseen := map[string]bool{"23b": true, "32d": true}
	for _, e := range edits.All() {
		t.Run(e.ID+" "+e.Name, func(t *testing.T) {
			t.Parallel()
			harm := make(count)
			if err := e.States(t.Context(), e.After, func(s edits.State) error { harm[s.Verdict]++; return nil }); err != nil {
				t.Fatal(err)
			}
			exec, _, err := edits.Run(t.Context(), e.Before, e.Input)
			if err != nil {
				t.Fatal(err)
			}
			r := &recorder{ctx: t.Context()}
			replaytest.Compatible(r, e.After(&edits.World{}), []replaytest.History{replaytest.HistoryOf(exec)})
			harmful := harm[edits.Diverged] > 0 || harm[edits.Wrong] > 0
			reported := len(r.errs) > 0
			if reported != harmful && (reported || !unseen[e.ID]) && !changesOnlyText(e.ID) {
				t.Errorf("the verdicts are %v, and Compatible reports:\n%s", harm, strings.Join(r.errs, "\n"))
			}
		})
	}
}

// TestWhatNoLogShows: each edit that goes on with a wrong value in some state, and of which no log
// shows that, is reported by Compatible, which compares the results of finished histories, or by
// Shape, which compares what stands in places without names.
func TestWhatNoLogShows(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, e := range edits.All() {
		by, ok := sayers()[e.ID]
		if !ok {
			continue
		}
		exec, _, err := edits.Run(t.Context(), e.Before, e.Input)
		if err != nil {
			t.Fatal(err)
		}
		same, changed := &recorder{TB: t, ctx: t.Context()}, &recorder{TB: t, ctx: t.Context()}
		histories := []replaytest.History{replaytest.HistoryOf(exec)}
		replaytest.Compatible(same, e.Before(&edits.World{}), histories)
		replaytest.Compatible(changed, e.After(&edits.World{}), histories)
		if by == "Shape" {
			if len(changed.errs) > 0 {
				t.Errorf("%s: Compatible says it, too: %v", e.ID, changed.errs)
			}
			changed = &recorder{TB: t, ctx: t.Context()}
			shape := func(r *recorder, v edits.Version, update string) {
				t.Setenv(replaytest.UpdateVariable, update)
				f, ok := v(&edits.World{}).(*replay.Function[op.None, string])
				if !ok {
					t.Fatalf("%s is of another type", e.ID)
				}
				replaytest.Shape(r, e.ID+".shape", f, []op.None{{}}, replaytest.AllowRepeats())
			}
			shape(same, e.Before, "1")
			shape(same, e.Before, "")
			shape(changed, e.After, "")
		}
		if len(same.errs) > 0 || len(changed.errs) == 0 {
			t.Errorf("%s, %s: %s says of the same code %v, of the changed code %v", e.ID, e.Name, by, same.errs, changed.errs)
		}
	}
}

// changesOnlyText lists edits that do no harm and that Compatible reports: an error that nothing
// registers, or another result, of another type or in another order.
func changesOnlyText(id string) bool {
	return slices.Contains([]string{"36c", "36e", "35d", "10", "23d", "42a", "42d"}, id)
}
