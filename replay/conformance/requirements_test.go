package conformance_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/perdure/perdure/replay/conformance"
)

const directory = "CONFORMANCE_REQUIREMENTS"

// seed makes the random variables of a run. Each requirement has values of its own all the same.
const seed = 20260821

// requirements reads the requirements, or skips the test.
func requirements(t *testing.T) []*conformance.Requirement {
	t.Helper()
	dir := os.Getenv(directory)
	if dir == "" {
		t.Skipf("%s is not set: it names the directories of the requirements, <suite>/<id>.yaml", directory)
	}
	var dirs []fs.FS
	for _, dir := range filepath.SplitList(dir) {
		dirs = append(dirs, os.DirFS(dir))
	}
	all, err := conformance.ReadAll(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRequirements(t *testing.T) {
	t.Parallel()
	var tab table
	t.Cleanup(func() { t.Log("\n" + tab.String()) })
	for _, q := range requirements(t) {
		t.Run(q.Suite+"/"+q.ID, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { tab.add(q, t.Failed(), t.Skipped()) })
			if q.Err != nil {
				t.Fatal(q.Err)
			}
			if why := notJudged(q); why != "" {
				tab.skip(q, why)
				t.Skip(why)
			}
			o, problems := judge(t, q, conformance.InProcess{})
			if o.Exits > 0 || os.Getenv(everywhere) != "" {
				tab.hosted(q)
				_, more := judge(t, q, processes(t))
				problems = append(problems, more...)
			}
			if q.Optional && len(problems) > 0 {
				why := "optional, and not met: " + problems[0]
				tab.skip(q, why)
				t.Skip(why)
			}
			for _, p := range problems {
				t.Error(p)
			}
		})
	}
}

// judge judges a requirement's function on a host.
func judge(t *testing.T, q *conformance.Requirement, h conformance.Host) (*conformance.Observation, []string) {
	t.Helper()
	problems, o, err := conformance.Judge(t.Context(), h, q, seed)
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) > 0 {
		t.Logf("%s\n%s, result %s\n%s%s", q.Description, o.Status, o.Result, conformance.Outline(o.History), lines(o.Logs))
	}
	return o, problems
}

// everywhere is the variable that has all functions run in processes of their own as well, in real
// time. Otherwise those do that end their process.
const everywhere = "CONFORMANCE_PROCESSES"

func processes(t *testing.T) conformance.Processes {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return conformance.Processes{Program: self}
}

// TestMain is the main function of the tests, and of the functions in processes of their own.
func TestMain(m *testing.M) {
	conformance.Main()
	os.Exit(m.Run())
}

// notJudged says why a requirement cannot be judged here.
func notJudged(q *conformance.Requirement) string {
	if why := notYet()[q.ID]; why != "" {
		return "not yet: " + why
	}
	return ""
}

// notYet says why requirements are not met so far.
func notYet() map[string]string {
	return map[string]string{}
}

func lines(logs []conformance.Record) string {
	var b strings.Builder
	for _, r := range logs {
		fmt.Fprintln(&b, r.Time, r.Arrival, r.Fields)
	}
	return b.String()
}

// table counts how requirements were judged, by suite.
type table struct {
	mu     sync.Mutex
	suites []string
	rows   map[string]*row
}

type row struct {
	passed, failed, skipped int
	// processes counts those that ran in processes of their own.
	processes int
	notes     []string
}

func (tab *table) row(suite string) *row {
	if tab.rows == nil {
		tab.rows = make(map[string]*row)
	}
	if tab.rows[suite] == nil {
		tab.rows[suite] = &row{}
		tab.suites = append(tab.suites, suite)
	}
	return tab.rows[suite]
}

func (tab *table) skip(q *conformance.Requirement, why string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	r := tab.row(q.Suite)
	r.notes = append(r.notes, q.ID+" skipped: "+why)
}

func (tab *table) hosted(q *conformance.Requirement) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.row(q.Suite).processes++
}

func (tab *table) add(q *conformance.Requirement, failed, skipped bool) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	r := tab.row(q.Suite)
	switch {
	case failed:
		r.failed++
		r.notes = append(r.notes, q.ID+" failed")
	case skipped:
		r.skipped++
	default:
		r.passed++
	}
}

func (tab *table) String() string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "suite\tpassed\tfailed\tskipped\talso as processes\t")
	slices.Sort(tab.suites)
	var sum row
	for _, name := range tab.suites {
		r := tab.rows[name]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\n", name, r.passed, r.failed, r.skipped, r.processes, strings.Join(r.notes, "; "))
		sum.passed, sum.failed, sum.skipped = sum.passed+r.passed, sum.failed+r.failed, sum.skipped+r.skipped
		sum.processes += r.processes
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%d\t%d\t\n", sum.passed, sum.failed, sum.skipped, sum.processes)
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return b.String()
}
