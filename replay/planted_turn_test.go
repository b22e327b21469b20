package replay_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// brokenTurn is a rule of the turn, or of what the machine does with it, whose line is deleted or
// changed: a trace must change, or the execution of one must hang or race.
type brokenTurn struct {
	rule  string
	patch string // a file of testdata/mutants
	// trace is one of those that notice it.
	trace  string
	always bool
}

func brokenTurns() []brokenTurn {
	return []brokenTurn{
		{rule: "a change wakes all who wait for it", patch: "turn-wake-lost", trace: "wake-two"},
		{rule: "an acknowledgement wakes all who wait for it", patch: "turn-wake-lost-on-ack", trace: "exclusive-branches"},
		{rule: "an invocation is at rest only when nothing is off", patch: "turn-rest-one-event-early", trace: "poll-while-busy"},
		{rule: "a strand is resumed once", patch: "turn-strand-resumed-twice", trace: ""},
		{rule: "one strand has the turn", patch: "turn-two-at-once", trace: ""},
		{rule: "what was off is on again", patch: "off-not-taken-back", trace: "rest-pending"},
		{rule: "branches end in the order of their causes", patch: "turn-order-by-arrival", trace: "outage-select", always: true},
		{rule: "strands are woken in the order of the ends", patch: "turn-wake-order-by-arrival", trace: "events-one-at-a-time"},
		{rule: "equal ends: the index decides", patch: "turn-tie-broken-backwards", trace: "equal-ends"},
		{rule: "children unwind before their parents", patch: "turn-unwinds-parents-first", trace: "ending-children-first"},
		{rule: "a look-ahead says nothing", patch: "turn-look-ahead-speaks", trace: "look-ahead-log"},
		{rule: "a look-ahead begins nothing", patch: "turn-look-ahead-begins", trace: ""},
		{rule: "the deciding end is tied to the batch's", patch: "turn-deciding-end-not-tied", trace: "ends-with-decision"},
		{rule: "rules first, bodies after", patch: "turn-bodies-not-last", trace: "outage-charge-before-limit"},
		{rule: "bodies begin in the order of the claims", patch: "turn-bodies-against-claims", trace: "slots-in-claim-order"},
		{rule: "the START of a body that never began is withdrawn", patch: "turn-start-not-withdrawn", trace: "start-withdrawn"},
		{rule: "the START of a future is not withdrawn", patch: "turn-future-withdrawn", trace: "start-withdrawn-last"},
		{rule: "what has not begun is not unknown", patch: "turn-not-begun-counts-as-unknown", trace: "start-withdrawn-unbegun"},
		{rule: "losers unwind after the acknowledgement", patch: "turn-losers-unwound-early", trace: ""},
		{rule: "a batch is not asked while something in it moves", patch: "turn-batch-asked-while-moving", trace: "moving-work"},
		{rule: "what a branch waits for moves, too", patch: "turn-joined-does-not-move", trace: "moving-joined"},
		{rule: "of batches with equal ends the deeper one counts", patch: "turn-outer-batch-first", trace: "which-batch-deeper"},
		{rule: "the batch with the earliest end counts", patch: "turn-later-batch-first", trace: "outage-nested-late"},
		{rule: "what is not acknowledged ends in the order queued, and later", patch: "turn-unacknowledged-is-first", trace: ""},
		{rule: "the end of a group is no cause", patch: "turn-group-end-is-cause", trace: "outage-race-deep"},
		{rule: "a decision is durable before losers are undone", patch: "turn-settlement-not-awaited", trace: "saga-losers"},
		{rule: "one call at a time", patch: "turn-calls-not-one-at-a-time", trace: "calls-one-in-flight"},
		{rule: "a full call is handed over at once", patch: "turn-full-call-waits", trace: ""},
		{rule: "started follows the bound", patch: "turn-started-without-bound", trace: "progress-started"},
		{rule: "places of the ended are given back", patch: "turn-places-not-given-back", trace: ""},
		{rule: "who blocks loses the turn", patch: "turn-blocked-keeps-the-turn", trace: "blocking"},
		{rule: "only the innermost scope may call", patch: "turn-nested-scope-callable", trace: "misuse-outer"},
		{rule: "what has ended unseen is not opened up", patch: "turn-ended-unseen-opened", trace: "saga-ended-unseen"},
		{rule: "one grace, then the answer", patch: "turn-grace-forgotten", trace: "answering-grace"},
		{rule: "an exit fails the invocation", patch: "turn-exit-unnoticed", trace: "guard-goexit"},
	}
}

// TestPlantedTurns breaks one rule of the turn after the other, as TestPlantedBugs does, and plays
// the traces: one must change. A few rows run by default, all if PERDURE_PLANTED is "turn" or
// "all", none with -short.
func TestPlantedTurns(t *testing.T) { //nolint:paralleltest // compiling takes all processors
	if testing.Short() {
		t.Skip("compiles the engine once per rule")
	}
	which := os.Getenv("PERDURE_PLANTED")
	all := which == "all" || which == "turn"
	changed := regexp.MustCompile(`--- FAIL: TestTraces/(\S+)`)
	for _, m := range brokenTurns() { //nolint:paralleltest // as above
		if !all && !m.always {
			continue
		}
		t.Run(m.rule, func(t *testing.T) {
			only := "^TestTraces$"
			if !all && m.trace != "" {
				only += "/^" + m.trace + "$"
			}
			out, err := runBroken(t, ".", buildBroken(t, ".", m.patch), oneCheck(), "-test.run", only)
			if err == nil {
				t.Fatal("no trace changes")
			}
			var names []string
			for _, found := range changed.FindAllSubmatch(out, -1) {
				names = append(names, string(found[1]))
			}
			noticed := strings.Join(names, ", ")
			if len(names) == 0 {
				for _, sign := range []string{"deadlock", "DATA RACE", "panic:", "timed out"} {
					if bytes.Contains(out, []byte(sign)) {
						noticed = sign
						break
					}
				}
			}
			if noticed == "" {
				t.Fatalf("the traces did not fail but end: %v\n%s", err, out)
			}
			t.Logf("\n| %s | %s | %s |", m.rule, m.patch, noticed)
		})
	}
}
