package turn

import (
	"runtime"
	"sync/atomic"
	"time"
)

// period is how often the watchdog looks. Code that waits for something else than the turn is
// noticed within two periods. Each time it is found to compute, the next look is after twice as
// long, at most after the period doubled so often: a look that needs the stacks of thousands of
// goroutines stops them all for many milliseconds.
const (
	period     = 10 * time.Millisecond
	mostDouble = 6
)

// watchdog takes the turn away from code that has it and waits for something else, such as a mutex
// that another strand holds, while others could go on. It is set only while code outside the engine
// has the turn and others wait, so that nothing of it is left when all are at rest.
type watchdog struct {
	switches atomic.Uint64 // how often the turn has changed hands
	set      atomic.Bool   // written with the turn's mutex held
	seen     uint64        // the ticket, and the switches, of the last look
	at       uint64
	busy     int // how often the same code was found to compute
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
	ticket, same, waiting := t.sample()
	if !waiting {
		return
	}
	revoked := same && t.revoke(ticket)
	time.AfterFunc(t.pause(same && !revoked), t.look) // also if revoked: events may be waiting for the next one
	if revoked {
		t.drive(nil)
	}
}

// pause returns how long to wait for the next look, after code was found to compute or not.
func (t *Turn) pause(computes bool) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dog.busy++; !computes {
		t.dog.busy = 0
	}
	return period << min(t.dog.busy, mostDouble)
}

// sample notes who has the turn. It reports whether that is the same code as at the last look, and
// whether others wait; if none does, the watchdog is not set any more.
func (t *Turn) sample() (ticket uint64, same, waiting bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dog.set.Store(false) // before the ticket is read: code that gets the turn from here on sets it itself
	ticket = t.now.Load()
	at := t.dog.switches.Load()
	same = ticket != 0 && ticket == t.dog.seen && at == t.dog.at
	waiting = t.held && (t.events.len() > 0 || ticket&contended != 0)
	t.dog.seen, t.dog.at = ticket, at
	t.dog.set.Store(waiting)
	return ticket, same, waiting
}

// revoke takes the turn away from the code that has it with this ticket, if that waits for
// something else. The watchdog has the turn then.
func (t *Turn) revoke(ticket uint64) bool {
	s := t.user.Load()
	if s == nil || t.now.Load() != ticket {
		return false
	}
	all, _ := Dump()
	stack := s.find(all)
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

// A dump of all stacks is at first tried with the fewest bytes. One that is cut off may lack the
// goroutine that is looked for, so it is made again with more, at most with the most bytes.
const fewestBytes, mostBytes = 1 << 20, 64 << 20

// Dump returns the stacks of all goroutines, and reports whether none is missing or cut off: of
// tens of thousands some are.
func Dump() (stacks []byte, whole bool) {
	for size := fewestBytes; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= mostBytes {
			return buf[:n], n < size
		}
	}
}
