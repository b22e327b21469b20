package turn_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A script says what strands do, and which events there are: its actions are done by the real turn
// in play_test.go, and by a model of it in model_test.go.
type script struct {
	// programs are those of the strands, by number; those with higher numbers begin again with the
	// first one.
	programs [][]action
	// events are posted from outside, each when all is at rest.
	events []event
}

// event is what comes from outside: actions, or the end of what a strand does off the turn.
type event struct {
	actions []action
	back    int // the number of the strand; -1 if the event has actions
}

// action is done by a strand or an event, with the turn.
type action struct {
	verb
	x       int // a strand, or how to end
	actions []action
}

type verb int

const (
	spawn    verb = iota // a strand that ends with the actor
	wake                 // strand x
	end                  // strand x and what it has spawned
	endLater             // the same; it unwinds when released
	release              // strand x
	post                 // an event
	quiet                // wakes x when no strand is ready
	restful              // wakes x when, moreover, no event is there
	crash                // panics, in an event
	// Those below are for strands alone.
	park
	user // code outside the engine has the turn
	body // off the turn; x says how that ends
	work
	exit // ends the goroutine
	verbs
)

// How what a strand does off the turn ends.
const (
	offReturns = iota
	offPanics
	offExits
	offEnds
)

var verbNames = [...]string{
	"spawn", "wake", "end", "end later", "release", "post", "at quiescence wake", "at rest wake", "crash",
	"park", "user code", "body", "work", "exit",
}

func (a action) String() string {
	switch a.verb { //nolint:exhaustive // the others have no more to do
	case spawn, crash, park, user, exit:
		return verbNames[a.verb]
	case post:
		return "post (" + list(a.actions) + ")"
	case body, work:
		return verbNames[a.verb] + " that " + [...]string{"returns", "panics", "exits"}[a.x%offEnds]
	}
	return fmt.Sprint(verbNames[a.verb], " ", a.x)
}

func list(as []action) string {
	words := make([]string, len(as))
	for i, a := range as {
		words[i] = a.String()
	}
	return strings.Join(words, ", ")
}

func (e event) String() string {
	if e.back >= 0 {
		return fmt.Sprint("back ", e.back)
	}
	return "event: " + list(e.actions)
}

func (s script) String() string {
	var b strings.Builder
	for i, p := range s.programs {
		fmt.Fprintf(&b, "strand %d: %s\n", i, list(p))
	}
	for _, e := range s.events {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}

// mostStrands bounds how many strands a script begins.
const mostStrands = 7

func randomScript(rng *rand.Rand) script {
	s := script{programs: make([][]action, 1+rng.IntN(5))}
	for i := range s.programs {
		s.programs[i] = randomProgram(rng)
	}
	s.events = append(s.events, event{back: -1, actions: []action{{verb: spawn}, {verb: spawn}}})
	for range rng.IntN(10) {
		s.events = append(s.events, randomEvent(rng))
	}
	return s
}

func randomProgram(rng *rand.Rand) []action {
	p := make([]action, rng.IntN(7))
	for i := range p {
		switch rng.IntN(10) {
		case 0, 1, 2:
			p[i] = action{verb: park}
		case 3, 4:
			p[i] = action{verb: body + verb(rng.IntN(2)), x: rng.IntN(offEnds)}
		case 5:
			p[i] = action{verb: user}
		case 6:
			if rng.IntN(4) == 0 {
				p[i] = action{verb: exit}
				continue
			}
			p[i] = action{verb: spawn}
		default:
			p[i] = randomAction(rng, 0)
		}
	}
	return p
}

func randomEvent(rng *rand.Rand) event {
	if rng.IntN(3) == 0 {
		return event{back: rng.IntN(mostStrands)}
	}
	return event{back: -1, actions: randomActions(rng, 0)}
}

func randomActions(rng *rand.Rand, depth int) []action {
	as := make([]action, 1+rng.IntN(3))
	for i := range as {
		as[i] = randomAction(rng, depth)
	}
	if depth > 0 && rng.IntN(20) == 0 || depth == 0 && rng.IntN(40) == 0 {
		as = append(as, action{verb: crash}) //nolint:makezero // the rest follows
	}
	return as
}

// randomAction is one that a strand or an event may do.
func randomAction(rng *rand.Rand, depth int) action {
	a := action{x: rng.IntN(mostStrands)}
	switch n := rng.IntN(20); {
	case n < 2:
		a.verb = spawn
	case n < 9:
		a.verb = wake
	case n < 11:
		a.verb = end
	case n < 12:
		a.verb = endLater
	case n < 13:
		a.verb = release
	case n < 15:
		a.verb = quiet
	case n < 16:
		a.verb = restful
	default:
		if a.verb = wake; depth < 2 {
			a.verb, a.actions = post, randomActions(rng, depth+1)
		}
	}
	return a
}

// shorter returns scripts with less in them, one step each.
func (s script) shorter() []script {
	var all []script
	for i := range s.events {
		c := s
		c.events = slices.Delete(slices.Clone(s.events), i, i+1)
		all = append(all, c)
	}
	for i := range s.programs {
		for j := range s.programs[i] {
			c := s
			c.programs = slices.Clone(s.programs)
			c.programs[i] = slices.Delete(slices.Clone(s.programs[i]), j, j+1)
			all = append(all, c)
		}
	}
	for i, e := range s.events {
		for j := range e.actions {
			c := s
			c.events = slices.Clone(s.events)
			c.events[i].actions = slices.Delete(slices.Clone(e.actions), j, j+1)
			all = append(all, c)
		}
	}
	return all
}
