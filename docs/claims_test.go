package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// claims are the sentences of README's section Why, in their order, each with the tests that show
// it.
var claims = []struct {
	sentence string
	shown    []string // file#test
}{
	{
		"**Changes are declared, and rehearsed.** Operations are found by name and key, so what an execution has not reached may change " +
			"freely, and the rest takes one line: `Was`, `op.Added`, `op.Removed` or `op.Replaces`.",
		[]string{"replay/divergence_test.go#TestDivergence", "replay/batch_edit_test.go#TestEditsOfABatch", "replay/declared_test.go#TestDeclaredChanges"},
	},
	{
		"`perdure compat` runs the new code over each running execution's log, without any body.",
		[]string{"cmd/perdure/internal/cli/compat_test.go#TestCompat", "replay/rehearse_test.go#TestRehearseDoesNothing"},
	},
	{
		"A test changes random programs while they run, and compares how they end with " +
			"what an independent implementation predicts; a " +
			"[table](docs/changing-code.md#what-each-edit-does) lists what each kind " +
			"of edit does to running executions.",
		[]string{"replay/internal/changes/changes_test.go#TestDeclaredChangesMeanWhatTheySay", "replay/internal/edits/declared_test.go#TestDeclaredEdits"},
	},
	{
		"**A handler that does not fit its log is stopped** before a body runs again, with an error that names the place and what to " +
			"declare; `replay.DivergenceHold` pauses the execution until the code is mended.",
		[]string{"replay/divergence_test.go#TestDivergence", "replay/declared_message_test.go#TestDivergenceSaysWhatToDeclare", "replay/hold_test.go#TestHeldForAMonth"},
	},
	{
		"[What no log shows](docs/determinism.md#what-cannot-be-noticed) is a short list.",
		[]string{"docs/unnoticed_test.go#TestWhatCannotBeNoticed"},
	},
	{
		"**A crash repeats nothing that is recorded.** `replaytest.Explore` loses the function, replies and records at every place of " +
			"your handler, in your test.",
		[]string{"replay/replaytest/explore_test.go#TestScheduleCountsObeyTheFormula", "replay/replaytest/effects_test.go#TestExploreFindsLostEffects"},
	},
	{
		"The engine itself is tested with `Explore`, over programs with every kind of " +
			"operation.",
		[]string{"replay/replaytest/proof_test.go#TestEngineProof"},
	},
	{
		"**Mistakes fail early.** Handlers get an `op.Context`, so I/O that takes a `context.Context` does not compile in them; " +
			"`perdure check` finds `time.Now` and other mistakes that compile.",
		[]string{"op/misuse_test.go#TestMisuseDoesNotCompile", "docs/unnoticed_test.go#TestWhatTheCompilerSeesInAHandler", "op/opcheck/planted_test.go#TestUnseenMistakes"},
	},
	{
		"Suspension is no error: there is nothing to pass on, and no compensation runs by mistake.",
		[]string{"replay/suspend_test.go#TestSuspensionIsNoErrorAndNoPanic", "replay/suspend_test.go#TestCompensationNeverFiresOnASuspend"},
	},
	{
		"**A stuck execution explains itself.** `perdure show` and a [page](docs/page.md) say what each execution waits for, and a " +
			"[runbook](docs/runbook.md) what to do, with ten broken executions to practise on.",
		[]string{"cmd/perdure/browsertest/broken_test.go#TestTenBrokenExecutions"},
	},
}

// No sentence of README's section Why stands there without a test that shows it: whoever writes one
// names the test.
func TestClaimsOfREADMEHaveTests(t *testing.T) {
	t.Parallel()
	_, section, ok := strings.Cut(readText(t, filepath.Join(root, "README.md")), "\n## Why\n")
	if !ok {
		t.Fatal("README has no section Why")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var all []string
	for _, c := range claims {
		all = append(all, c.sentence)
		for _, shown := range c.shown {
			file, test, _ := strings.Cut(shown, "#")
			if text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file))); err != nil || !strings.Contains(string(text), "\nfunc "+test+"(") {
				t.Errorf("%s has no %s, which is to show: %s", file, test, c.sentence)
			}
		}
	}
	if got, want := strings.Join(strings.Fields(section), " "), strings.Join(all, " "); got != want {
		i := 0
		for i < min(len(got), len(want)) && got[i] == want[i] {
			i++
		}
		t.Errorf("README says something that the table of claims does not have, or the other way round, at: %q\nthe table: %q",
			got[i:min(i+100, len(got))], want[i:min(i+100, len(want))])
	}
}
