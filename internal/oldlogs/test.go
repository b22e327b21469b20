package oldlogs

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Record is the environment variable with which [Test] writes the histories that are missing. What
// is written is what the engine of the moment does: it must be the engine whose logs are to be
// kept, and no other. A history that is there is never written again: it stands for executions that
// run.
const Record = "PERDURE_RECORD_LOGS"

// Expected is what a test expects beside the histories.
type Expected struct {
	// Logs is how many logs there are at least, so that none gets lost.
	Logs int
	// Exceptions are the logs that the engine of today rightly ends in another way.
	Exceptions []Exception
	// Envelopes, unless empty, says why the payloads of batches may hold more than those of the
	// histories. What they have held they must still hold. The test fails if none does.
	Envelopes string
	// Names, unless empty, says why built-in errors may have names with a prefix. The test fails if
	// none has.
	Names string
	// Winners, unless empty, says why another branch may have decided a batch than in the
	// histories. The test fails if none has.
	Winners string
	// Callbacks, unless empty, says why errors may name the callback that they are of, which they do
	// not in the histories. The test fails if none does.
	Callbacks string
}

// Test runs programs along the histories in a directory. From every cut, the engine of today must
// end the execution as the engine of the history has ended it, with the same operations, and
// without running a body whose result is in the log. From the beginning, it must write the updates
// of the history byte by byte, in the order of the history within each ordered scope; in which
// calls they travel is not compared.
func Test(t *testing.T, dir string, programs []Program, want Expected) { //nolint:tparallel // its callers do
	t.Helper()
	files := orphans(t, dir, programs)
	s := &sum{logs: make(map[string]bool), used: make([]atomic.Bool, len(want.Exceptions))}
	like := &likeness{
		envelopes: want.Envelopes != "", grown: new(atomic.Bool), winners: want.Winners != "", moved: new(atomic.Bool),
		names: want.Names != "", prefixed: new(atomic.Bool),
		callbacks: want.Callbacks != "", named: new(atomic.Bool),
	}
	t.Cleanup(func() { s.report(t, want, like) })
	for _, p := range programs {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			h := read(t, dir, p, files)
			c := checker{t: t, p: p, h: h, like: like, sum: s, want: want}
			c.check()
		})
	}
}

// orphans reads the names of the files of a directory, and reports those that no program has.
func orphans(t *testing.T, dir string, programs []Program) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	files := make(map[string]bool)
	for _, e := range entries {
		files[e.Name()] = true
		if !slices.ContainsFunc(programs, func(p Program) bool { return fileOf(p) == e.Name() }) {
			t.Errorf("%s: no program has this name: executions of one that is gone cannot be ended", filepath.Join(dir, e.Name()))
		}
	}
	return files
}

// fileOf is the name of the file of a program.
func fileOf(p Program) string {
	return strings.NewReplacer(" ", "-", ",", "", "/", "-").Replace(p.Name) + ".jsonl"
}

