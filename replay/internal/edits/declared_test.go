package edits_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/replay/internal/edits"
)

// declaredEdits is what has become of executions without a declaration and with it.
type declaredEdits struct {
	mu                sync.Mutex
	without, declared map[string]count
}

func (d *declaredEdits) add(to map[string]count, id string, v edits.Verdict) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if to[id] == nil {
		to[id] = make(count)
	}
	to[id][v]++
}

// TestDeclaredEdits makes each edit in every state that the old code leaves behind, without its
// declaration and with it. With it every execution ends as it should, and the rehearsal says so.
// The documentation has the table.
func TestDeclaredEdits(t *testing.T) { //nolint:tparallel // the table comes after all of them
	t.Parallel()
	d := &declaredEdits{without: make(map[string]count), declared: make(map[string]count)}
	t.Run("edits", func(t *testing.T) {
		for _, e := range edits.All() {
			t.Run(e.ID+" "+e.Name, func(t *testing.T) {
				t.Parallel()
				if err := e.States(t.Context(), e.After, func(s edits.State) error { d.add(d.without, e.ID, s.Verdict); return nil }); err != nil {
					t.Error(err)
				}
				if e.Declared != nil {
					d.declare(t, e)
				}
			})
		}
	})
	var edited, right, states int
	for _, e := range edits.All() {
		t.Logf("%s %s: %s", e.ID, e.Name, d.counts(e))
		if d.without[e.ID][edits.Diverged] > 0 && e.Declared == nil && !undeclarable[e.ID] {
			t.Errorf("%s, %s, diverges and has no declaration", e.ID, e.Name)
		}
		if c := d.declared[e.ID]; c != nil {
			edited++
			right += c.right()
			states += c.states()
		}
	}
	t.Logf("%d of %d edits are declared: %d of %d states end right", edited, len(edits.All()), right, states)
	d.documented(t)
}

// right is how many states end as they should; what is new may be left out where it was passed.
func (c count) right() int { return c[edits.Right] + c[edits.Surprising] }

func (c count) states() (n int) {
	for _, m := range c {
		n += m
	}
	return n
}

// counts says how many executions there were of each kind, and how many of those whose edit is
// declared end as they should.
func (d *declaredEdits) counts(e edits.Edit) string {
	var said []string
	c := d.without[e.ID]
	for _, v := range []edits.Verdict{edits.Right, edits.Surprising, edits.Diverged, edits.Failed, edits.Wrong} {
		if c[v] > 0 {
			said = append(said, fmt.Sprintf("%d %s", c[v], v))
		}
	}
	text := fmt.Sprintf("%d states: %s", c.states(), strings.Join(said, ", "))
	if e.Declared != nil {
		text += fmt.Sprintf("; declared: %d of %d end right", d.declared[e.ID].right(), d.declared[e.ID].states())
	}
	return text
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
func (d *declaredEdits) page() string {
	var b strings.Builder
	b.WriteString("| # | Edit | Executions under way | Declare | With it |\n|---|---|---|---|---|\n")
	for _, e := range edits.All() {
		how, with := "", ""
		if e.Declared != nil {
			how = "`" + e.How + "`"
			if !strings.ContainsAny(e.How, "(.") {
				how = e.How
			}
			c := d.declared[e.ID]
			if with = fmt.Sprintf("%d of %d fit", c.right(), c.states()); c.right() != c.states() {
				with += ": " + c.words()
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", e.ID, e.Name, d.without[e.ID].words(), how, with)
	}
	return b.String()
}

// undeclarable lists edits that diverge and cannot be declared: operations of one name without
// keys, of which the log does not say which item they were for. They need keys before.
var undeclarable = map[string]bool{"32c": true}

// declare tries an edit with its declaration in every state: each execution ends as it should.
func (d *declaredEdits) declare(t *testing.T, e edits.Edit) {
	t.Helper()
	err := e.States(t.Context(), e.Declared, func(s edits.State) error {
		d.add(d.declared, e.ID, s.Verdict)
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

// countsOf are all states of an edit. How many there are depends on which of two branches is first,
// so that the documentation has those of one run.
var countsOf = regexp.MustCompile(`\d+ of \d+ fit`)

// documented compares the table of the documentation with what was found.
func (d *declaredEdits) documented(t *testing.T) {
	t.Helper()
	const begin, end = "<!-- edits: written by TestDeclaredEdits with -update -->\n", "<!-- end of edits -->"
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
	want := "\n" + d.page() + "\n"
	uncounted := func(table string) string { return countsOf.ReplaceAllString(table, "all fit") }
	if uncounted(is) == uncounted(want) && !*update {
		return
	}
	if !*update {
		t.Errorf("the table of %s is stale: go test -run TestDeclaredEdits ./replay/internal/edits -update\n%s", page, cmp.Diff(is, want))
		return
	}
	if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o600); err != nil {
		t.Fatal(err)
	}
}
