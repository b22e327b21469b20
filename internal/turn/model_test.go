package turn_test

import (
	"fmt"
	"slices"
)

// line is one of a trace: a strand, and what it does.
type line struct {
	who  int
	what string
}

// noStrand is the number of what no strand does.
const noStrand = -1

func (l line) String() string {
	if l.who == noStrand {
		return l.what
	}
	return fmt.Sprint("strand ", l.who, " ", l.what)
}

func unwinds(dead bool) string {
	if dead {
		return "unwinds"
	}
	return "is through"
}

// model does what a turn does, on one goroutine: it says how a script must end.
type model struct {
	programs [][]action
	strands  []*strandModel
	ready    []*strandModel
	dying    []*strandModel // in the order in which they unwind
	events   [][]action
	quiet    []int
	restful  []int
	trace    []line
	burst    bool
}

type strandModel struct {
	n                  int
	kids               []*strandModel
	pc                 int
	at                 place
	begun, dead, later bool
	queued             bool
	ends               int // how what it does off the turn ends
}

type place int

const (
	isReady place = iota
	isRunning
	isParked
	isAway
	isGone
)

func (m *model) note(who int, what string) { m.trace = append(m.trace, line{who, what}) }

func (m *model) strand(x int) *strandModel {
	if len(m.strands) == 0 {
		return nil
	}
	return m.strands[x%len(m.strands)]
}

// do does what comes from outside, and all that follows from it.
func (m *model) do(e event) {
	if e.back >= 0 {
		if s := m.strand(e.back); s != nil && s.at == isAway {
			m.back(s)
			m.settle()
		}
		return
	}
	m.act(nil, e.actions)
	m.settle()
}

func (m *model) back(s *strandModel) {
	if s.dead {
		m.unwind(s)
		return
	}
	s.at = isReady
	m.ready = append(m.ready, s)
}

func (m *model) act(by *strandModel, as []action) {
	for _, a := range as {
		if a.verb == crash {
			m.note(noStrand, "crashed")
			return
		}
		m.one(by, a)
	}
}

func (m *model) one(by *strandModel, a action) {
	s := m.strand(a.x)
	switch {
	case a.verb == spawn:
		m.spawn(by)
	case a.verb == post:
		m.events = append(m.events, a.actions)
	case a.verb == quiet:
		m.quiet = append(m.quiet, a.x)
	case a.verb == restful:
		m.restful = append(m.restful, a.x)
	case s == nil:
	case a.verb == wake:
		m.wake(s)
	case a.verb == end, a.verb == endLater:
		m.end(s, a.verb == endLater)
	case a.verb == release:
		m.release(s)
	}
}

func (m *model) spawn(by *strandModel) {
	if len(m.strands) == mostStrands || by != nil && by.dead {
		return
	}
	s := &strandModel{n: len(m.strands)}
	if by != nil {
		by.kids = append(by.kids, s)
	}
	m.strands = append(m.strands, s)
	m.ready = append(m.ready, s)
}

func (m *model) wake(s *strandModel) {
	if s != nil && s.at == isParked && !s.dead {
		s.at = isReady
		m.ready = append(m.ready, s)
	}
}

func (m *model) end(s *strandModel, later bool) {
	for _, k := range s.kids {
		m.end(k, later)
	}
	if s.at == isGone {
		return
	}
	if s.dead {
		if !later {
			m.release1(s)
		}
		return
	}
	s.dead, s.later = true, later
	m.note(s.n, "ended")
	if s.at != isReady && s.at != isParked {
		return
	}
	m.ready = slices.DeleteFunc(m.ready, func(r *strandModel) bool { return r == s })
	if !s.begun {
		s.at = isGone
		return
	}
	m.unwind(s)
}

func (m *model) unwind(s *strandModel) {
	s.at = isParked
	if !s.later && !s.queued {
		s.queued = true
		m.dying = append(m.dying, s)
	}
}

func (m *model) release(s *strandModel) {
	for _, k := range s.kids {
		m.release(k)
	}
	m.release1(s)
}

func (m *model) release1(s *strandModel) {
	if s.later {
		if s.later = false; s.at == isParked {
			m.unwind(s)
		}
	}
}

// settle goes on until nothing can.
func (m *model) settle() {
	for {
		switch {
		case len(m.dying) > 0:
			s := m.dying[0]
			m.dying = m.dying[1:]
			m.run(s)
		case len(m.ready) > 0:
			s := m.ready[0]
			m.ready = m.ready[1:]
			m.run(s)
		case len(m.quiet) > 0:
			x := m.quiet[0]
			m.quiet = m.quiet[1:]
			m.note(noStrand, "quiescent")
			m.wake(m.strand(x))
		case len(m.events) > 0:
			as := m.events[0]
			m.events = m.events[1:]
			m.note(noStrand, "event")
			m.act(nil, as)
		case len(m.restful) > 0:
			x := m.restful[0]
			m.restful = m.restful[1:]
			m.note(noStrand, "idle")
			m.wake(m.strand(x))
		default:
			if !m.burst {
				m.note(noStrand, "rest")
			}
			return
		}
	}
}

func (m *model) run(s *strandModel) {
	was, program := s.at, m.programs[s.n%len(m.programs)]
	s.at, s.queued = isRunning, false
	if !s.begun {
		s.begun = true
		m.note(s.n, "begins")
	} else if m.resumed(s, was) {
		return
	}
	for s.pc < len(program) {
		a := program[s.pc]
		s.pc++
		switch a.verb { //nolint:exhaustive // the others have no more to do
		case park, body, work:
			if s.dead {
				m.gone(s)
				return
			}
			s.at, s.ends = isParked, offReturns
			if a.verb != park {
				s.at, s.ends = isAway, a.x%offEnds
			}
			m.note(s.n, "gives the turn away")
			return
		case user:
			m.note(s.n, "in user code")
		case exit:
			m.gone(s)
			return
		default:
			m.one(s, a)
		}
	}
	m.gone(s)
}

// resumed reports whether a strand that has the turn again goes no further.
func (m *model) resumed(s *strandModel, was place) bool {
	if s.dead || s.ends == offExits {
		m.gone(s)
		return true
	}
	if s.ends == offPanics {
		m.note(s.n, "panicked")
	}
	m.note(s.n, "goes on")
	s.ends = offReturns
	return was == isGone
}

func (m *model) gone(s *strandModel) {
	m.note(s.n, unwinds(s.dead))
	s.at = isGone
}
