package replay_test

import (
	"bytes"
	"testing"
)

// brokenChange is a rule of declared changes that is broken: random programs that are changed under
// way must notice.
type brokenChange struct {
	rule  string
	patch string // a file of testdata/mutants
}

func brokenChanges() []brokenChange {
	return []brokenChange{
		{rule: "who has not come to a change runs the new side", patch: "changes-new-is-not-fresh"},
		{rule: "compensations that have begun count as what is left of a scope", patch: "changes-compensations-not-counted"},
		{rule: "what is left of other scopes does not count", patch: "changes-only-this-scope"},
		{rule: "of two sides the one that was begun first is taken", patch: "changes-later-record-wins"},
		{rule: "a side that claims nothing is a side", patch: "changes-nothing-is-no-side"},
		{rule: "names of all sides are used up", patch: "changes-occurrences-not-counted"},
		{rule: "a look passes changes that claim nothing", patch: "changes-look-stops-at-declarations"},
		{rule: "a scope that has ended is never fresh", patch: "changes-finished-scope-is-fresh"},
		{rule: "what is removed does not run", patch: "changes-removed-runs"},
		{rule: "an Undo that was removed does not begin", patch: "changes-past-undo-begins"},
		{rule: "what was left behind is not waited for", patch: "changes-left-behind-is-waited-for"},
		{rule: "a record is that of a side of its kind alone", patch: "changes-kind-not-compared"},
	}
}

// TestBrokenChangesAreNoticed breaks one rule of declared changes after the other. It runs if
// PERDURE_PLANTED is "changes" or "all".
func TestBrokenChangesAreNoticed(t *testing.T) { //nolint:paralleltest // compiling takes all processors
	skipUnlessPlanted(t, "changes")
	for _, m := range brokenChanges() { //nolint:paralleltest // as above
		t.Run(m.rule, func(t *testing.T) {
			const pkg = "./internal/changes"
			out, err := runBroken(t, pkg, buildBroken(t, pkg, m.patch), []string{"PERDURE_CHECKS=4"}, "-test.run", "^TestDeclaredChangesMeanWhatTheySay$")
			if err == nil {
				t.Fatal("no execution notices")
			}
			if !bytes.Contains(out, []byte("--- FAIL: TestDeclaredChangesMeanWhatTheySay")) {
				t.Fatalf("the test does not fail, it ends: %v\n%s", err, out)
			}
		})
	}
}
