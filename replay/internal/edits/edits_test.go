package edits_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/internal/edits"
)

// count is how often each verdict was given of an edit.
type count map[edits.Verdict]int

// judged keeps what was counted, for the table.
type judged struct {
	mu             sync.Mutex
	rows, declared map[string]count
}

func (j *judged) add(rows map[string]count, id string, v edits.Verdict) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if rows[id] == nil {
		rows[id] = make(count)
	}
	rows[id][v]++
}

// table is what was counted, for the log of the test.
func (j *judged) table() string {
	var b strings.Builder
	b.WriteString("| # | edit | states | right | surprising | diverged | failed | wrong | declared |\n|---|---|---|---|---|---|---|---|---|\n")
	sum, all := make(count), make(count)
	row := func(id, name string, c, d count) {
		fmt.Fprintf(&b, "| %s | %s | %d", id, name, c.states())
		for _, v := range []edits.Verdict{edits.Right, edits.Surprising, edits.Diverged, edits.Failed, edits.Wrong} {
			fmt.Fprintf(&b, " | %d", c[v])
		}
		b.WriteString(" | " + d.fitting() + " |\n")
		for v, n := range c {
			sum[v] += n
		}
		for v, n := range d {
			all[v] += n
		}
	}
	for _, e := range edits.All() {
		row(e.ID, e.Name, j.rows[e.ID], j.declared[e.ID])
	}
	row("", "sum", maps.Clone(sum), maps.Clone(all))
	return b.String()
}

func (c count) states() (n int) {
	for _, m := range c {
		n += m
	}
	return n
}

// fitting is in how many states an edit ends as it should.
func (c count) fitting() string {
	if c.states() == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", c[edits.Right]+c[edits.Surprising], c.states())
}

// words are what becomes of executions, for people. How many states there are of each depends on
// which of two branches is first, so it is not said.
func (c count) words() string {
	var said []string
	for _, v := range []struct {
		edits.Verdict
		text string
	}{
		{edits.Wrong, "**wrong**"},
		{edits.Diverged, "stopped"},
		{edits.Failed, "fails"},
		{edits.Surprising, "goes without what is new"},
		{edits.Right, "fits"},
	} {
		if c[v.Verdict] > 0 {
			said = append(said, v.text)
		}
	}
	return strings.Join(said, " or ")
}

// page is the table of the documentation.
func (j *judged) page() string {
	var b strings.Builder
	b.WriteString("| # | Edit | Executions under way | Declare | With it |\n|---|---|---|---|---|\n")
	for _, e := range edits.All() {
		how, with := "", ""
		if e.Declared != nil {
			how = "`" + e.How + "`"
			if !strings.ContainsAny(e.How, "(.") {
				how = e.How
			}
			with = "fits"
			if d := j.declared[e.ID]; d[edits.Right]+d[edits.Surprising] != d.states() {
				with = d.words()
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", e.ID, e.Name, j.rows[e.ID].words(), how, with)
	}
	return b.String()
}

// TestCatalogue tries each edit on every state that the old code leaves behind, without its
// declaration and with it, and rehearses the new code on each before. What it says must be what
// happens, and with a declaration every execution ends as it should. The documentation has the
// table.
func TestCatalogue(t *testing.T) { //nolint:tparallel // the table comes after all of them
	t.Parallel()
	// wrong lists the edits that are silently wrong in some state, and what says so before.
	wrong := map[string]string{
		"13b": "lossy", "13e": "lossy", "13k": "lossy", "35b": "lossy", "36a": "unregistered",
		// The log does not hold what would tell: Compatible and Shape say it.
		"13g": "", "23b": "", "32c": "", "32d": "", "41": "",
	}
	j := &judged{rows: make(map[string]count), declared: make(map[string]count)}
	t.Run("edits", func(t *testing.T) {
		for _, e := range edits.All() {
			t.Run(e.ID+" "+e.Name, func(t *testing.T) {
				t.Parallel()
				unregistered := 0
				err := e.States(t.Context(), e.After, func(s edits.State) error {
					j.add(j.rows, e.ID, s.Verdict)
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
				if e.Declared != nil {
					j.declare(t, e)
				}
				if lost := e.ID == "36a" || e.ID == "36c"; lost != (unregistered > 0) {
					t.Errorf("errors that nothing registers are reported in %d states", unregistered)
				}
			})
		}
	})
	t.Log("\n" + j.table())
	for _, e := range edits.All() {
		if j.rows[e.ID][edits.Diverged] > 0 && e.Declared == nil && !undeclarable[e.ID] {
			t.Errorf("%s, %s, diverges and has no declaration", e.ID, e.Name)
		}
	}
	j.documented(t)
	for id := range wrong {
		if j.rows[id][edits.Wrong] == 0 {
			t.Errorf("%s is never wrong: it does not belong into the list", id)
		}
	}
}

// undeclarable lists edits that diverge and cannot be declared: operations of one name without
// keys, of which the log does not say which item they were for. They need keys before.
var undeclarable = map[string]bool{"32c": true}

// declare tries an edit with its declaration in every state: each execution ends as it should.
func (j *judged) declare(t *testing.T, e edits.Edit) {
	t.Helper()
	err := e.States(t.Context(), e.Declared, func(s edits.State) error {
		j.add(j.declared, e.ID, s.Verdict)
		if s.Verdict != edits.Right && s.Verdict != edits.Surprising {
			t.Errorf("declared, %s: %s: %s", s.Where, s.Verdict, s.Why)
		}
		if err := exact(s); err != nil {
			t.Errorf("declared, %s: %v", s.Where, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

var update = flag.Bool("update", false, "write the table of edits into the documentation")

// documented compares the table of the documentation with what was found.
func (j *judged) documented(t *testing.T) {
	t.Helper()
	const begin, end = "<!-- edits: written by TestCatalogue with -update -->\n", "<!-- end of edits -->"
	page := filepath.FromSlash("../../../docs/changing-code.md")
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(b), begin)
	is, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no table of edits between %q and %q", page, begin, end)
	}
	want := "\n" + j.page() + "\n"
	if is == want {
		return
	}
	if !*update {
		t.Errorf("the table of %s is stale: go test -run TestCatalogue ./replay/internal/edits -update\n%s", page, cmp.Diff(is, want))
		return
	}
	if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o600); err != nil {
		t.Fatal(err)
	}
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
