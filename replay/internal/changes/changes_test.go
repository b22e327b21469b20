package changes_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/internal/changes"
)

// scenario is one execution and what is deployed under it.
type scenario struct {
	seed uint64
	// as says what is deployed: declared changes one after the other, the same without
	// declarations, the program before and after by way of tolerant ones, the change without its
	// declaration and then with it, or without it alone.
	as       string
	programs [][]*changes.Stmt
	declared []*changes.Stmt // what the last program would be with its declaration
	got      string
	met      map[string]int // what the execution has come across
}

func (s scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %s", s.seed, s.as)
	for i, p := range s.programs {
		fmt.Fprintf(&b, "\n  %d: %s", i, changes.Text(p))
	}
	return b.String()
}

// ways are what may be deployed, as often as it is.
func ways() []string {
	return []string{"declared", "declared", "declared", "declared", "dropped", "tolerant", "tolerant", "held", "undeclared"}
}

// play runs the execution of a seed and returns what is wrong with it; changed reports whether code
// was deployed under it, different whether it is not how the last program alone would end.
func play(ctx context.Context, seed uint64) (s scenario, changed, mixed bool, err error) {
	m := changes.NewMaker(seed)
	r := m.Rand()
	w := newWorld(r)
	defer func() { err = errors.Join(err, w.svc.Close()) }()
	c := code{w}
	s = scenario{seed: seed, as: ways()[r.IntN(len(ways()))], met: make(map[string]int)}
	m.Timers = s.as != "held" // they go on while an execution is held
	s.programs = [][]*changes.Stmt{m.Program()}
	edit := func(n int) []*changes.Stmt {
		p := s.programs[len(s.programs)-1]
		for range n {
			p = m.Change(p)
		}
		return p
	}
	switch s.as {
	case "declared":
		for range 1 + r.IntN(4) {
			s.programs = append(s.programs, edit(1+r.IntN(2)))
		}
	case "dropped":
		declared := edit(1 + r.IntN(4))
		s.programs = [][]*changes.Stmt{declared, changes.Clean(declared)}
	case "tolerant":
		after := edit(1 + r.IntN(3))
		for !changes.Tolerable(after) {
			after = edit(1)
		}
		before := changes.Tolerant(after)
		s.programs = append(s.programs, before, after, before, after)
	case "held":
		after := edit(1 + r.IntN(4))
		s.programs = append(s.programs, changes.Clean(after), after)
	case "undeclared":
		s.declared = edit(1)
		s.programs = append(s.programs, changes.Clean(s.declared))
	}
	at := 0
	var coming []deploy
	for _, p := range s.programs[1:] {
		at += 1 + r.IntN(7)
		if s.as == "held" && len(coming) > 0 {
			at = coming[0].at + 1 + r.IntN(4) // nine invocations that fail are the last ones
		}
		var opts []replay.HandlerOption
		if s.as == "held" {
			opts = append(opts, replay.WithDivergence(replay.DivergenceHold))
		}
		coming = append(coming, deploy{program: p, handler: c.handler(p, opts...), at: at})
	}
	w.bounds = boundsOf(s.programs)
	s.count(m)
	got, err := w.drive(ctx, c.handler(s.programs[0]), coming...)
	if s.as == "undeclared" && errors.Is(err, errDiverged) {
		s.met["an execution is stopped, for a change is not declared"]++
		return s, true, true, nil
	}
	if err != nil {
		return s, true, true, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.got = got
	s.met["deploys under way"] += len(w.logs)
	for path := range w.logOf(w.exec.Operations()).Begun {
		s.met["compensations"] += map[bool]int{true: 1}[isUndo(path)]
	}
	return s, len(w.logs) > 0, got != changes.Taken{}.Result(s.programs[len(s.programs)-1]), judge(s, w)
}

// count counts what the programs of a scenario have, and how they were changed.
func (s scenario) count(m *changes.Maker) {
	for what, n := range m.Drawn {
		s.met["change: "+what] += n
	}
	for _, what := range changes.Features(s.programs) {
		s.met["program: "+what]++
	}
	s.met["deployed: "+s.as]++
}

// judge compares an execution with what it must end as.
func judge(s scenario, w *world) error {
	if len(w.wrong) > 0 {
		return fmt.Errorf("bodies ran again whose results were recorded, or bounds were not kept: %q", w.wrong)
	}
	taken := changes.Taken{}
	last := s.programs[0]
	for i, log := range w.logs {
		last = s.programs[i+1]
		var cases []string
		switch s.as {
		case "dropped":
		case "undeclared":
			last = s.declared
			taken.Decide(last, log)
			for _, c := range last {
				if c.Kind == changes.Declared && c.Form == changes.Removed && taken[c.Change] == changes.TakesOld {
					return fmt.Errorf("it succeeded, though what it had begun was removed without a declaration\ntaken %v", taken)
				}
			}
		case "held": // what the code without declarations has begun is new
			last = s.programs[2]
			cases = taken.Decide(last, w.logs[0])
		default:
			cases = taken.Decide(last, log)
		}
		for _, c := range cases {
			s.met["case: "+c]++
		}
	}
	if s.as == "tolerant" && len(w.logs) > 0 {
		return nil // which side it was is judged by the engine's own rule: none has diverged, and no body ran twice
	}
	if s.as == "undeclared" && slices.Contains(slices.Collect(maps.Values(taken)), changes.TakesOld) {
		return nil // that it fits is by chance: two statements have changed places, or the scope had failed
	}
	end := w.logOf(w.exec.Operations())
	if want := taken.Result(last); want != s.got && ((s.as != "held" && s.as != "undeclared") || !sameWords(want, s.got)) {
		return fmt.Errorf("it ended as\n  %s\nwant\n  %s\ntaken %v", s.got, want, taken)
	}
	ran := taken.Ran(last)
	for path := range ran.Must {
		if !end.Succeeded[path] {
			return fmt.Errorf("%s has not succeeded\ntaken %v", path, taken)
		}
	}
	for path := range ran.MustNot {
		if end.Begun[path] {
			return fmt.Errorf("%s was begun, which is of a side that was not taken\ntaken %v", path, taken)
		}
	}
	undone := taken.Undone(last, end)
	for path := range end.Begun {
		if isUndo(path) && !undone.Must[path] && !undone.May[path] {
			return fmt.Errorf("%s was compensated, which is to stay\ntaken %v", path, taken)
		}
	}
	for path := range undone.Must {
		if !end.Succeeded[path] {
			return fmt.Errorf("%s has not compensated\ntaken %v", path, taken)
		}
	}
	return nil
}

// isUndo reports whether a path is that of a compensation.
func isUndo(path string) bool {
	return strings.Contains(path[strings.LastIndex(path, "/")+1:], "-undo")
}

// sameWords compares how executions ended but for the order: code without a declaration has two
// statements change places as soon as both are recorded. While an execution is held its timers go
// on, so that a race may have been won by the slow side.
func sameWords(want, got string) bool {
	words := func(text string) []string {
		return slices.Sorted(slices.Values(strings.FieldsFunc(strings.ReplaceAll(text, "-slow", ""), func(r rune) bool { return strings.ContainsRune(" ()", r) })))
	}
	return slices.Equal(words(want), words(got))
}

// failures are the executions that failed. There are enough of them when there are three, and what
// comes before the first of them has been tried.
type failures struct {
	mu       sync.Mutex
	n, first int
}

func (f *failures) add(seed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n, f.first = f.n+1, min(f.first, seed)
}

// wants reports whether a seed is to be tried.
func (f *failures) wants(seed int) bool {
	const enough = 3
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n < enough || seed < f.first
}

// executions is how many are tried, times PERDURE_CHECKS.
const executions = 1000

// TestDeclaredChangesMeanWhatTheySay tries random programs, changed under way at random, and lost
// at random. A seed that it prints is tried alone with PERDURE_CHANGES.
func TestDeclaredChangesMeanWhatTheySay(t *testing.T) { //nolint:tparallel // the counts come after all of them
	t.Parallel()
	if one := os.Getenv("PERDURE_CHANGES"); one != "" {
		seed, err := strconv.ParseUint(one, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s, _, _, err := play(t.Context(), seed)
		if err != nil {
			t.Errorf("%s\n%v", s, err)
		}
		return
	}
	n := draws.Count(executions)
	const parts = 4
	counts := make(chan map[string]int, parts)
	found := &failures{first: n}
	t.Run("seeds", func(t *testing.T) {
		for part := range parts {
			t.Run(strconv.Itoa(part), func(t *testing.T) {
				t.Parallel()
				count := make(map[string]int)
				for seed := part; seed < n && found.wants(seed); seed += parts {
					s, changed, mixed, err := play(t.Context(), uint64(seed))
					if err != nil {
						found.add(seed)
						t.Errorf("%s\n%v", s, err)
					}
					for what, n := range s.met {
						count[what] += n
					}
					count["changed under way"] += map[bool]int{true: 1}[changed]
					count["not what the last program alone ends as"] += map[bool]int{true: 1}[mixed]
				}
				counts <- count
			})
		}
	})
	close(counts)
	sum := make(map[string]int)
	for count := range counts {
		for what, n := range count {
			sum[what] += n
		}
	}
	report(t, n, sum)
}
