package replay_test

import (
	"bytes"
	"cmp"
	"slices"
	"testing"

	"github.com/perdure/perdure/internal/leaks"
)

// mutation breaks the engine on purpose: each property must notice what it is for.
type mutation struct {
	name string
	// patch is the file of testdata/mutants that breaks it.
	patch string
	// property is the test that must fail, checks its PERDURE_CHECKS. It is one of pkg, of this
	// package if that is empty.
	property, checks, pkg string
}

func mutations() []mutation {
	return []mutation{
		{
			name:     "the woken goroutine counts itself",
			property: "^TestParkAndWake$", checks: "0.5",
			patch: "off-not-taken-back",
		},
		{
			name:     "the record is looked up before the lock under which the goroutine parks",
			property: "^TestParkAndWake$", checks: "1",
			patch: "change-lost-before-parking",
		},
		{
			name:     "suspended with something in the queue",
			property: "^TestParkAndWake$", checks: "0.5",
			patch: "suspended-with-a-queue",
		},
		{
			name:     "an update that the reply had is applied again",
			property: "^TestParkAndWake$", checks: "0.5",
			patch: "sent-update-applied-again",
		},
		{
			name:     "a START that is held back is overtaken",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4",
			patch: "held-start-overtaken",
		},
		{
			name:     "a START that is held back is dropped",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4",
			patch: "held-start-dropped",
		},
		{
			name:     "the START of a group after that of its first operation",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4",
			patch: "group-start-after-inner",
		},
		{
			name:     "the identity of a record is not checked",
			property: "^TestDivergence$",
			patch:    "identity-not-checked",
		},
		{
			name:     "rule 3 is off: a new operation before recorded ones",
			property: "^TestDivergence$",
			patch:    "divergence-rule-3-off",
		},
		{
			name:     "rule 4 is off: recorded operations that the code does not reach",
			property: "^TestDivergence$",
			patch:    "divergence-rule-4-off",
		},
		{
			name:     "rule 5 is off: waiting before recorded operations",
			property: "^TestDivergence$",
			patch:    "divergence-rule-5-off",
		},
		{
			name:     "bodies do not wait for the claims of the scopes around them",
			property: "^TestDivergence$",
			patch:    "gate-open",
		},
		{
			name:     "user code can catch a divergence",
			property: "^TestDivergence$",
			patch:    "divergence-caught",
		},
		{
			name:     "a divergence fails an execution that is to be held",
			property: "^TestDivergenceOnHold$",
			patch:    "divergence-not-held",
		},
		{
			name:     "the START of an at-most-once step is not awaited",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4",
			patch: "strict-start-not-awaited",
		},
		{
			name:     "an interruption does not consume the attempt",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4",
			patch: "interruption-consumes-nothing",
		},
		{
			name:     "the first run sees the value of the body",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.2",
			patch: "value-of-the-body-seen",
		},
		{
			name:     "the occurrence of a name is not counted",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4",
			patch: "occurrence-not-counted",
		},
		{
			name:     "an attempt that fails loses the state",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.8",
			patch: "state-lost-by-failure",
		},
		{
			name:     "START of an attempt with a state may travel alone",
			property: "^TestCounterexamples$", checks: "1",
			patch: "state-start-alone",
		},
		{
			name:     "a scope sees the end of a future when it happens",
			property: "^TestCounterexamples$", checks: "1",
			patch: "future-seen-when-it-happens",
		},
		{
			name:     "an invocation that fails leaves a goroutine behind",
			property: "^TestErrorOfTheServiceAtEachCall$", checks: "1",
			patch: "goroutine-left",
		},
		{
			name:     "a strict body does not wait for relaxed results",
			property: "^TestRelaxedSteps", checks: "0.1", pkg: "./replaytest",
			patch: "barrier-missing",
		},
		{
			name:     "a strict body waits for the relaxed results of its own branch only",
			property: "^TestRelaxedSteps", checks: "0.1", pkg: "./replaytest",
			patch: "barrier-of-own-branch",
		},
		{
			name:     "operations are named by their position",
			property: "^TestUnchangedProgramsNeverDiverge$|^TestDivergence$", checks: "0.1",
			patch: "named-by-position",
		},
	}
}

// Each property fails when what it is about is broken: it runs against copies of the engine, each
// with one fault, that the compiler puts in the place of the real files. Without a fault it passes.
//
// It runs if PERDURE_PLANTED is "properties" or "all".
func TestPropertiesNoticeBrokenEngines(t *testing.T) { //nolint:paralleltest // compiling takes all processors
	skipUnlessPlanted(t, "properties")
	passes, sound := make(map[string]bool), make(map[string]string)
	whole := t                      // its folders outlive the rows
	for _, m := range mutations() { //nolint:paralleltest // as above
		t.Run(m.name, func(t *testing.T) {
			pkg := cmp.Or(m.pkg, ".")
			if key := m.property + m.checks; !passes[key] {
				if sound[pkg] == "" {
					sound[pkg] = buildBroken(whole, pkg, "")
				}
				if out, err := m.run(t, sound[pkg]); err != nil {
					t.Fatalf("the property does not hold for the engine as it is: %v\n%s", err, out)
				}
				passes[key] = true
			}
			out, err := m.run(t, buildBroken(t, pkg, m.patch))
			if err == nil {
				t.Fatalf("%s does not notice", m.property)
			}
			signs := []string{"--- FAIL: Test", "panic:", "DATA RACE", leaks.Left}
			if !slices.ContainsFunc(signs, func(sign string) bool { return bytes.Contains(out, []byte(sign)) }) {
				t.Fatalf("%s did not fail but end: %v\n%s", m.property, err, out)
			}
		})
	}
}

// run runs the property with a few checks.
func (m mutation) run(t *testing.T, binary string) ([]byte, error) {
	t.Helper()
	return runBroken(t, cmp.Or(m.pkg, "."), binary, []string{"PERDURE_CHECKS=" + m.checks}, "-test.run", m.property, "-test.failfast")
}
