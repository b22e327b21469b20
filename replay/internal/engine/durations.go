package engine

import (
	"slices"
	"sync"
	"time"
)

// Durations are how long the last bodies took, by the name of their operation. They are the only thing
// that the invocations of a process share; they steer when START is sent, never what is done.
type Durations struct {
	mu   sync.Mutex
	last map[string]*lastThree
}

// lastThree are the durations of the last three bodies of a name.
type lastThree struct {
	ring [3]time.Duration
	n    int
}

// maxNames bounds the memory of a handler that makes up names.
const maxNames = 4096

// of returns what is to be expected: the median of the last three durations, the shorter of two. One
// body that was held up says nothing about the next. known is false if no body of this name has ended yet.
func (d *Durations) of(name string) (expected time.Duration, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.last[name]
	if l == nil {
		return 0, false
	}
	sorted := l.ring
	some := sorted[:min(l.n, len(sorted))]
	slices.Sort(some)
	return some[(len(some)-1)/2], true
}

// add takes in the duration of a body.
func (d *Durations) add(name string, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil {
		d.last = make(map[string]*lastThree)
	}
	l := d.last[name]
	switch {
	case l == nil && len(d.last) == maxNames:
		return
	case l == nil:
		l = new(lastThree)
		d.last[name] = l
	}
	l.ring[l.n%len(l.ring)] = took
	l.n++
}
