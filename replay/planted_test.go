package replay_test

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// planted is a bug that the tests of programs by hand do not notice, and Explore does.
type planted struct {
	// name says what is wrong, how when: rarely enough that only Explore comes there.
	name, how string
	// program is one of the corpus that notices it.
	program string
	// always: the bug is planted also when no one asks for all of them.
	always bool
	// patch is the file of testdata/mutants that plants it.
	patch string
}

func plantedBugs() []planted {
	return []planted{
		{
			name:    "a result is lost when a branch suspends while another completes",
			how:     "the last two updates are dropped if two branches are waiting already",
			program: "a wait beside steps",
			always:  true,
			patch:   "planted-result-lost-beside-waits",
		},
		{
			name:    "suspended with nothing pending after a retry of a step",
			how:     "a third attempt that was cut off counts as one that the service has yet to begin",
			program: "retries",
			patch:   "planted-third-attempt-pending",
		},
		{
			name:    "the records of later state pages are ignored",
			how:     "all but the first one of those that follow a reply on further pages",
			program: "asked, and refused",
			patch:   "planted-later-pages-ignored",
		},
		{
			name:    "the identity of a record is not checked",
			how:     "the sub-type of steps, which distinguishes a condition from a step",
			program: "a copy for other code",
			patch:   "planted-subtype-of-steps-not-checked",
		},
		{
			name:    "the START of an at-most-once step is not awaited",
			how:     "that of the fourth attempt and later ones",
			program: "at most once, four times",
			patch:   "planted-fourth-start-not-awaited",
		},
		{
			name:    "a crash does not consume the attempt",
			how:     "the fourth and later ones of an at-most-once step",
			program: "at most once, four times",
			patch:   "planted-fourth-crash-consumes-nothing",
		},
		{
			name:    "FLAT results over 256 KiB are lost",
			how:     "if the batch ends in another invocation than it began in, one that follows a crash",
			program: "large flat map",
			patch:   "planted-large-flat-lost",
		},
		{
			name:    "an abandoned branch writes how its step ended",
			how:     "if the body fails by itself, and not because its context has ended",
			program: "a step against its retries",
			patch:   "planted-abandoned-writes",
		},
		{
			name:    "a START is overtaken by a later one",
			how:     "one that is held back, by that of an invoke",
			program: "an invoke beside a step",
			patch:   "planted-start-overtaken-by-invoke",
		},
		{
			name:    "a woken goroutine counts itself",
			how:     "one that was waiting for the rest of the log to be claimed",
			program: "the time of a future",
			patch:   "planted-gate-wakes-one",
		},
	}
}

// ordinary skips what draws programs at random, or interrupts them at all places, and the tests of
// such tests.
const ordinary = "^(TestRunThroughEqualsInterrupted|TestUnchangedProgramsNeverDiverge|TestParkAndWake|TestRandomTreesEqualTheReference|" +
	"TestIDsDoNotDependOnScheduling|TestSagaAtEveryCrashPoint|TestCounterexamples|TestPropertiesNoticeBrokenEngines|TestPlantedBugs)$"

// The kit's explorer finds bugs that the other tests of the engine do not. Each is planted in a
// copy of the engine that the compiler puts in the place of the real one, and must be found by
// Explore.
//
// Explore runs over the one program of the corpus that is known to notice the bug: a few bugs by
// default, none with -short. With PERDURE_PLANTED=all it runs over the corpus until it finds
// something, the ordinary suite runs over each broken engine and must pass, and the rows of the
// table in docs/testing.md are printed.
func TestPlantedBugs(t *testing.T) { //nolint:paralleltest // compiling takes all processors
	if testing.Short() {
		t.Skip("compiles the engine once per bug")
	}
	all := os.Getenv("PERDURE_PLANTED") == "all"
	for _, m := range plantedBugs() { //nolint:paralleltest // as above
		if !all && !m.always {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			passes := "not run"
			if all {
				for _, pkg := range m.suite(t) {
					out, err := runBroken(t, pkg, buildBroken(t, pkg, m.patch), oneCheck(), "-test.skip", ordinary)
					if err != nil {
						t.Fatalf("the ordinary suite of %s notices: %v\n%s", pkg, err, out)
					}
				}
				passes = "passes"
			}
			proof := "^TestEngineProof$"
			if !all {
				proof += "/^" + strings.ReplaceAll(m.program, " ", "_") + "$"
			}
			schedules, line := m.explore(t, buildBroken(t, "./replaytest", m.patch), proof)
			t.Logf("\n| %s: %s | %s | %d | %s |", m.name, m.how, passes, schedules, line)
		})
	}
}

// suite are the packages whose tests are to pass: those of the engine, and of what the bug is
// planted in.
func (m planted) suite(t *testing.T) []string {
	t.Helper()
	suite := []string{"."}
	for _, h := range readPatch(t, m.patch) {
		if dir := "../" + path.Dir(h.file); dir != "../replay" && !slices.Contains(suite, dir) {
			suite = append(suite, dir)
		}
	}
	return suite
}

// explore runs the proof over the broken engine until it notices, and returns how many schedules
// that took and the one that it stopped at, which must fail alone, too. What some bugs do depends
// on which of two bodies ends first: such an engine may fail at a schedule once in a hundred runs,
// so a schedule that does not fail again is reported, and the proof runs again.
func (m planted) explore(t *testing.T, binary, proof string) (schedules int, line string) {
	t.Helper()
	const tries = 10
	tally := regexp.MustCompile(`proof: \d+ programs, (\d+) schedules`)
	alarm := regexp.MustCompile(`replaytest\.WithSchedule\("(.*)"\)`)
	failed := regexp.MustCompile(`--- FAIL: TestEngineProof/(\S+)`)
	var once []byte
	for range tries {
		out, err := runBroken(t, "./replaytest", binary, oneCheck(), "-test.run", proof, "-test.parallel", "1", "-test.v")
		found := tally.FindSubmatch(out)
		if found == nil {
			t.Fatalf("there is no proof: %v\n%s", err, out)
		}
		n, bad := strconv.Atoi(string(found[1]))
		if bad != nil {
			t.Fatal(bad)
		}
		schedules += n
		if err == nil {
			continue
		}
		program := failed.FindSubmatch(out)
		if found = alarm.FindSubmatch(out); found == nil || program == nil {
			return schedules, "none: an execution that nothing interrupts fails"
		}
		line, alone := string(found[1]), "^TestEngineProof$/^"+regexp.QuoteMeta(string(program[1]))+"$"
		for range tries {
			_, err = runBroken(t, "./replaytest", binary, append(oneCheck(), "PERDURE_SCHEDULE="+line), "-test.run", alone)
			if err != nil {
				return schedules, "`" + line + "`"
			}
		}
		t.Logf("Explore stopped at %q, which did not fail alone in %d runs", line, tries)
		once = out
	}
	if once != nil {
		t.Fatalf("no schedule that Explore stopped at failed alone; the last one did so in\n%s", once)
	}
	t.Fatalf("Explore does not notice in %d schedules", schedules)
	return 0, ""
}

func oneCheck() []string { return []string{"PERDURE_CHECKS=1"} }
