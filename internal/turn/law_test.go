package turn_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/draws"
)

// No schedule loses a wake-up, rests while something can go on, or differs in any other way from a
// model of a turn that has one goroutine.
func TestSchedulesEqualTheModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(draws.Count(100_000)) {
		s := randomScript(rand.New(rand.NewPCG(seed, 1)))
		if problem := s.run(); problem != "" {
			s, problem = shrink(s, problem)
			t.Fatalf("seed %d: %s\n%v", seed, problem, s)
		}
	}
}

// shrink returns the shortest script that it finds to fail, and how. One that hangs takes long each
// time.
func shrink(s script, problem string) (script, string) {
	for again, began := true, time.Now(); again && time.Since(began) < patience; {
		again = false
		for _, c := range s.shorter() {
			if p := c.run(); p != "" {
				s, problem, again = c, p, true
				break
			}
		}
	}
	return s, problem
}
