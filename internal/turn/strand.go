package turn

import (
	"runtime"
	"sync/atomic"
)

// state is what a strand is doing.
type state int

const (
	ready state = iota
	running
	away // off the turn
	parked
	gone
)

// Task is what a strand does.
type Task interface {
	// Run is called with the turn, on the goroutine of the strand.
	Run()
	// Left is called with the turn, on the same goroutine, when Run has returned, has panicked with
	// v, or was left by the end of the goroutine.
	Left(v any, returned bool)
	// Ended is called with the turn when the strand was marked dead: see [Strand.End].
	Ended()
}

// Strand is a goroutine that shares the turn with others.
type Strand struct {
	turn   *Turn
	task   Task
	wake   chan struct{}
	number uint64 // of its goroutine; zero if its stack shows whose it is

	// id distinguishes its goroutine from others; zero before it begins and after it has ended.
	// Goroutines that do not have the turn read it.
	id atomic.Uintptr
	// offs says that its goroutine is off the turn; others read it.
	offs atomic.Bool
	// revoked is the ticket with which it has lost the turn, if it does not know that yet.
	revoked atomic.Uint64

	// With the turn.
	family
	state  state
	kind   Kind // while away
	why    any  // while parked
	begun  bool // its goroutine exists, or has existed
	dead   bool // it is to end: set for good
	later  bool // it is dead, and unwinds only when it is released
	queued bool // it is among those that are to unwind
	// came is cameBack as an event: made once, for a strand goes off the turn for each body.
	came func()
	seat *Seat
}

// family is a strand's place among others: its children end with it.
type family struct {
	parent, first, last, prev, next *Strand
}

func (s *Strand) adopt(c *Strand) {
	c.parent, c.prev = s, s.last
	if s.last != nil {
		s.last.next = c
	} else {
		s.first = c
	}
	s.last = c
}

func (s *Strand) disown(c *Strand) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		s.last = c.prev
	}
}

// Spawn makes a strand for a task, ready behind those that are ready already. It ends with its
// parent, if that is ended; a nil parent makes a strand of its own. With the turn.
func (t *Turn) Spawn(parent *Strand, task Task) *Strand {
	s := &Strand{turn: t, task: task, wake: make(chan struct{}, 1)}
	if parent != nil {
		parent.adopt(s)
	}
	t.strands++
	t.ready.push(s)
	return s
}

// Task returns what Spawn was called with.
func (s *Strand) Task() Task { return s.task }

// Dead reports whether the strand is to end. With the turn.
func (s *Strand) Dead() bool { return s.dead }

// Gone reports whether the strand has ended. With the turn.
func (s *Strand) Gone() bool { return s.state == gone }

// IsOff reports whether the strand is off the turn. With the turn.
func (s *Strand) IsOff() (k Kind, off bool) { return s.kind, s.state == away }

// Why returns what the strand is parked for; nil if it is not parked. With the turn.
func (s *Strand) Why() any {
	if s.state != parked {
		return nil
	}
	return s.why
}

// main is the strand's goroutine. It is found in a dump of all stacks by the arguments of this
// function; see [Strand.find] and [Turn.Whose].
func (s *Strand) main(t *Turn) {
	returned := false
	defer s.finish(&returned)
	room()
	s.id.Store(g())
	if !showsStrands(s) {
		s.number = number()
		t.numbered(s.number)
	}
	s.task.Run()
	returned = true
	runtime.KeepAlive(s) // so that the arguments are in their places during each of these calls
	runtime.KeepAlive(t)
}

// roomBytes is how much of a stack nearly every strand uses: hashing the ID of an operation needs
// more than 8 KB below the frames of a branch, and stacks have a power of two.
const roomBytes = 9 << 10

// room has the stack grow at once to what it will need. Else it would be copied each time it is too
// small, when it holds the frames of the engine, of the user and of a decoder, which all have to be
// looked at.
//
//go:noinline
func room() {
	var frame [roomBytes]byte
	runtime.KeepAlive(&frame)
}

// finish ends the strand, however its task did, and gives the turn away. It is deferred: there is
// one deferred function and not two, for the end of a goroutine has to look for each.
func (s *Strand) finish(returned *bool) {
	v := recover()
	s.Regain()
	s.task.Left(v, *returned)
	s.id.Store(0)
	s.leave()
	s.turn.drive(nil)
}

