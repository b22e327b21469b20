package engine

import (
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// cause is a place in the order of ends: when the service ended something, or, as long as it has
// not said when, the number of our update that ends it. The zero value is before everything.
//
// What a strand has waited for decides which of two strands was first, not which of their
// goroutines got to run first. The end of a group, batch or branch is our own checkpoint and no
// cause, but for one that is read from the log: nothing else is left of it there.
type cause struct {
	at  time.Time
	seq uint64
	id  string // the operation that seq ends
}

// before reports whether c is earlier. What is not acknowledged ends later than everything that is,
// in the order in which it was queued.
func (c cause) before(d cause) bool {
	if c.seq != d.seq {
		return c.seq < d.seq
	}
	return c.at.Before(d.at)
}

// knownCause returns the cause with the time of its end, if that is known by now.
func knownCause(inv *invocation, c cause) cause {
	if c.seq == 0 || inv.out.Acked() < c.seq {
		return c
	}
	rec, ok := inv.log.Get(c.id)
	if !ok {
		return cause{}
	}
	return cause{at: rec.End}
}

// because notes that the fiber has waited for something that ended at c.
func (f *fiber) because(c cause) {
	if f.cause = knownCause(f.inv, f.cause); f.cause.before(c) {
		f.cause = c
	}
}

// becauseOf notes that the fiber has waited for an operation with this record. found is the record
// when the operation was claimed.
func (f *fiber) becauseOf(rec, found *checkpoint.Operation) {
	if rec.Kind == checkpoint.KindContext && (found == nil || !found.Status.Terminal()) {
		return
	}
	f.because(cause{at: rec.End})
}
