package turn_test

import (
	"fmt"
	"runtime"
	"time"

	"github.com/perdure/perdure/internal/turn"
)

// play is a turn that follows scripts.
type play struct {
	t        *turn.Turn
	programs [][]action
	strands  []*actor
	quiet    []int
	restful  []int
	trace    []line
	rests    chan struct{}
	burst    *burst // nil if all is at rest before each event
}

// actor is the task of a strand.
type actor struct {
	*turn.Strand

	p    *play
	n    int
	seat turn.Seat
	away chan struct{} // what it does off the turn goes on
}

func newPlay(programs [][]action) *play {
	p := &play{programs: programs, rests: make(chan struct{}, 1)}
	p.t = turn.New(p)
	return p
}

func (p *play) Output() {}

func (p *play) Quiescent() bool {
	if len(p.quiet) == 0 {
		return false
	}
	x := p.quiet[0]
	p.quiet = p.quiet[1:]
	p.note(noStrand, "quiescent")
	if s := p.strand(x); s != nil {
		s.Wake()
	}
	return true
}

func (p *play) Idle() bool {
	if len(p.restful) == 0 {
		if p.burst == nil {
			p.note(noStrand, "rest")
		}
		if p.burst == nil || p.burst.through() {
			select {
			case p.rests <- struct{}{}:
			default:
			}
		}
		return false
	}
	x := p.restful[0]
	p.restful = p.restful[1:]
	p.note(noStrand, "idle")
	if s := p.strand(x); s != nil {
		s.Wake()
	}
	return true
}

func (p *play) Waiting() bool { return len(p.quiet) > 0 }

func (p *play) Crashed(v any, _ []byte) { p.note(noStrand, fmt.Sprint(v)) }

func (p *play) Revoked(s *turn.Strand, _ []byte) { p.note(noStrand, "revoked") }

func (p *play) note(who int, what string) { p.trace = append(p.trace, line{who, what}) }

func (p *play) strand(x int) *actor {
	if len(p.strands) == 0 {
		return nil
	}
	return p.strands[x%len(p.strands)]
}

// do has an event from outside taken, and waits until nothing can go on. It reports whether that
// came about.
func (p *play) do(e event) bool {
	if e.back >= 0 {
		s := p.strand(e.back)
		if s == nil {
			return true
		}
		if _, off := s.IsOff(); !off {
			return true
		}
		s.away <- struct{}{}
	} else {
		p.t.Post(func() { p.act(nil, e.actions) })
	}
	select {
	case <-p.rests:
		return true
	default:
	}
	select {
	case <-p.rests:
		return true
	case <-time.After(patience):
		return false
	}
}

// patience is how long it may take until nothing can go on.
const patience = 10 * time.Second

func (p *play) act(by *actor, as []action) {
	for _, a := range as {
		if a.verb == crash {
			panic("crashed")
		}
		p.one(by, a)
	}
}

func (p *play) one(by *actor, a action) {
	s := p.strand(a.x)
	switch {
	case a.verb == spawn:
		p.spawn(by)
	case a.verb == post:
		p.t.Post(func() {
			p.note(noStrand, "event")
			p.act(nil, a.actions)
		})
	case a.verb == quiet:
		p.quiet = append(p.quiet, a.x)
	case a.verb == restful:
		p.restful = append(p.restful, a.x)
	case s == nil:
	case a.verb == wake:
		s.Wake()
	case a.verb == end, a.verb == endLater:
		s.End(a.verb == endLater)
	case a.verb == release:
		s.Release()
	}
}

func (p *play) spawn(by *actor) {
	if len(p.strands) == mostStrands || by != nil && by.Dead() {
		return
	}
	s := &actor{p: p, n: len(p.strands), away: make(chan struct{})}
	var parent *turn.Strand
	if by != nil {
		parent = by.Strand
	}
	p.strands = append(p.strands, s)
	s.Strand = p.t.Spawn(parent, s)
	s.seat.Sit(s.Strand)
}

func (s *actor) Ended() { s.p.note(s.n, "ended") }

