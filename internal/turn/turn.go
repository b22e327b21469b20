// Package turn lets many goroutines run one at a time, like runners with one baton.
//
// A [Turn] has strands: goroutines of which one at a time has the turn. What has the turn may touch
// the state that the turn protects, and nothing else can, so there is no lock to hold by mistake. A
// strand gives the turn away when it parks, when it goes off to do something that needs no state,
// and when it ends. Everything from outside is an event: events form one queue, and one is taken
// only when no strand can run. So what strands do is a function of the sequence of events.
//
// The package knows nothing of operations, logs or Lambda: what happens when no strand can run is
// the business of a [Machine].
package turn

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Machine decides what happens when no strand has the turn. Its methods are called with the turn,
// on whatever goroutine gives it away, and must neither block nor call functions of the user's.
type Machine interface {
	// Output hands on what is ready to leave. It is called whenever the turn is given away.
	Output()
	// Quiescent is called when no strand is ready. It reports whether it has made one ready, or has
	// changed anything else after which to look again.
	Quiescent() bool
	// Idle is called when, moreover, no event is there. It reports whether it has changed anything.
	Idle() bool
	// Waiting reports whether Quiescent would make something able to run.
	Waiting() bool
	// Crashed is called with the value and the stack of a panic of the machine or of an event.
	Crashed(v any, stack []byte)
	// Revoked is called when a strand has lost the turn, because its code waits for something other
	// than the turn while others could go on.
	Revoked(s *Strand, stack []byte)
}

// Kind is what a strand does while it is off the turn.
type Kind int

const (
	// Body is a body of the user's: it may take as long as it likes.
	Body Kind = iota
	// Work is a conversion: the strand goes on as soon as it is done.
	Work
	// Blocked is code that has lost the turn because it waited for something else.
	Blocked
	kinds
)

// Turn is one baton and the strands that share it. Make it with [New].
type Turn struct {
	machine Machine

	mu     sync.Mutex // guards away, numbers, events, held, and whether the watchdog is set
	events queue[func()]
	held   bool             // a goroutine has the turn
	away   map[uintptr]bool // goroutines of strands that are off the turn
	// numbers are those of its goroutines, if stacks do not show whose they are.
	numbers map[uint64]bool
	dog     watchdog

	// now is the ticket of the code outside the engine that has the turn; zero while the engine has
	// it, or no one. user is whose code it is.
	now  atomic.Uint64
	user atomic.Pointer[Strand]
	// current is the strand that has the turn, in the engine or outside; nil if none has.
	current atomic.Pointer[Strand]

	// With the turn.
	tickets uint64
	ready   queue[*Strand]
	dead    queue[*Strand] // parked strands that are to unwind
	off     [kinds]int     // live strands that are off
	strands int            // strands that are not gone
}

// New returns a turn without strands that nothing has yet.
func New(m Machine) *Turn { return &Turn{machine: m} }

// Running returns the strand that has the turn, in the engine or outside; nil in an event and in
// the machine. With the turn.
func (t *Turn) Running() *Strand { return t.current.Load() }

// Caller returns the strand whose goroutine is calling, if it has the turn; nil if it has not.
func (t *Turn) Caller() *Strand {
	if s := t.current.Load(); s != nil && s.id.Load() == g() {
		return s
	}
	return nil
}

// User returns the strand whose code outside the engine has the turn; nil if there is none. It
// needs no turn.
func (t *Turn) User() *Strand {
	if t.now.Load() == 0 {
		return nil
	}
	return t.user.Load()
}

// Away reports whether the calling goroutine is that of a strand that is off the turn. It needs no
// turn.
func (t *Turn) Away() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.away[g()]
}

func (t *Turn) awaySet(id uintptr, away bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !away {
		delete(t.away, id)
		return
	}
	if t.away == nil {
		t.away = make(map[uintptr]bool)
	}
	t.away[id] = true
}

// Off returns how many live strands are off the turn for this reason. With the turn.
func (t *Turn) Off(k Kind) int { return t.off[k] }

// LiveOff returns how many live strands are off the turn. With the turn.
func (t *Turn) LiveOff() int { return t.off[Body] + t.off[Work] + t.off[Blocked] }

// Strands returns how many strands have not ended. With the turn.
func (t *Turn) Strands() int { return t.strands }

// Post has event called with the turn: at once if nothing has it, else when no strand is ready and
// the events before it have been taken. It never blocks for long. Events must not block.
func (t *Turn) Post(event func()) { t.post(event, nil) }

// post posts an event; it reports whether self, which waits for it, has the turn again.
func (t *Turn) post(event func(), self *Strand) bool {
	return t.queue(event) && t.drive(self)
}

// queue queues an event. It reports whether the caller has the turn now, for nothing had it.
func (t *Turn) queue(event func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events.push(event)
	if t.held {
		t.arm()
		return false
	}
	t.held = true
	return true
}

// drive gives the turn to the next that can use it. Called with the turn, which the caller does not
// have afterwards, unless drive reports that the caller's own strand self is the next.
func (t *Turn) drive(self *Strand) (own bool) {
	t.current.Store(nil)
	for {
		next, idle := t.advance()
		if next != nil {
			return t.resume(next, self)
		}
		if idle {
			return false
		}
	}
}

// advance goes on until a strand can run, or nothing is left to do; then the turn is free. A panic
// of the machine or of an event is reported to the machine, and does not keep anybody waiting.
func (t *Turn) advance() (next *Strand, idle bool) {
	defer func() {
		if v := recover(); v != nil {
			t.machine.Crashed(v, debug.Stack())
		}
	}()
	for {
		t.machine.Output()
		if s := t.next(); s != nil {
			return s, false
		}
		if t.machine.Quiescent() {
			continue
		}
		if event := t.take(); event != nil {
			event()
			continue
		}
		if t.machine.Idle() {
			continue
		}
		if t.rest() {
			return nil, true
		}
	}
}

// next takes the strand that runs next: dead ones unwind first, then the ready ones run in order.
func (t *Turn) next() *Strand {
	if s, ok := t.dead.pop(); ok {
		s.queued = false
		return s
	}
	for {
		s, ok := t.ready.pop()
		if !ok || !s.dead {
			return s
		}
	}
}

// take takes the next event; nil if there is none.
func (t *Turn) take() func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	event, _ := t.events.pop()
	return event
}

// rest gives the turn back, unless an event has come in.
func (t *Turn) rest() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.events.len() > 0 {
		return false
	}
	t.held = false
	return true
}

// resume lets a strand go on. It reports whether that is self, the caller.
func (t *Turn) resume(s, self *Strand) bool {
	t.dog.switches.Add(1)
	t.current.Store(s)
	s.state = running
	switch {
	case s == self:
		return true
	case s.begun:
		s.wake <- struct{}{}
	default:
		s.begun = true
		go s.main(t)
	}
	return false
}
