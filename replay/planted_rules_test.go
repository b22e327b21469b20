package replay_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// brokenRule is a rule of the engine or of the service that is broken on purpose, and who must notice. The rule
// is what stays when the code is written anew: the patches then go to where that keeps it.
type brokenRule struct {
	rule, how string
	patches   []patch
	// test is a test of the ordinary suite, of pkg, that notices; program is one of the corpus over which
	// Explore does. Each may be empty, not both.
	test, pkg string
	program   string
	always    bool
}

func brokenRules() []brokenRule {
	return []brokenRule{
		{
			rule: "a state travels with the START that clears it", how: "not if a call is full between the two",
			patches: []patch{{"checkpoint/writer.go", "\tif n > 1 && n < len(w.queue) && w.queue[n-1].tied {\n\t\tn--\n\t}\n", ""}},
			test:    "^TestStateTravelsWithItsAttemptInAFullCall$", pkg: ".",
		},
		{
			rule: "every change that a reply tells of wakes who waits for it", how: "the first 64 alone",
			patches: []patch{{"replay/invocation.go", "\tfor _, op := range changed {\n\t\tinv.notify(op.ID)", "\tfor _, op := range changed[:min(64, len(changed))] {\n\t\tinv.notify(op.ID)"}},
			test:    "^TestEveryChangeOfAReplyIsNoticed$", pkg: ".",
		},
		{
			rule: "events are numbered without gaps", how: "those after the 100th of a call have its number",
			patches: []patch{{"checkpoint/local/draft.go", "ev.ID = len(d.e.events) + len(d.events) + 1", "ev.ID = len(d.e.events) + min(len(d.events), 99) + 1"}},
			test:    "^TestEventsAreNumbered$", pkg: "../checkpoint/local",
		},
		{
			rule: "how a batch ended is durable before its losers are undone", how: "it is queued, and nobody waits",
			patches: []patch{{"replay/undo.go", "\t\tinv.awaitAck(b.t, b.s, b.operation, b.settle(e))\n", "\t\tb.settle(e)\n"}},
			test:    "^TestOutcomeIsDurableBeforeLosersAreUndone$", pkg: ".", program: "two may win", always: true,
		},
		{
			rule: "the last operation is undone first", how: "the second one comes first if there are more than three",
			patches: []patch{{
				"replay/undo.go", "\tfor i := range slices.Backward(list) {\n\t\tif steps[i] == nil {\n\t\t\tcontinue\n\t\t}\n",
				"\tfor i := range slices.Backward(list) {\n\t\tif n := len(list); n > 3 && i >= n-2 {\n\t\t\ti = 2*n - 3 - i\n\t\t}\n\t\tif steps[i] == nil {\n\t\t\tcontinue\n\t\t}\n",
			}},
			test: "^TestLastIsUndoneFirst$", pkg: ".", program: "a saga of five",
		},
		{
			rule: "the last branch is undone first", how: "the branches of a batch are undone from the first on",
			patches: []patch{{
				"replay/undo.go", "\tvar list []undo\n\tfor _, k := range b.kids {\n\t\tif k.b == nil {", "\tvar list []undo\n\tfor _, k := range slices.Backward(b.kids) {\n\t\tif k.b == nil {",
			}},
			test: "^TestLastIsUndoneFirst$", pkg: ".", program: "five branches, then a failure",
		},
		{
			rule: "a place among running bodies goes to who still waits for one", how: "it goes to a branch that was left behind",
			patches: []patch{{"replay/slots.go", "\t\tif !w.woken {\n\t\t\tw.wake()\n\t\t\treturn\n\t\t}\n", "\t\tif !w.woken {\n\t\t\tw.wake()\n\t\t}\n\t\treturn\n"}},
			program: "a place of one that was left behind",
		},
		{
			rule: "a place among running bodies is not lost with who was woken to take it", how: "if it was left behind by then",
			patches: []patch{{"replay/task.go", "\t\tt.wants.next() // it was woken", "\t\t// it was woken"}},
			test:    "^TestAbandonedBranchesGiveBackTheirSlots$", pkg: ".",
		},
		{
			rule: "who waits beside a body is asked for as long as the body runs", how: "once alone",
			patches: []patch{
				{"replay/poll.go", "\tinv.writer.Poll()\n\tinv.arm()\n", "\tinv.writer.Poll()\n"},
				{"replay/invocation.go", "\tinv.acknowledge()\n\tinv.arm()\n\tinv.settle()\n", "\tinv.acknowledge()\n\tif len(r.Updates) > 0 && inv.poll.at.IsZero() {\n\t\tinv.arm()\n\t}\n\tinv.settle()\n"},
			},
			test: "^TestPollsComeOnlyWhileSomebodyIsBusy$", pkg: ".",
		},
		{
			rule: "a crash consumes the attempt of a step that counts crashes", how: "not the first attempt",
			patches: []patch{{"replay/step.go", "!st.begun && st.strict() {", "!st.begun && st.strict() && (st.conf.Semantics == node.AtMostOnce || rec.Attempt > 0) {"}},
			program: "crashes count, twice",
		},
		{
			rule: "an effect is undone once", how: "a group that succeeds is compensated like one that failed",
			patches: []patch{{"replay/end.go", "\tif err != nil {\n\t\terr = s.compensate(err)\n\t}\n", "\tif err != nil {\n\t\terr = s.compensate(err)\n\t} else if s.parent != nil && !s.readOnly {\n\t\t_ = s.compensate(errEnded)\n\t}\n"}},
			program: "a group that succeeds in one that fails",
		},
		{
			rule: "an Undo is given the result of its operation", how: "nothing if the operation ended in an earlier invocation",
			patches: []patch{{"replay/undo.go", "\tcase u.rec != nil:\n\t\treturn *u.rec\n", "\tcase u.rec != nil && u.rec.Replayed:\n\t\treturn node.Record{Source: u.s}\n\tcase u.rec != nil:\n\t\treturn *u.rec\n"}},
			program: "a step, then a failure",
		},
		{
			rule: "what a group that was abandoned has done is undone", how: "nobody looks into a group that waits",
			patches: []patch{{"replay/undo.go", "\tif k.counted || (!flat && (!ok || rec.Status.Terminal())) {", "\tif k.counted || flat || !ok || rec.Status.Terminal() {"}},
			program: "a step in a group that was abandoned",
		},
	}
}

