package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// claims are the sentences that README begins with, in their order, each with the tests that show
// it.
var claims = []struct {
	sentence string
	shown    []string // file#test; none for a sentence that says what a word means
}{
	{"**An operation is a value.** `op` declares it, `replay` runs it.", nil},
	{
		"Bodies are ordinary methods with a `context.Context`; handlers get an `op.Context`. So what takes a `context.Context` " +
			"does not compile in a handler, nor does an operation with a body's context.",
		[]string{"op/misuse_test.go#TestMisuseDoesNotCompile", "docs/unnoticed_test.go#TestWhatTheCompilerSeesInAHandler"},
	},
	{
		"What takes none compiles, `http.Get` and `time.Now` for example, and belongs into a step all the same.",
		[]string{"docs/unnoticed_test.go#TestWhatTheCompilerSeesInAHandler"},
	},
	{
		"**Code can change while executions run.** What an execution has not reached yet may change freely.",
		[]string{"replay/divergence_test.go#TestDivergence"},
	},
	{
		"IDs come from names and keys instead of positions, so an operation that is inserted or removed takes no other operation's record.",
		[]string{"replay/divergence_test.go#TestDivergence", "replay/batch_edit_test.go#TestEditsOfABatch"},
	},
	{
		"Operations of one name in one scope need keys for that; the test kit fails without them.",
		[]string{"docs/unnoticed_test.go#TestWhatCannotBeNoticed", "replay/replaytest/misuse_test.go#TestMisuseIsExplained"},
	},
	{
		"A handler that is seen not to fit its log is stopped before its bodies run again, and user code cannot swallow that.",
		[]string{"replay/divergence_test.go#TestDivergence"},
	},
	{
		"[What cannot be seen](docs/determinism.md#what-cannot-be-noticed) is a short list.",
		[]string{"docs/unnoticed_test.go#TestWhatCannotBeNoticed"},
	},
	{
		"**Suspension is not an error.** Nothing has to be passed on, and no compensation runs by mistake.",
		[]string{"replay/suspend_test.go#TestSuspensionIsNoErrorAndNoPanic", "replay/suspend_test.go#TestCompensationNeverFiresOnASuspend"},
	},
	{
		"**The first run sees what a replay sees.** Results and errors have been through the log both times, and `errors.Is` gives the same answer.",
		[]string{"replay/error_codec_test.go#TestFirstRunSeesWhatAReplaySees", "replay/error_identity_test.go#TestErrorIsTheSameLiveAndOnReplay"},
	},
	{
		"**The service runs in your test**, with its validation, its timers and its history, under a clock that you move.",
		[]string{"checkpoint/local/transition_test.go#TestTransitions", "checkpoint/local/clock_test.go#TestTimersFireInOrder"},
	},
	{
		"The same handler runs on one machine and on Lambda.",
		[]string{"replay/replaytest/cloud_test.go#TestSameTableHereAndInTheCloud", "checkpoint/local/process/process_test.go#TestDurableFunction"},
	},
	{"**Not tried yet:** nothing of this has run on AWS.", nil},
	{
		"The service that tests use was built from the model of the Lambda API and its documentation, and functions of AWS's own SDKs run against it.",
		[]string{"checkpoint/local/process/javascript_test.go#TestJavaScriptRunsEveryOperation"},
	},
	{"`replaytest.Cloud` runs your tests on AWS.", []string{"replay/replaytest/cloud_test.go#TestSameTableHereAndInTheCloud"}},
}

// No sentence of README's first section stands there without a test that shows it: whoever writes
// one names the test.
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
