package turn

// Seat is a place in code outside the engine from which a strand may call: that of a scope. Of a
// strand's seats only the innermost one has the turn.
type Seat struct {
	s      *Strand
	ticket uint64
}

// Sit makes the seat the strand's.
func (p *Seat) Sit(s *Strand) { p.s = s }

// Strand returns whose seat it is.
func (p *Seat) Strand() *Strand { return p.s }

// Caller is who calls from a seat.
type Caller int

const (
	// Own is the strand itself, from its innermost seat: it has the turn now.
	Own Caller = iota
	// Inside is the strand's own goroutine, in a function that the engine has called, or from a
	// seat that is not the innermost one. It has the turn now.
	Inside
	// InBody is the strand's own goroutine, while it is off the turn.
	InBody
	// Helper is another goroutine, while the strand is off the turn.
	Helper
	// Foreign is another goroutine.
	Foreign
)

// Who returns who the calling goroutine is, without taking the turn. [Own] and [Inside] are not
// distinguished: it returns Own for both.
func (p *Seat) Who() Caller {
	off := p.s.offs.Load()
	switch own := p.s.id.Load() == g(); {
	case own && off:
		return InBody
	case own:
		return Own
	case off:
		return Helper
	}
	return Foreign
}

// Enter is called when code outside the engine calls it. A strand that has lost the turn waits for
// it here.
func (p *Seat) Enter() Caller {
	who := p.Who()
	if who != Own {
		return who
	}
	s := p.s
	had := s.seat != nil && s.seat.ticket != 0 // else the engine has the turn, and calls the function
	s.Regain()
	if had && p == s.seat {
		return Own
	}
	return Inside
}

// Leave hands the turn to the code around the call from this seat, which becomes the innermost one.
// With the turn.
func (t *Turn) Leave(p *Seat) {
	t.tickets += 2
	p.ticket = t.tickets
	if t.ready.len() > 0 || t.dead.len() > 0 || t.machine.Waiting() {
		p.ticket |= contended
	}
	p.s.seat = p
	t.user.Store(p.s)
	t.now.Store(p.ticket)
	if p.ticket&contended != 0 && !t.dog.set.Load() {
		t.mu.Lock()
		t.arm()
		t.mu.Unlock()
	}
}

// contended is set in a ticket if others could go on.
const contended = 1

// Regain takes the turn back from the code outside the engine that the strand has been in, also if
// it was lost, when that code has returned, panicked or exited. It does nothing if the strand has
// the turn. It is called by the strand's own goroutine.
func (s *Strand) Regain() {
	if s.seat == nil || s.seat.ticket == 0 {
		return
	}
	ticket := s.seat.ticket
	s.seat.ticket = 0
	if s.turn.now.CompareAndSwap(ticket, 0) || s.revoked.Load() != ticket {
		return
	}
	if !s.turn.post(s.cameBack, s) {
		<-s.wake
	}
}
