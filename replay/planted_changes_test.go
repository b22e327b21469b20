package replay_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// brokenChange is a rule of declared changes that is broken: random programs that are changed under
// way must notice, or, if they do not have what it takes, a table of this package.
type brokenChange struct {
	rule  string
	patch string // a file of testdata/mutants
	table string // the test that notices; empty if random programs do
}

func brokenChanges() []brokenChange {
	return slices.Concat(brokenInOrder(), brokenOperands(), brokenEnds())
}

// brokenInOrder are the rules of changes in scopes whose operations come one after the other.
func brokenInOrder() []brokenChange {
	return []brokenChange{
		{rule: "who has not reached a change runs the new side", patch: "changes-new-is-not-fresh"},
		{rule: "compensations that have begun count as what is left of a scope", patch: "changes-compensations-not-counted"},
		{rule: "what is left of other scopes does not count", patch: "changes-only-this-scope"},
		{rule: "of two sides the one that was begun first is taken", patch: "changes-later-record-wins"},
		{rule: "a side that claims nothing is a side", patch: "changes-nothing-is-no-side"},
		{rule: "names of all sides are used up", patch: "changes-occurrences-not-counted"},
		{rule: "a look passes changes that claim nothing", patch: "changes-look-stops-at-declarations", table: "TestDeclaredChanges"},
		{rule: "a scope that has ended is never fresh", patch: "changes-finished-scope-is-fresh"},
		{rule: "what is removed does not run", patch: "changes-removed-runs"},
		{rule: "an Undo that was removed does not begin", patch: "changes-past-undo-begins"},
		{rule: "what was left behind is not waited for", patch: "changes-left-behind-is-waited-for"},
		{rule: "nor is it if it is started again", patch: "changes-future-left-behind-is-waited-for"},
		{
			rule: "what was left behind and is added again is added as an old side, too", patch: "changes-returns-as-new-side-alone",
			table: "TestWhatReturnsAsAnOldSide",
		},
		{rule: "a record is that of a side of its kind alone", patch: "changes-kind-not-compared"},
		{rule: "the side of what is started is decided where it is started", patch: "changes-decided-where-awaited"},
	}
}

// brokenOperands are those of operands of batches.
func brokenOperands() []brokenChange {
	return []brokenChange{
		{rule: "the side is taken whose branch the log holds", patch: "changes-operand-held-side-not-taken"},
		{rule: "a branch without a record is held if something in it is", patch: "changes-operand-flat-branch-not-seen"},
		{rule: "a branch that has begun is held though it does not count as started", patch: "changes-operand-must-count-as-started"},
		{rule: "in an open batch what is added runs", patch: "changes-operand-of-open-batch-is-passed"},
		{rule: "in one that has ended it does not", patch: "changes-operand-of-ended-batch-is-awaited"},
		{rule: "a batch that is being compensated has ended", patch: "changes-operand-outcome-not-looked-up"},
		{rule: "operands that change places keep their branches", patch: "changes-operand-places-by-index"},
		{rule: "an operand that was removed does not run", patch: "changes-operand-removed-runs"},
		{rule: "it is undone if its batch fails", patch: "changes-operand-removed-not-undone"},
		{rule: "it is not undone if its batch succeeds", patch: "changes-operand-removed-is-a-loser"},
		{rule: "how a batch ended says what was left of it", patch: "changes-operand-left-is-forgotten"},
		{rule: "what was left is added if the code has it again", patch: "changes-operand-returns-as-it-was"},
		{rule: "so it is where results are computed again", patch: "changes-operand-left-ends-otherwise"},
		{rule: "what was open when a batch ended is so, though the code has it no more", patch: "changes-operand-left-open-ends-otherwise"},
		{
			rule: "what is left of it has no result", patch: "changes-operand-left-open-has-a-result",
			table: "TestPastOfAnOperandLeftOpen",
		},
		{
			rule: "what a removed operand counted as is not judged again", patch: "changes-operand-left-is-judged",
			table: "TestOperandsOfLargeBatchesGo",
		},
	}
}

