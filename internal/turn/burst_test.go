package turn_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/draws"
)

// burst posts the events of a script from several goroutines at once, while bodies end when they
// like.
type burst struct {
	p    *play
	left int // events that were not taken
}

// through reports whether all events were taken, and nothing is off the turn.
func (b *burst) through() bool {
	if b.left > 0 {
		return false
	}
	for _, s := range b.p.strands {
		if _, off := s.IsOff(); off {
			return false
		}
	}
	return true
}

// ordered leaves out what depends on when events come in, and not on their sequence alone.
func ordered(as []action) []action {
	return slices.DeleteFunc(slices.Clone(as), func(a action) bool {
		return a.verb == post || a.verb == restful || a.verb == endLater || a.verb == release
	})
}

// runBurst runs a script as a burst. It returns the trace, and what is wrong; empty if nothing is.
func (s script) runBurst(rng *rand.Rand) ([]line, string) {
	programs := make([][]action, len(s.programs))
	for i := range programs {
		programs[i] = ordered(s.programs[i])
	}
	var events [][]action
	for _, e := range s.events {
		events = append(events, ordered(e.actions))
	}
	p := newPlay(programs)
	b := &burst{p: p, left: len(events)}
	p.burst = b
	const posters = 3
	var wg sync.WaitGroup
	shuffled := rng.Perm(len(events))
	for k := range posters {
		wg.Go(func() {
			for i := k; i < len(shuffled); i += posters {
				n := shuffled[i]
				p.t.Post(func() {
					b.left--
					p.note(-2-n, "is taken")
					p.act(nil, events[n])
				})
				if n%2 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	select {
	case <-p.rests:
	case <-time.After(patience):
		return nil, fmt.Sprintf("nothing goes on; %d events were not taken", b.left)
	}
	problem := retrace(programs, events, p.trace)
	trace := slices.Clone(p.trace)
	p.burst = nil
	return trace, firstOf(problem, p.close())
}

func firstOf(problems ...string) string {
	for _, p := range problems {
		if p != "" {
			return p
		}
	}
	return ""
}

// retrace says where a trace differs from what the model makes of the same sequence of events;
// empty if it does not.
func retrace(programs, events [][]action, trace []line) string {
	m := model{programs: programs, burst: true}
	for len(m.trace) < len(trace) {
		at := len(m.trace)
		next := trace[at]
		switch {
		case next.who < noStrand:
			m.note(next.who, next.what)
			m.act(nil, events[-2-next.who])
		case next.who >= 0 && next.who < len(m.strands) && m.strands[next.who].at == isAway:
			m.back(m.strands[next.who])
		}
		m.settle()
		if len(m.trace) == at {
			return fmt.Sprintf("%v, after which nothing could go on: %v", next, trace[max(0, at-6):at])
		}
		for i := at; i < len(m.trace); i++ {
			if i >= len(trace) || trace[i] != m.trace[i] {
				return fmt.Sprintf("%v, want %v", trace[at:min(i+1, len(trace))], m.trace[at:i+1])
			}
		}
	}
	return ""
}

// However events come in, no wake-up is lost, and what strands do is what the sequence of events
// says. They are posted from several goroutines at once, so a schedule that fails need not fail
// again.
func TestTraceIsAFunctionOfTheSequenceOfEvents(t *testing.T) { //nolint:paralleltest // sets GOMAXPROCS
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(procs)
		for seed := range uint64(draws.Count(3_000)) {
			rng := rand.New(rand.NewPCG(seed, 2))
			s := randomScript(rng)
			if _, problem := s.runBurst(rng); problem != "" {
				t.Fatalf("%d processors, seed %d: %s\n%v", procs, seed, problem, s)
			}
		}
	}
}

// The same posts in the same order make the same trace, although strands run on goroutines of their
// own.
func TestSamePostsMakeTheSameTrace(t *testing.T) { //nolint:paralleltest // sets GOMAXPROCS
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	scripts := make([]script, 5)
	for i := range scripts {
		scripts[i] = randomScript(rand.New(rand.NewPCG(uint64(i), 3)))
	}
	first := make([][]line, len(scripts))
	for _, procs := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(procs)
		shuffle := rand.New(rand.NewPCG(uint64(procs), 4))
		for range 100 {
			for _, i := range shuffle.Perm(len(scripts)) {
				p := newPlay(scripts[i].programs)
				for _, e := range scripts[i].events {
					if !p.do(e) {
						t.Fatalf("nothing goes on\n%v", scripts[i])
					}
				}
				trace := slices.Clone(p.trace)
				if problem := p.close(); problem != "" {
					t.Fatal(problem)
				}
				if first[i] == nil {
					first[i] = trace
				}
				if !slices.Equal(first[i], trace) {
					t.Fatalf("%d processors: got %v, want %v\n%v", procs, trace, first[i], scripts[i])
				}
			}
		}
	}
}