// leave takes the strand out of those that exist. It stays among its parent's as long as something
// that it has spawned exists, which must be found when the parent is ended.
func (s *Strand) leave() {
	s.state = gone
	s.turn.strands--
	for s.state == gone && s.first == nil && s.parent != nil {
		parent := s.parent
		parent.disown(s)
		s = parent
	}
}

// Park gives the turn away until [Strand.Wake], and returns with it. If the strand is dead by then,
// its goroutine ends instead. why is what [Strand.Why] returns meanwhile. With the turn.
func (s *Strand) Park(why any) {
	if s.Parked(why) {
		s.Exit()
	}
}

// Parked is Park for a caller that ends the goroutine by itself if the strand is dead, with
// [Strand.Exit]: that goes back through the functions on the stack one by one, and takes less time
// where there are fewer.
func (s *Strand) Parked(why any) (dead bool) {
	if s.dead {
		return true
	}
	s.state, s.why = parked, why
	if !s.turn.drive(s) {
		<-s.wake
	}
	s.why = nil
	return s.dead
}

// Wake makes a parked strand ready, behind those that are. It does nothing to others. With the
// turn.
func (s *Strand) Wake() {
	if s.state != parked || s.dead {
		return
	}
	s.state = ready
	s.turn.ready.push(s)
}

// Exit ends the goroutine of the strand: its deferred functions run, with the turn. It is called by
// the strand itself, with the turn.
func (s *Strand) Exit() {
	s.toUser()
	runtime.Goexit()
}

// toUser hands the turn to the code around the strand's last call.
func (s *Strand) toUser() {
	if s.seat != nil {
		s.turn.Leave(s.seat)
	}
}

// Off gives the turn away while f runs, and returns with it. If the strand is dead by then, or f
// ends the goroutine, the goroutine ends instead. With the turn.
func (s *Strand) Off(k Kind, f func()) {
	t := s.turn
	s.state, s.kind = away, k
	if s.dead {
		s.state = running
		s.Exit()
	}
	t.off[k]++
	s.offs.Store(true)
	t.awaySet(s.id.Load(), true)
	t.drive(nil)
	returned := false
	defer func() {
		s.back()
		if !returned {
			s.toUser()
		}
	}()
	f()
	returned = true
}

// back takes the turn again after the strand was off it.
func (s *Strand) back() {
	t := s.turn
	if s.came == nil {
		s.came = s.cameBack
	}
	if !t.post(s.came, s) {
		<-s.wake
	}
	t.awaySet(s.id.Load(), false)
	s.offs.Store(false)
	if s.dead {
		s.Exit()
	}
}

// cameBack is the event that what the strand did off the turn is over.
func (s *Strand) cameBack() {
	if s.dead {
		s.unwind()
		return
	}
	s.turn.off[s.kind]--
	s.state = ready
	s.turn.ready.push(s)
}

// unwind puts a dead strand among those that are to end, unless it is to wait for its release.
func (s *Strand) unwind() {
	s.state = parked
	if s.later || s.queued {
		return
	}
	s.queued = true
	s.turn.dead.push(s)
}

// End marks the strand and all that it has spawned as dead. Those that are parked or ready unwind
// before anything else runs, children before their parents; one that is off unwinds when it comes
// back; the caller, if it is among them, at its next Park. With later, none unwinds before
// [Strand.Release], or before End without later. With the turn.
func (s *Strand) End(later bool) {
	for c := s.first; c != nil; {
		next := c.next // one that never began leaves the list
		c.End(later)
		c = next
	}
	if s.dead || s.state == gone {
		if !later {
			s.release()
		}
		return
	}
	s.dead, s.later = true, later
	s.task.Ended()
	switch s.state {
	case away:
		s.turn.off[s.kind]--
	case ready, parked:
		if !s.begun {
			s.leave()
			return
		}
		s.unwind()
	case running, gone:
	}
}

// Release lets strands unwind that were ended to do so later. With the turn.
func (s *Strand) Release() {
	for c := s.first; c != nil; c = c.next {
		c.Release()
	}
	s.release()
}

// release is Release for the strand alone.
func (s *Strand) release() {
	if !s.later {
		return
	}
	s.later = false
	if s.state == parked {
		s.unwind()
	}
}
