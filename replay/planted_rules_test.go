package replay_test

import (
	"bytes"
	"strings"
	"testing"
)

// brokenRule is a rule of the engine or of the service that is broken on purpose, and who must
// notice. The rule is what stays when the code is rewritten: the patch of testdata/mutants is then
// made for where that keeps it.
type brokenRule struct {
	rule, how string
	patch     string
	// test is a test of the ordinary suite, of pkg, that notices; program is one of the corpus over
	// which Explore does. Each may be empty, not both.
	test, pkg string
	program   string
}

func brokenRules() []brokenRule {
	return []brokenRule{
		{
			rule: "a state travels with the START that clears it", how: "not if a call is full between the two",
			patch: "rule-state-travels",
			test:  "^TestStateTravelsWithItsAttemptInAFullCall$", pkg: ".",
		},
		{
			rule: "every change in a reply wakes who waits for it", how: "the first 64 alone",
			patch: "rule-every-change-wakes",
			test:  "^TestEveryChangeOfAReplyIsNoticed$", pkg: ".",
		},
		{
			rule: "events are numbered without gaps", how: "those after the 100th of a call have its number",
			patch: "rule-events-numbered",
			test:  "^TestEventsAreNumbered$", pkg: "../checkpoint/local",
		},
		{
			rule: "how a batch ended is durable before its losers are undone", how: "it is queued, and not waited for",
			patch: "rule-outcome-durable",
			// Explore sees no second winner: the one that ended first wins again after a crash.
			test: "^TestOutcomeIsDurableBeforeLosersAreUndone$", pkg: ".",
		},
		{
			rule: "the last operation is undone first", how: "the second one comes first if there are more than three",
			patch: "rule-last-undone-first",
			test:  "^TestLastIsUndoneFirst$", pkg: ".", program: "a saga of five",
		},
		{
			rule: "the last branch is undone first", how: "the branches of a batch are undone from the first on",
			patch: "rule-last-branch-undone-first",
			test:  "^TestLastIsUndoneFirst$", pkg: ".", program: "five branches, then a failure",
		},
		{
			rule: "a place among running bodies goes to who still waits for one", how: "it goes to a branch that was left behind",
			patch: "rule-place-to-who-waits",
			test:  "^TestTraces$/^place-to-who-waits$", pkg: ".", program: "a place of one that was left behind",
		},
		{
			rule: "a place among running bodies is not lost with who was woken to take it", how: "if it was left behind by then",
			patch: "rule-place-not-lost",
			test:  "^(TestAbandonedBranchesGiveBackTheirSlots|TestZombieDoesNotHoldUpTheSuspensionOrASlot)$", pkg: ".",
		},
		{
			rule: "who waits beside a body is asked for as long as the body runs", how: "once alone",
			patch: "rule-polled-while-busy",
			test:  "^TestPollsComeOnlyWhileABodyIsBusy$", pkg: ".",
		},
		{
			rule: "a crash consumes the attempt of a step that counts crashes", how: "not the first attempt",
			patch:   "rule-crash-consumes",
			program: "crashes count, twice",
		},
		{
			rule: "an operation starts one execution", how: "it has another name in each invocation",
			patch: "rule-start-has-one-name",
			test:  "^TestStartIsNotRepeated$", pkg: ".", program: "starts",
		},
		{
			rule: "an execution is started before its start is recorded", how: "not if an attempt was cut off",
			patch:   "rule-start-is-not-lost",
			program: "starts",
		},
		{
			rule: "an execution has one successor", how: "it has another name in each invocation",
			patch: "rule-successor-has-one-name",
			test:  "^TestContinueAsNewOnce$", pkg: ".", program: "continues",
		},
		{
			rule: "the successor begins when everything has ended", how: "futures are waited for afterwards",
			patch: "rule-successor-comes-last",
			test:  "^TestContinueAsNewEndsTheRest$", pkg: ".",
		},
		{
			rule: "an effect is undone once", how: "a group that succeeds is compensated like one that failed",
			patch:   "rule-undone-once",
			program: "a group that succeeds in one that fails",
		},
		{
			rule: "an Undo is given the result of its operation", how: "nothing if the operation ended in an earlier invocation",
			patch:   "rule-undo-has-the-result",
			program: "a step, then a failure",
		},
		{
			rule: "what a group that was abandoned has done is undone", how: "a group that waits is not looked into",
			patch:   "rule-left-groups-undone",
			program: "a step in a group that was abandoned",
		},
	}
}

// TestBrokenRulesAreNoticed breaks one rule after the other in a copy of the engine, as
// TestPlantedBugs does. The test that is for it must fail, and so must Explore over the program
// that is.
//
// It runs if PERDURE_PLANTED is "rules" or "all".
func TestBrokenRulesAreNoticed(t *testing.T) { //nolint:paralleltest // compiling takes all processors
	skipUnlessPlanted(t, "rules")
	for _, m := range brokenRules() { //nolint:paralleltest // as above
		t.Run(strings.ReplaceAll(m.rule, "/", " "), func(t *testing.T) {
			if m.test != "" {
				out, err := runBroken(t, m.pkg, buildBroken(t, m.pkg, m.patch), oneCheck(), "-test.run", m.test)
				if err == nil || !bytes.Contains(out, []byte("--- FAIL: Test")) {
					t.Errorf("%s of %s does not notice: %v\n%s", m.test, m.pkg, err, out)
				}
			}
			if m.program == "" {
				return
			}
			proof := "^TestEngineProof$/^" + strings.ReplaceAll(m.program, " ", "_") + "$"
			binary, noticed := buildBroken(t, "./replaytest", m.patch), ""
			for range 5 { // some bugs need two operations to come at the same time
				out, err := runBroken(t, "./replaytest", binary, oneCheck(), "-test.run", proof)
				if err != nil && bytes.Contains(out, []byte("--- FAIL: TestEngineProof/")) {
					noticed = alarm(out)
					break
				}
			}
			if noticed == "" {
				t.Fatalf("Explore over %q does not notice", m.program)
			}
			t.Logf("\n| %s: %s | %s | %s |", m.rule, m.how, m.test, noticed)
		})
	}
}

// alarm is the line of the output of a test that says what was noticed.
func alarm(out []byte) string {
	for line := range strings.Lines(string(out)) {
		for _, by := range []string{"replaytest: ", "proof: got"} {
			if _, what, ok := strings.Cut(line, by); ok && !strings.Contains(what, "schedules: ") {
				return strings.TrimSpace(what)
			}
		}
	}
	return "it failed"
}