// Left notes how the strand ended. A panic goes on.
func (s *actor) Left(v any, _ bool) {
	if v != nil {
		panic(v)
	}
	s.p.note(s.n, unwinds(s.Dead()))
}

func (s *actor) Run() {
	defer func() {
		if s.Dead() {
			s.Regain()
			s.Park("in a deferred function") // ends at once
		}
	}()
	s.p.note(s.n, "begins")
	for _, a := range s.p.programs[s.n%len(s.p.programs)] {
		switch a.verb { //nolint:exhaustive // the others have no more to do
		case park:
			if !s.Dead() {
				s.p.note(s.n, "gives the turn away")
			}
			s.Park("a script")
			s.p.note(s.n, "goes on")
		case body, work:
			if !s.Dead() {
				s.p.note(s.n, "gives the turn away")
			}
			s.off(a)
			s.p.note(s.n, "goes on")
		case user:
			s.p.t.Leave(&s.seat)
			if who := s.seat.Enter(); who != turn.Own {
				s.p.note(int(who), "is who entered")
			}
			s.p.note(s.n, "in user code")
		case exit:
			runtime.Goexit()
		default:
			s.p.one(s, a)
		}
	}
}

func (s *actor) off(a action) {
	defer func() {
		if v := recover(); v != nil {
			s.Regain()
			s.p.note(s.n, "panicked")
		}
	}()
	s.Off(turn.Body+turn.Kind(a.verb-body), func() {
		if s.p.burst == nil {
			<-s.away
		}
		switch a.x % offEnds {
		case offPanics:
			panic("in a body")
		case offExits:
			runtime.Goexit()
		}
	})
}

// close ends what is left, and says what does not end.
func (p *play) close() string {
	all := event{back: -1}
	for x := range p.strands {
		all.actions = append(all.actions, action{verb: end, x: x})
	}
	if !p.do(all) {
		return "nothing goes on at the end"
	}
	for x, s := range p.strands {
		if !p.do(event{back: x}) {
			return fmt.Sprintf("strand %d does not come back at the end", x)
		}
		if !s.Gone() {
			return fmt.Sprintf("strand %d was ended and is not gone", x)
		}
	}
	if n := p.t.Strands(); n != 0 {
		return fmt.Sprintf("%d strands are left", n)
	}
	if n := p.t.LiveOff(); n != 0 {
		return fmt.Sprintf("%d strands count as off", n)
	}
	return ""
}

// run does what a script says, and says what is wrong; empty if nothing is.
func (s script) run() string {
	p, m := newPlay(s.programs), model{programs: s.programs}
	for i, e := range s.events {
		m.do(e)
		if !p.do(e) {
			return fmt.Sprintf("event %d (%v): nothing goes on; so far %v, want %v", i+1, e, p.trace, m.trace)
		}
		if problem := differ(p, &m); problem != "" {
			return fmt.Sprintf("event %d (%v): %s", i+1, e, problem)
		}
	}
	return p.close()
}

// differ says how a play differs from its model.
func differ(p *play, m *model) string {
	for i := range max(len(p.trace), len(m.trace)) {
		got, want := line{noStrand, "nothing"}, line{noStrand, "nothing"}
		if i < len(p.trace) {
			got = p.trace[i]
		}
		if i < len(m.trace) {
			want = m.trace[i]
		}
		if got != want {
			return fmt.Sprintf("%v, want %v, after %v", got, want, m.trace[max(0, i-6):i])
		}
	}
	off, left := 0, 0
	for x, s := range m.strands {
		if s.at == isAway && !s.dead {
			off++
		}
		if s.at != isGone {
			left++
		}
		if parked := p.strands[x].Why() != nil; parked != (s.at == isParked && s.ends == offReturns && !s.dead) && !s.dead {
			return fmt.Sprintf("strand %d: parked is %t", x, parked)
		}
	}
	if p.t.LiveOff() != off || p.t.Strands() != left {
		return fmt.Sprintf("%d strands off and %d left, want %d and %d", p.t.LiveOff(), p.t.Strands(), off, left)
	}
	return ""
}