// read reads the history of a program. One that is missing is written if that is asked for.
func read(t *testing.T, dir string, p Program, files map[string]bool) *history {
	t.Helper()
	name := filepath.Join(dir, fileOf(p))
	if !files[filepath.Base(name)] {
		if os.Getenv(Record) == "" {
			t.Fatalf("%s: there is no history of the program; %s=1 writes one, with the engine as it is now: "+
				"do so only for a program that is new", name, Record)
		}
		h, err := write(t.Context(), p)
		if err != nil {
			t.Fatalf("the program cannot be recorded: %v", err)
		}
		file, err := h.encode()
		if err == nil {
			err = errors.Join(os.MkdirAll(dir, 0o750), os.WriteFile(name, file, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(name) //nolint:gosec // G304: the histories of the caller
	if err != nil {
		t.Fatal(err)
	}
	h, err := decode(file)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if h.head.Program != p.Name || h.head.Racy != p.Racy {
		t.Fatalf("%s is of program %q (racy: %q), want %q (racy: %q)", name, h.head.Program, h.head.Racy, p.Name, p.Racy)
	}
	return h
}

// checker checks one program.
type checker struct {
	t    *testing.T
	p    Program
	h    *history
	like *likeness
	sum  *sum
	want Expected
}

func (c *checker) check() {
	c.t.Helper()
	base, err := c.h.results(c.t.Context(), c.p)
	if err != nil {
		c.t.Fatalf("the calls of the history are not accepted any more: %v", err)
	}
	c.straight(base)
	seen := make(map[string]bool)
	for _, at := range c.h.everyCut() {
		x, err := play(c.t.Context(), c.p, c.h, at, nil)
		if x == nil || x.exec == nil {
			c.t.Fatalf("cut at %s: %v", at.name, err)
		}
		problems := c.h.judge(at, x.machine, base, c.like)
		if err != nil {
			problems = append([]string{err.Error()}, problems...)
		}
		c.report(at.name, problems)
		seen[x.given] = true
	}
	delete(seen, "") // the execution had ended
	c.sum.add(c.p.Name, seen)
}

// straight checks an execution from its beginning.
func (c *checker) straight(base results) {
	c.t.Helper()
	var input []byte
	if c.h.head.Input != nil {
		input = []byte(*c.h.head.Input)
	}
	r, err := record(c.t.Context(), c.p, input, c.h.answerTo, nil)
	if r == nil || r.exec == nil {
		c.t.Fatal(err)
	}
	problems := c.h.judge(cut{name: uncut}, r.machine, base, c.like)
	problems = append(problems, c.h.compare(trafficOf(r.moments), c.like)...)
	if err != nil {
		problems = append([]string{err.Error()}, problems...)
	}
	if r.exec.ARN() != c.h.head.ARN {
		problems = append(problems, fmt.Sprintf("the ARN is %s, want %s", r.exec.ARN(), c.h.head.ARN))
	}
	c.report(uncut, problems)
}

// report fails the test, unless there are no problems or they are an exception.
func (c *checker) report(at string, problems []string) {
	c.t.Helper()
	if len(problems) == 0 {
		return
	}
	for i, e := range c.want.Exceptions {
		if e.Program == c.p.Name && e.Cut == at {
			c.sum.used[i].Store(true)
			return
		}
	}
	where := "the log of " + c.h.head.Engine + ", cut at " + at
	if at == uncut {
		where = "from the beginning, compared with " + c.h.head.Engine
	}
	c.t.Errorf("program %q, %s:\n%s", c.p.Name, where, strings.Join(problems, "\n"))
}

// sum adds up what was checked.
type sum struct {
	mu       sync.Mutex      // guards what follows
	logs     map[string]bool // by program and digest
	programs int
	used     []atomic.Bool // exceptions; not guarded
}

func (s *sum) add(program string, logs map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.programs++
	for log := range logs {
		s.logs[program+" "+log] = true
	}
}

// report says how much was checked, and what is not as expected when all programs have run.
func (s *sum) report(t *testing.T, want Expected, like *likeness) {
	t.Helper()
	t.Logf("%d logs of %d programs", len(s.logs), s.programs)
	if selected() {
		return // not all have run
	}
	if len(s.logs) < want.Logs {
		t.Errorf("%d logs, want at least %d: which histories are shorter than they were?", len(s.logs), want.Logs)
	}
	for i, e := range want.Exceptions {
		if !s.used[i].Load() {
			t.Errorf("the exception for program %q, cut at %q (%s), is of no use: the log is ended as its history says", e.Program, e.Cut, e.Reason)
		}
	}
	if want.Envelopes != "" && !like.grown.Load() {
		t.Errorf("no payload of a batch has grown, although %s", want.Envelopes)
	}
	if want.Names != "" && !like.prefixed.Load() {
		t.Errorf("no built-in error has another name, although %s", want.Names)
	}
	if want.Callbacks != "" && !like.named.Load() {
		t.Errorf("no error names its callback, although %s", want.Callbacks)
	}
	if want.Winners != "" && !like.moved.Load() {
		t.Errorf("no batch was decided by another branch, although %s", want.Winners)
	}
}

// selected reports whether -run chooses some of the programs.
func selected() bool {
	f := flag.Lookup("test.run")
	return f != nil && strings.Contains(f.Value.String(), "/")
}
