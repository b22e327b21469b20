package edits_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/internal/edits"
)

// count is how often each verdict was given of an edit.
type count map[edits.Verdict]int

// judged keeps what was counted, for the table.
type judged struct {
	mu     sync.Mutex
	rows   map[string]count
	strict map[string]count // with strict records
}

func (j *judged) add(id string, v edits.Verdict) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.rows[id] == nil {
		j.rows[id] = make(count)
	}
	j.rows[id][v]++
}

// table is what stands in docs and in the log of the test.
func (j *judged) table() string {
	var b strings.Builder
	b.WriteString("| # | edit | states | right | surprising | diverged | failed | silently wrong | strict: diverged | strict: silently wrong | said by |\n" +
		"|---|---|---|---|---|---|---|---|---|---|---|\n")
	sum, sumStrict := make(count), make(count)
	row := func(id, name string, c, strict count) {
		n := 0
		for _, m := range c {
			n += m
		}
		fmt.Fprintf(&b, "| %s | %s | %d", id, name, n)
		for _, v := range []edits.Verdict{edits.Right, edits.Surprising, edits.Diverged, edits.Failed, edits.Wrong} {
			fmt.Fprintf(&b, " | %d", c[v])
			sum[v] += c[v]
		}
		for _, v := range []edits.Verdict{edits.Diverged, edits.Wrong} {
			fmt.Fprintf(&b, " | %d", strict[v])
			sumStrict[v] += strict[v]
		}
		by := ""
		if strict[edits.Wrong] > 0 && id != "" {
			if by = sayers()[id]; by == "" {
				by = "Rehearse, a warning"
			}
		}
		fmt.Fprintf(&b, " | %s |\n", by)
	}
	for _, e := range edits.All() {
		row(e.ID, e.Name, j.rows[e.ID], j.strict[e.ID])
	}
	row("", "sum", maps.Clone(sum), maps.Clone(sumStrict))
	return b.String()
}

// TestCatalogue tries each edit on every state that the old code leaves behind, without
// declarations, and rehearses the new code on each before. What it says must be what happens.
func TestCatalogue(t *testing.T) { //nolint:tparallel // the table comes after all of them
	t.Parallel()
	// wrong lists the edits that are silently wrong in some state, and what says so before.
	wrong := map[string]string{
		// A rehearsal says so.
		"13b": "lossy", "13e": "lossy", "13k": "lossy", "35b": "lossy", "36a": "unregistered", "36c": "unregistered",
		"36d": "unregistered", "36e": "unregistered",
		// The log does not hold what would show it: Compatible and Shape say it.
		"13g": "", "23b": "", "32c": "", "32d": "", "41": "",
	}
	j := &judged{rows: make(map[string]count), strict: make(map[string]count)}
	t.Run("edits", func(t *testing.T) {
		for _, e := range edits.All() {
			t.Run(e.ID+" "+e.Name, func(t *testing.T) {
				t.Parallel()
				unregistered := 0
				err := e.States(t.Context(), e.After, func(s edits.State) error {
					j.add(e.ID, s.Verdict)
					if err := exact(s); err != nil {
						t.Errorf("%s: %v", s.Where, err)
					}
					by, expected := wrong[e.ID]
					if s.Verdict == edits.Wrong && !expected {
						t.Errorf("%s: silently wrong: %s", s.Where, s.Why)
					}
					if s.Verdict == edits.Wrong && (by == "lossy" && len(s.Rehearsal.Lossy) == 0 || by == "unregistered" && len(s.Rehearsal.Unregistered) == 0) {
						t.Errorf("%s: %s, and the rehearsal does not say so", s.Where, s.Why)
					}
					if s.Verdict == edits.Right && by == "" && len(s.Rehearsal.Lossy) > 0 {
						t.Errorf("%s: called lossy: %v", s.Where, s.Rehearsal.Lossy)
					}
					if len(s.Rehearsal.Unregistered) > 0 {
						unregistered++
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				if lost := wrong[e.ID] == "unregistered"; lost != (unregistered > 0) {
					t.Errorf("errors that nothing registers are reported in %d states", unregistered)
				}
				j.judgeStrict(t, &e, wrong[e.ID])
			})
		}
	})
	t.Log("\n" + j.table())
	for id, by := range wrong {
		if by == "" && j.rows[id][edits.Wrong] == 0 {
			t.Errorf("%s is never wrong: it does not belong into the list", id)
		}
	}
}

// judgeStrict tries an edit with strict records. Nothing is silently wrong any more that a log
// shows, and nothing else diverges that did not.
func (j *judged) judgeStrict(t *testing.T, e *edits.Edit, by string) {
	t.Helper()
	strict := func(w *edits.World) edits.Function {
		w.Options = append(w.Options, replay.WithStrictRecords())
		return e.After(w)
	}
	says := 0 // states that say so
	if err := e.States(t.Context(), strict, func(s edits.State) error {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.strict[e.ID] == nil {
			j.strict[e.ID] = make(count)
		}
		j.strict[e.ID][s.Verdict]++
		if err := exact(s); err != nil {
			t.Errorf("strict, %s: %v", s.Where, err)
		}
		warned := len(s.Rehearsal.Unregistered) > 0 // of groups: see replay.WithStrictRecords
		if warned || s.Verdict == edits.Diverged {
			says++
		}
		if s.Verdict == edits.Wrong && !warned && !slices.Contains(unseen(), e.ID) {
			t.Errorf("strict, %s: silently wrong: %s", s.Where, s.Why)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if by != "" && says == 0 {
		t.Error("no state diverges or warns with strict records")
	}
	// How many states there are varies: branches end in any order.
	if was, is := j.rows[e.ID][edits.Diverged], j.strict[e.ID][edits.Diverged]; by == "" && was == 0 && is > 0 {
		t.Errorf("%d states diverge with strict records, and none without", is)
	}
}

// unseen lists the edits that no log shows.
func unseen() []string { return slices.Sorted(maps.Keys(sayers())) }

// sayers are what says of the edits that no log shows what they do: see TestWhatNoLogShows.
func sayers() map[string]string {
	return map[string]string{"13g": "Compatible", "23b": "Shape", "32c": "Compatible", "32d": "Shape", "41": "Compatible"}
}

// exact compares what a rehearsal says with what happened.
func exact(s edits.State) error {
	diverged := s.Verdict == edits.Diverged
	switch s.Rehearsal.Verdict {
	case replay.VerdictFits:
		if diverged {
			return fmt.Errorf("a miss: the rehearsal fits, and the execution %s", s.End)
		}
	case replay.VerdictDiverges:
		if !diverged {
			return fmt.Errorf("a false alarm: the rehearsal says %w, and the execution %s", s.Rehearsal.Diverged, s.End)
		}
	case replay.VerdictUndecided:
		may := slices.ContainsFunc(s.Rehearsal.Undecided, func(u replay.Undecided) bool { return u.Diverged != nil })
		if diverged && !may {
			return fmt.Errorf("undecided for another reason: %v, and the execution %s", s.Rehearsal.Undecided, s.End)
		}
	case replay.VerdictFails:
		return fmt.Errorf("the rehearsal fails: %w", s.Rehearsal.Err)
	}
	return nil
}