// TestBrokenRulesAreNoticed breaks one rule after the other in a copy of the engine, as TestPlantedBugs does. The
// test that is for it must fail, and so must Explore over the program that is.
//
// One row runs by default, all if PERDURE_CHECKS is 3 or more or PERDURE_PLANTED is "rules" or "all", none with
// -short.
func TestBrokenRulesAreNoticed(t *testing.T) { //nolint:paralleltest // compiling takes all processors
	if testing.Short() {
		t.Skip("compiles the engine once per rule")
	}
	which := os.Getenv("PERDURE_PLANTED")
	all := which == "all" || which == "rules" || lawChecks(t, 10) >= 30
	for _, m := range brokenRules() { //nolint:paralleltest // as above
		if !all && !m.always {
			continue
		}
		t.Run(strings.ReplaceAll(m.rule, "/", " "), func(t *testing.T) {
			if m.test != "" {
				out, err := runBroken(t, m.pkg, buildBroken(t, m.pkg, m.patches), oneCheck(), "-test.run", m.test)
				if err == nil || !bytes.Contains(out, []byte("--- FAIL: Test")) {
					t.Errorf("%s of %s does not notice: %v\n%s", m.test, m.pkg, err, out)
				}
			}
			if m.program == "" {
				return
			}
			proof := "^TestEngineProof$/^" + strings.ReplaceAll(m.program, " ", "_") + "$"
			binary, noticed := buildBroken(t, "./replaytest", m.patches), ""
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
