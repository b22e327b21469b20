// Package outbox holds the updates of an invocation that wait for a checkpoint call, and makes the
// calls. The [Queue] is pure: it knows no clock, no goroutine and no I/O.
package outbox

import (
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// Limits of one checkpoint call. Source: what the service's own SDKs keep to; the service documents
// neither number.
const (
	MaxUpdates = 250
	MaxBytes   = 750 << 10
)

// Queue holds updates in the order in which they were added.
//
//  1. An update is due when it was added, or when the time it is held back is over.
//  2. While a call is in flight, everything waits.
//  3. Otherwise, if an update is due, a call takes the updates from the front, due or not, up to
//     250 updates or 750 KiB. So holding an update delays calls, never the order.
//  4. Updates that are tied travel in one call, whatever is due and however full the call is.
//
// Each update has a number, and numbers grow: those of an accepted call, and all before them, have
// been accepted. The zero value is an empty queue.
type Queue struct {
	items  []item
	base   []item // empty, where the memory begins that items are in the rest of
	size   int    // bytes of items
	urgent int    // items that are due at once
	added  uint64 // number of the last update that was added
	sent   uint64 // number of the last update that was handed over
	acked  uint64 // number of the last update that was accepted
	flight bool
	poll   bool
}

type item struct {
	u    checkpoint.Update
	seq  uint64
	due  time.Time // zero: at once
	size int
	// alone says that the update travels in a call of its own, tied that it is never in another
	// call than the one after it.
	alone, tied bool
}

// Add queues an update that is due at a time, the zero time is now, and returns its number.
func (q *Queue) Add(u checkpoint.Update, due time.Time) uint64 { return q.push(item{u: u, due: due}) }

// AddTied queues an update that travels in the same call as the next one that is added.
func (q *Queue) AddTied(u checkpoint.Update, due time.Time) uint64 {
	return q.push(item{u: u, due: due, tied: true})
}

// AddAlone queues an update that is due now and travels in a call of its own, because the service
// may refuse it.
func (q *Queue) AddAlone(u checkpoint.Update) uint64 { return q.push(item{u: u, alone: true}) }

func (q *Queue) push(it item) uint64 {
	q.grow()
	q.added++
	it.seq, it.size = q.added, Size(&it.u)
	q.size += it.size
	if it.due.IsZero() {
		q.urgent++
	}
	q.items = append(q.items, it)
	return q.added
}

// Reserve makes room for n updates more.
func (q *Queue) Reserve(n int) {
	if len(q.items)+n > cap(q.items) {
		q.items = slices.Grow(q.items, n)
		q.base = q.items[:0]
	}
}

// grow makes room for another item. If half of the memory or more is before the items, they move
// there: a queue that is never empty does not grow with what has left it.
func (q *Queue) grow() {
	switch n := len(q.items); {
	case n < cap(q.items):
	case n > 0 && 2*n <= cap(q.base):
		moved := q.base[:n]
		copy(moved, q.items)
		clear(q.items)
		q.items = moved
	default:
		q.items = slices.Grow(q.items, 1)
		q.base = q.items[:0]
	}
}

// Withdraw takes an update back. It reports whether it could: not if it was handed over, nor if it
// is tied to another.
func (q *Queue) Withdraw(seq uint64) bool {
	i, ok := slices.BinarySearchFunc(q.items, seq, func(it item, seq uint64) int {
		switch {
		case it.seq < seq:
			return -1
		case it.seq > seq:
			return 1
		}
		return 0
	})
	if !ok || q.items[i].tied || i > 0 && q.items[i-1].tied {
		return false
	}
	q.forget(&q.items[i])
	q.items = slices.Delete(q.items, i, i+1)
	return true
}

func (q *Queue) forget(it *item) {
	q.size -= it.size
	if it.due.IsZero() {
		q.urgent--
	}
}

// Flush makes everything due now.
func (q *Queue) Flush() {
	for i := range q.items {
		q.items[i].due = time.Time{}
	}
	q.urgent = len(q.items)
}

// Poll asks for a call although nothing may be queued, to learn what has changed.
func (q *Queue) Poll() { q.poll = true }

// Clear drops what is queued.
func (q *Queue) Clear() {
	q.items, q.base, q.size, q.urgent, q.poll = nil, nil, 0, 0, false
}

// Len returns how many updates wait for a call.
func (q *Queue) Len() int { return len(q.items) }

// LastSent returns the number of the last update that was handed over; zero if there was none.
func (q *Queue) LastSent() uint64 { return q.sent }

// Size returns about how many bytes the queued updates have.
func (q *Queue) Size() int { return q.size }

// Empty reports whether there is nothing to make a call for.
func (q *Queue) Empty() bool { return len(q.items) == 0 && !q.poll }

// Full reports whether what is queued fills a call.
func (q *Queue) Full() bool { return len(q.items) >= MaxUpdates || q.size >= MaxBytes }

// InFlight reports whether a call was cut and has not been answered.
func (q *Queue) InFlight() bool { return q.flight }

// Last returns the number of the last update that was added and not withdrawn: when it is accepted,
// everything that was added is.
func (q *Queue) Last() uint64 {
	if n := len(q.items); n > 0 {
		return q.items[n-1].seq
	}
	return q.sent
}

// Acked returns the number of the last update that the service has accepted.
func (q *Queue) Acked() uint64 { return q.acked }

// Sent reports whether the update with this number was handed over.
func (q *Queue) Sent(seq uint64) bool { return seq <= q.sent }

// Due reports whether a call is to be made now. If not, next is when an update will be due; it is
// zero if nothing is queued.
func (q *Queue) Due(now time.Time) (next time.Time, due bool) {
	if q.urgent > 0 || q.poll || q.Full() {
		return time.Time{}, true
	}
	for i := range q.items {
		if at := q.items[i].due; next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next, len(q.items) > 0 && !next.After(now)
}

// Cut takes the updates of the next call from the front. The call is in flight until
// [Queue.Answered].
func (q *Queue) Cut() []checkpoint.Update {
	n := q.fill()
	batch := make([]checkpoint.Update, n)
	for i := range batch {
		q.forget(&q.items[i])
		batch[i], q.sent = q.items[i].u, q.items[i].seq
	}
	// What is left stays where it is: a batch queues thousands, and each call would move them.
	clear(q.items[:n])
	if q.items = q.items[n:]; len(q.items) == 0 {
		q.items = q.base
	}
	q.flight, q.poll = true, false
	return batch
}

// fill returns how many updates go into the next call.
func (q *Queue) fill() int {
	n, size := 0, 0
	for n < len(q.items) {
		end := n + 1 // of what travels together with the next
		for end < len(q.items) && q.items[end-1].tied {
			end++
		}
		more := 0
		for i := n; i < end; i++ {
			more += q.items[i].size
		}
		if n > 0 && (end > MaxUpdates || size+more > MaxBytes || q.items[n].alone || q.items[0].alone) {
			break
		}
		n, size = end, size+more
	}
	return n
}

// Answered says that the call in flight has ended. accepted is false if the service has not taken
// its updates.
func (q *Queue) Answered(accepted bool) {
	q.flight = false
	if accepted {
		q.acked = q.sent
	}
}

// Size estimates the bytes of an update in a call.
func Size(u *checkpoint.Update) int {
	const fixed = 200
	n := fixed + len(u.ID) + len(u.ParentID) + len(u.Name) + len(u.SubType) + len(u.Function) + len(u.Tenant) + len(u.TraceHeader)
	n += Escaped(u.Payload.Bytes())
	if f := u.Failure; f != nil {
		n += len(f.Type) + len(f.Message) + len(f.Data)
		for _, s := range f.Stack {
			n += len(s)
		}
		n += n / 8 //nolint:mnd // quotes and line ends of the message and stack
	}
	return n
}

// Escaped returns the length of a text within a JSON string.
func Escaped(text []byte) int {
	n := len(text)
	for i, c := range text {
		switch {
		case c == 0xe2 && lineEnd(text[i:]):
			n += 3
		case c == '"' || c == '\\' || c == '\n' || c == '\t' || c == '\r':
			n++
		case c < ' ':
			n += 5
		}
	}
	return n
}

// lineEnd reports whether a text begins with U+2028 or U+2029, which end lines in JavaScript and
// are escaped.
func lineEnd(text []byte) bool {
	return len(text) > 2 && text[1] == 0x80 && text[2]|1 == 0xa9
}