// brokenEnds are those of open parallels, and of how scopes end.
func brokenEnds() []brokenChange {
	return []brokenChange{
		{rule: "an open parallel keeps its bound", patch: "changes-open-without-bound"},
		{rule: "to the branch", patch: "changes-open-one-more"},
		{rule: "it does not wait where it had room before", patch: "changes-open-waits-for-room-again", table: "TestChangesOfAnOpenParallel"},
		{rule: "branches have their places in the order of the code", patch: "changes-open-begins-when-it-runs"},
		{rule: "a scope waits for what it has started", patch: "changes-close-does-not-wait"},
		{rule: "an error that nothing asks for is that of the scope", patch: "changes-close-forgets-errors"},
		{rule: "it is the one that MapError makes of it", patch: "changes-close-takes-recorded-errors"},
		{rule: "what the code has not reached when a scope ends stops it", patch: "changes-close-does-not-look-back"},
		{rule: "what a scope that fails leaves behind is undone", patch: "changes-close-keeps-what-is-left"},
		{rule: "also that of branches which had no room", patch: "changes-close-forgets-who-had-no-room", table: "TestBranchesThatAreNotAdmittedAreUndone"},
		{rule: "a step that was left behind before it began ends nothing", patch: "changes-left-unbegun-is-an-end", table: "TestWhatWasLeftBehindDecidesNothing"},
		{rule: "a branch that failed may have left behind what it started", patch: "changes-failed-branch-must-end-what-it-started", table: "TestFlatBranchThatFailedIsRunAgain"},
	}
}

// seedOf is what a failure of the random programs begins with.
var seedOf = regexp.MustCompile(`seed (\d+), (\w+)`)

// TestBrokenChangesAreNoticed breaks one rule of declared changes, and of what random programs have
// in them, after the other. It runs if PERDURE_PLANTED is "changes" or "all", and prints the rows
// of the table in docs/testing.md.
func TestBrokenChangesAreNoticed(t *testing.T) { //nolint:paralleltest // compiling takes all processors
	skipUnlessPlanted(t, "changes")
	for _, m := range brokenChanges() { //nolint:paralleltest // as above
		t.Run(m.rule, func(t *testing.T) {
			by := m.noticedByTable
			if m.table == "" {
				by = m.noticedByPrograms
			}
			t.Logf("\n| %s | `%s` | %s |", m.rule, strings.TrimPrefix(m.patch, "changes-"), by(t))
		})
	}
}

// noticedByPrograms returns the first execution of a random program that fails, and how code is
// deployed under it.
func (m brokenChange) noticedByPrograms(t *testing.T) string {
	t.Helper()
	out := m.fails(t, "./internal/changes", "TestDeclaredChangesMeanWhatTheySay", "PERDURE_CHECKS=4")
	first, how := 0, ""
	for _, found := range seedOf.FindAllSubmatch(out, -1) {
		if seed, err := strconv.Atoi(string(found[1])); err == nil && (how == "" || seed < first) {
			first, how = seed, string(found[2])
		}
	}
	if how == "" {
		t.Fatalf("no execution is named:\n%s", out)
	}
	return fmt.Sprintf("%d, %s", first, how)
}

// noticedByTable returns the test that fails, and a row of its table that does.
func (m brokenChange) noticedByTable(t *testing.T) string {
	t.Helper()
	row := regexp.MustCompile(`--- FAIL: ` + m.table + `/(\S+)`)
	var rows []string
	for _, found := range row.FindAllSubmatch(m.fails(t, ".", m.table), -1) {
		rows = append(rows, strings.ReplaceAll(string(found[1]), "_", " "))
	}
	if len(rows) == 0 {
		t.Fatalf("no row of %s fails", m.table)
	}
	return fmt.Sprintf("`%s`, %s", m.table, slices.Min(rows))
}

// fails runs a test of a package against the broken engine, and returns what it says. It must fail,
// and not end in another way.
func (m brokenChange) fails(t *testing.T, pkg, test string, env ...string) []byte {
	t.Helper()
	out, err := runBroken(t, pkg, buildBroken(t, pkg, m.patch), env, "-test.run", "^"+test+"$")
	if err == nil {
		t.Fatalf("%s does not notice", test)
	}
	if !bytes.Contains(out, []byte("--- FAIL: "+test)) {
		t.Fatalf("%s does not fail, it ends: %v\n%s", test, err, out)
	}
	return out
}
