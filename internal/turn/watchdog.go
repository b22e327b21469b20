package turn

import (
	"runtime"
	"sync/atomic"
	"time"
)

// period is how often the watchdog looks. Code that waits for something else than the turn is noticed
// within two periods.
const period = 10 * time.Millisecond

// watchdog takes the turn away from code that has it and waits for something else, such as a mutex
// that another strand holds, while others could go on. It is set only while code outside the engine
// has the turn and others wait, so that nothing of it is left when all are at rest.
type watchdog struct {
	switches atomic.Uint64 // how often the turn has changed hands
	set      atomic.Bool   // written with the turn's mutex held
	seen     uint64        // the ticket, and the switches, of the last look
	at       uint64
}

// arm sets the watchdog. Called with t.mu held.
func (t *Turn) arm() {
	if !t.dog.set.Load() {
		t.dog.set.Store(true)
		t.dog.seen, t.dog.at = 0, 0
		time.AfterFunc(period, t.look)
	}
}

// look is called each period while the watchdog is set.
func (t *Turn) look() {
	ticket, at := t.now.Load(), t.dog.switches.Load()
	t.mu.Lock()
	same := ticket != 0 && ticket == t.dog.seen && at == t.dog.at
	waiting := t.held && (t.events.len() > 0 || ticket&contended != 0)
	t.dog.seen, t.dog.at = ticket, at
	t.dog.set.Store(waiting)
	t.mu.Unlock()
	switch {
	case !waiting:
	case same && t.revoke(ticket):
		t.mu.Lock()
		t.dog.set.Store(false)
		t.mu.Unlock()
		t.drive(nil)
	default:
		time.AfterFunc(period, t.look)
	}
}

// revoke takes the turn away from the code that has it with this ticket, if that waits for something
// else. The watchdog has the turn then.
func (t *Turn) revoke(ticket uint64) bool {
	s := t.user.Load()
	if s == nil || t.now.Load() != ticket {
		return false
	}
	buf := make([]byte, mostStack)
	stack := stackOf(buf[:runtime.Stack(buf, true)], s.number)
	if !waits(stack) {
		return false
	}
	s.revoked.Store(ticket)
	if !t.now.CompareAndSwap(ticket, 0) {
		return false
	}
	s.state, s.kind = away, Blocked
	if !s.dead {
		t.off[Blocked]++
	}
	t.machine.Revoked(s, stack)
	return true
}

// mostStack bounds the dump of all stacks, in bytes.
const mostStack = 1 << 20
