package local

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// Clock is where the service takes the time from and what calls it when a timer is due.
type Clock interface{ checkpoint.Clock }

var _ Clock = (*VirtualClock)(nil)

// VirtualClock is a clock that stands still until it is advanced. It is safe for concurrent use,
// but only the use from one goroutine at a time is deterministic.
type VirtualClock struct {
	mu     sync.Mutex
	now    time.Time
	timers timerHeap
	seq    uint64
	random *rand.Rand // nil: timers of one instant keep their order
}

// NewVirtualClock returns a clock that shows start, truncated to milliseconds.
func NewVirtualClock(start time.Time) *VirtualClock {
	return &VirtualClock{now: start.UTC().Truncate(time.Millisecond)}
}

// Shuffle has timers of the same instant that are made from now on fire in an order that depends
// on seed alone, and not in the order they were made: what happens at one time happens in any
// order.
func (c *VirtualClock) Shuffle(seed uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.random = rand.New(rand.NewPCG(seed, 0))
}

// Now returns the time the clock stands at.
func (c *VirtualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc calls f on a goroutine of its own when the clock has been advanced by d. If d is not
// positive, f is due, but waits for the next advance all the same.
// stop reports whether it prevented the call.
func (c *VirtualClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	t := &virtualTimer{at: c.now.Add(max(d, 0)), seq: c.seq, f: f}
	if c.random != nil {
		t.rank = c.random.Uint64()
	}
	heap.Push(&c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t.index < 0 {
			return false
		}
		heap.Remove(&c.timers, t.index)
		return true
	}
}

// Next returns the time of the next timer; ok is false if there is none.
func (c *VirtualClock) Next() (at time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 {
		return time.Time{}, false
	}
	return c.timers[0].at, true
}

// Advance moves the clock by d. See [VirtualClock.AdvanceTo].
func (c *VirtualClock) Advance(d time.Duration) { c.AdvanceTo(c.Now().Add(d)) }

// AdvanceTo moves the clock to t, from timer to timer: while the functions due at one instant
// run, the clock shows that instant. Timers of the same instant fire one after the other, in the
// order they were made; AdvanceTo returns when the last function has. A time in the past fires
// what is due and leaves the clock where it is.
//
// AdvanceTo may be called by anybody, the body of a step included, to whom so much time passes.
func (c *VirtualClock) AdvanceTo(t time.Time) {
	for {
		f := c.pop(t)
		if f == nil {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			f()
		}()
		<-done
	}
}

// pop moves the clock to the next timer not after t and removes that timer. Without one it moves
// the clock to t and returns nil.
func (c *VirtualClock) pop(t time.Time) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 || c.timers[0].at.After(t) {
		if t.After(c.now) {
			c.now = t
		}
		return nil
	}
	next, _ := heap.Pop(&c.timers).(*virtualTimer)
	if next.at.After(c.now) {
		c.now = next.at
	}
	return next.f
}

type virtualTimer struct {
	at    time.Time
	rank  uint64
	seq   uint64
	f     func()
	index int // in the heap, negative when it has left it
}

// timerHeap orders timers by time, then by rank, then by creation. It is a heap.Interface.
type timerHeap []*virtualTimer

// Len implements heap.Interface.
func (h *timerHeap) Len() int { return len(*h) }

// Less implements heap.Interface.
func (h *timerHeap) Less(i, j int) bool {
	a, b := (*h)[i], (*h)[j]
	switch {
	case !a.at.Equal(b.at):
		return a.at.Before(b.at)
	case a.rank != b.rank:
		return a.rank < b.rank
	}
	return a.seq < b.seq
}

// Swap implements heap.Interface.
func (h *timerHeap) Swap(i, j int) {
	t := *h
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push implements heap.Interface.
func (h *timerHeap) Push(x any) {
	t, _ := x.(*virtualTimer)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop implements heap.Interface.
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = -1
	return t
}
