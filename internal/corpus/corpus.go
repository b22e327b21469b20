// Package corpus keeps recorded histories of several versions of a function, and compares the code
// of each version with the histories of all of them: for tests.
//
// A change of code that executions meet is right or wrong for what they have recorded, so the
// histories stay as they were written. Code that is changed later is compared with all of them.
package corpus

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/oldlogs"
	"github.com/perdure/perdure/replay/replaytest"
)

// Variable is the name of a version whose histories are to be recorded: those that it has are
// written again. Do that only as long as no history of it was ever committed.
const Variable = "PERDURE_RECORD_HISTORIES"

// Function is a durable function.
type Function interface {
	local.Handler
	replaytest.Rehearser
}

// Version is the code of a function at some time.
type Version struct {
	// Name is that of the folder of its histories. A version without histories is one that was
	// never deployed.
	Name string
	// Change says what was changed against the version before.
	Change string
	// New makes the function of one execution.
	New func() Function
	// Says lists, by the version that recorded the histories, what [replaytest.Compatible] says of
	// them: each of its messages holds one of the texts, and each text is in one of them. The
	// histories of a version that is not listed are compatible.
	Says map[string][]string
	// Undeployed says that the version has no histories.
	Undeployed bool
}

// Case is an input of the function, and how its callbacks are answered.
type Case struct {
	Name, Input string
	Outside     oldlogs.Outside
}

// Test compares the code of each version with the histories of each, in a folder of dir for each
// version.
func Test(t *testing.T, dir string, versions []Version, cases []Case) { //nolint:tparallel // its callers do
	t.Helper()
	if name := os.Getenv(Variable); name != "" {
		i := slices.IndexFunc(versions, func(v Version) bool { return v.Name == name && !v.Undeployed })
		if i < 0 {
			t.Fatalf("%s: there is no version %q to record", Variable, name)
		}
		for _, c := range cases {
			if err := record(t, filepath.Join(dir, name, c.Name+".json"), versions[i].New(), c); err != nil {
				t.Fatalf("record %s of version %s: %v", c.Name, name, err)
			}
		}
	}
	compared := 0
	for _, of := range versions {
		if of.Undeployed {
			continue
		}
		histories := make([]replaytest.History, len(cases))
		for i, c := range cases {
			read, err := replaytest.ReadHistories(os.DirFS(filepath.Join(dir, of.Name)), c.Name+".json")
			if err != nil {
				t.Fatalf("%v; to record version %s: %s=%[2]s go test", err, of.Name, Variable)
			}
			histories[i] = read[0]
			compared += len(read[0].Events) * len(versions)
		}
		for _, code := range versions {
			t.Run(fmt.Sprintf("histories %s, code %s", of.Name, code.Name), func(t *testing.T) {
				t.Parallel()
				r := &recorder{TB: t}
				replaytest.Compatible(r, code.New(), histories)
				compare(t, code.Says[of.Name], r.errs)
			})
		}
	}
	t.Logf("%d versions, %d histories of each, compared at %d events", len(versions), len(cases), compared)
}

// compare compares what was said with what is to be said.
func compare(t *testing.T, want, got []string) {
	t.Helper()
	said := make([]bool, len(want))
	for _, message := range got {
		i := slices.IndexFunc(want, func(text string) bool { return strings.Contains(message, text) })
		if i < 0 {
			t.Errorf("not expected: %s", message)
			continue
		}
		said[i] = true
	}
	for i, text := range want {
		if !said[i] {
			t.Errorf("%q is in none of:\n%s", text, strings.Join(got, "\n"))
		}
	}
}

// recorder is a test that keeps what is reported.
type recorder struct {
	testing.TB

	errs []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, a ...any) {
	r.errs = append(r.errs, fmt.Sprintf(format, a...))
}

func (r *recorder) Fatalf(format string, a ...any) { r.Errorf(format, a...) }

// record runs an execution to its end and writes its history into a file.
func record(tb testing.TB, file string, f Function, c Case) error {
	tb.Helper()
	ctx := tb.Context()
	clock := local.NewVirtualClock(time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC))
	svc := local.New(local.WithClock(clock))
	defer svc.Close()
	if err := svc.Host("function", f); err != nil {
		return err
	}
	e, err := svc.Start(ctx, "function", c.Name, []byte(c.Input))
	if err != nil {
		return err
	}
	for !e.Status().Terminal() {
		if err := e.RunUntilSuspended(ctx); err != nil {
			return err
		}
		answered, err := answer(svc, clock, e, c.Outside)
		if err != nil {
			return err
		}
		if at, ok := clock.Next(); ok && !answered {
			svc.Advance(at.Sub(clock.Now()))
		}
	}
	text, err := json.MarshalIndent(replaytest.HistoryOf(e), "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil { //nolint:gosec // the test names the file
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600) //nolint:gosec // see above
}

// answer answers the callbacks that are open, and reports whether there were any.
func answer(svc *local.Service, clock *local.VirtualClock, e *local.Execution, outside oldlogs.Outside) (answered bool, err error) {
	for _, o := range e.Operations() {
		if o.Kind != checkpoint.KindCallback || o.Status != checkpoint.StatusStarted || outside == nil {
			continue
		}
		a, ok := outside(o, 0, clock.Now())
		if !ok {
			continue
		}
		if clock.AdvanceTo(a.At); a.Failure != nil {
			err = svc.FailCallback(o.CallbackID, *a.Failure)
		} else {
			err = svc.CompleteCallback(o.CallbackID, a.Result)
		}
		if err != nil {
			return answered, err
		}
		answered = true
	}
	return answered, nil
}
