package checkpoint

import (
	"context"
	"sync"
	"time"
)

// Limits of one checkpoint call. Source: what the service's own SDKs keep to; the service
// documents neither number.
const (
	MaxBatchUpdates = 250
	MaxBatchBytes   = 750 << 10
)

// What is assumed of a round trip before the first was measured, and the least it counts as.
const (
	firstRoundTrip = 10 * time.Millisecond
	minRoundTrip   = time.Millisecond
)

// WriterConfig is what a [Writer] works with. All fields are required.
type WriterConfig struct {
	Client Client
	Clock  Clock
	ARN    string
	// Token is the checkpoint token of the invocation.
	Token string
	// Lock guards the writer. Its methods are called with Lock held, and so is OnReply: what a
	// reply changes, and that the writer is idle again, becomes visible at once.
	Lock sync.Locker
	// OnReply is told of every finished call. It may call the writer.
	OnReply func(r Reply)
}

// Reply is how a checkpoint call ended.
type Reply struct {
	// Updates are those of the call, in order; none for a poll.
	Updates []Update
	// Operations are those that changed, of all pages of the answer.
	Operations []Operation
	// Ended says that the service gave no further token: it accepts no more calls.
	Ended bool
	// Err is why the call failed; nil if it was accepted. The writer makes no further call after a
	// failed one unless [Writer.Resume] is called.
	Err error
}

// Writer sends updates to the service: in the order they were added, one call at a time, each
// with the token of the answer before.
//
//  1. An update is due when it was added, or when the time it is held back is over.
//  2. If a call is in flight, everything waits.
//  3. Otherwise, if an update is due, a call takes the updates from the front of the queue, due or
//     not, up to 250 updates or 750 KiB. So holding an update delays calls, never the order.
//  4. An update that is larger than that, or two that [Writer.AddBoth] has tied, travel in a call of their own.
//
// All methods are called with the configuration's lock held.
type Writer struct {
	cfg     WriterConfig
	token   string
	queue   []queued
	added   uint64 // updates added so far
	sent    uint64 // updates in calls that were made
	acked   uint64 // updates in calls that were accepted
	calls   int
	poll    bool // an empty call is asked for
	running bool // the sender goroutine exists
	flight  bool // a call is in flight
	stopped bool
	trip    time.Duration
	disarm  func() bool
	armed   time.Time
	senders sync.WaitGroup
	ctx     context.Context //nolint:containedctx // calls live as long as the invocation, not as their adder
}

type queued struct {
	u     Update
	due   time.Time // zero: now
	alone bool
	// tied says that the update is never in another call than the one after it.
	tied bool
}

// NewWriter returns a writer whose calls live as long as ctx.
func NewWriter(ctx context.Context, cfg WriterConfig) *Writer {
	return &Writer{cfg: cfg, token: cfg.Token, trip: firstRoundTrip, ctx: ctx}
}

// Add queues an update that may be held back for the given time, and returns its number.
func (w *Writer) Add(u Update, hold time.Duration) uint64 {
	return w.push(queued{u: u, due: w.due(hold)})
}

// due returns when an update that is held back is due; zero is now.
func (w *Writer) due(hold time.Duration) time.Time {
	if hold <= 0 {
		return time.Time{}
	}
	return w.cfg.Clock.Now().Add(hold)
}

// AddWait queues an update that somebody waits for: it is due at once, and everything before it.
func (w *Writer) AddWait(u Update) uint64 { return w.push(queued{u: u}) }

// AddBoth queues two updates that travel in one call, whatever is due: the first alone would take
// back something that only the second writes again. It returns the number of the second.
func (w *Writer) AddBoth(first, second Update, hold time.Duration) uint64 {
	w.queue = append(w.queue, queued{u: first, due: w.due(hold), tied: true})
	w.added++
	return w.Add(second, hold)
}

// AddAlone queues an update that travels in a call of its own, because the service may refuse it.
func (w *Writer) AddAlone(u Update) uint64 { return w.push(queued{u: u, alone: true}) }

func (w *Writer) push(q queued) uint64 {
	w.queue = append(w.queue, q)
	w.added++
	w.kick()
	return w.added
}

// Poll asks for a call although nothing may be queued, to learn what has changed.
func (w *Writer) Poll() {
	w.poll = true
	w.kick()
}

// Flush makes everything due.
func (w *Writer) Flush() {
	for i := range w.queue {
		w.queue[i].due = time.Time{}
	}
	w.kick()
}

// Stop ends the writer: queued updates are dropped, and no further call is made.
// A call in flight goes on; see [Writer.Join].
func (w *Writer) Stop() {
	w.stopped = true
	w.queue = nil
	w.poll = false
	w.hush()
}

// Resume lets the writer go on after a call that was refused without using up its token. The
// updates of the call count as answered.
func (w *Writer) Resume() {
	w.stopped = false
	w.acked = w.sent
}

// Join waits until the call in flight has ended, if there is one. It is called without the lock.
func (w *Writer) Join() { w.senders.Wait() }

// Queued reports how many updates wait for a call.
func (w *Writer) Queued() int { return len(w.queue) }

// InFlight reports whether a call is being made.
func (w *Writer) InFlight() bool { return w.flight }

// Added returns the number of the last update that was added.
func (w *Writer) Added() uint64 { return w.added }

// Acked returns the number of the last update that the service has accepted.
func (w *Writer) Acked() uint64 { return w.acked }

// Calls returns the number of calls made.
func (w *Writer) Calls() int { return w.calls }

// Token returns the token of the next call.
func (w *Writer) Token() string { return w.token }

// RoundTrip returns what a call takes: ten milliseconds before the first, then a moving average,
// at least one millisecond.
func (w *Writer) RoundTrip() time.Duration { return max(w.trip, minRoundTrip) }

// kick starts the sender if something is due and no sender is at work.
func (w *Writer) kick() {
	if w.running {
		return
	}
	batch, ok := w.next()
	if !ok {
		return
	}
	w.running = true
	w.senders.Go(func() { w.send(batch) })
}

// next takes the updates of the next call from the queue and marks the call as in flight.
// If nothing is due yet it arms the timer of the first update that will be.
func (w *Writer) next() ([]Update, bool) {
	if w.stopped || (len(w.queue) == 0 && !w.poll) {
		return nil, false
	}
	if !w.poll && !w.anyDue() {
		return nil, false
	}
	w.poll = false
	w.hush()
	n, size := 0, 0
	for n < len(w.queue) {
		k, s := w.unit(n)
		if n > 0 && (n+k > MaxBatchUpdates || size+s > MaxBatchBytes || w.queue[n].alone || w.queue[0].alone) {
			break
		}
		size += s
		n += k
	}
	batch := make([]Update, n)
	for i := range batch {
		batch[i] = w.queue[i].u
		w.queue[i] = queued{}
	}
	w.queue = w.queue[n:]
	w.sent += uint64(n) //nolint:gosec // G115: n counts updates of the queue
	w.flight = true
	w.calls++
	return batch, true
}

// unit returns how many updates of the queue travel together from the i-th on, which are more than one if they
// are tied, and their size. A unit that is larger than a call goes alone, never in two.
func (w *Writer) unit(i int) (n, size int) {
	for ; i+n < len(w.queue); n++ {
		size += w.queue[i+n].u.size()
		if !w.queue[i+n].tied {
			return n + 1, size
		}
	}
	return n, size
}

// anyDue reports whether an update of the queue is due, and arms the timer if none is.
func (w *Writer) anyDue() bool {
	if len(w.queue) >= MaxBatchUpdates {
		return true
	}
	first := w.queue[0].due
	for _, q := range w.queue {
		if q.due.IsZero() {
			return true
		}
		if q.due.Before(first) {
			first = q.due
		}
	}
	wait := first.Sub(w.cfg.Clock.Now())
	if wait <= 0 {
		return true
	}
	if w.disarm == nil || !w.armed.Equal(first) {
		w.hush()
		w.armed = first
		w.disarm = w.cfg.Clock.AfterFunc(wait, func() {
			w.cfg.Lock.Lock()
			defer w.cfg.Lock.Unlock()
			w.kick()
		})
	}
	return false
}

// hush stops the timer of held updates.
func (w *Writer) hush() {
	if w.disarm != nil {
		w.disarm()
		w.disarm = nil
	}
}

// send makes calls until nothing is due.
func (w *Writer) send(batch []Update) {
	for more := true; more; {
		w.cfg.Lock.Lock()
		token := w.token
		w.cfg.Lock.Unlock()
		begin := w.cfg.Clock.Now()
		out, err := w.call(token, batch)
		took := w.cfg.Clock.Now().Sub(begin)

		w.cfg.Lock.Lock()
		w.reply(batch, out, err, took)
		batch, more = w.next()
		w.running = more
		w.cfg.Lock.Unlock()
	}
}

// reply notes how a call ended and tells the owner.
func (w *Writer) reply(batch []Update, out CheckpointOutput, err error, took time.Duration) {
	w.flight = false
	r := Reply{Updates: batch, Operations: out.Operations, Err: err}
	if err != nil {
		w.stopped = true
	} else {
		w.acked = w.sent
		w.trip = (3*w.trip + took) / 4
		if w.calls == 1 {
			w.trip = took
		}
		w.token = out.Token
		r.Ended = out.Token == ""
		w.stopped = w.stopped || r.Ended
	}
	w.cfg.OnReply(r)
}

// call makes one call and reads all pages of its answer.
func (w *Writer) call(token string, batch []Update) (CheckpointOutput, error) {
	out, err := w.cfg.Client.Checkpoint(w.ctx, CheckpointInput{ARN: w.cfg.ARN, Token: token, Updates: batch})
	if err != nil || out.NextMarker == "" || out.Token == "" {
		return out, err
	}
	rest, err := statePages(w.ctx, w.cfg.Client, w.cfg.ARN, out.Token, out.NextMarker)
	out.Operations = append(out.Operations, rest...)
	return out, err
}

// size estimates the bytes of the update in a call.
func (u *Update) size() int {
	const fixed = 200
	n := fixed + len(u.ID) + len(u.ParentID) + len(u.Name) + len(u.SubType) + len(u.Function) + len(u.Tenant)
	n += escapedSize(u.Payload.Bytes())
	if f := u.Failure; f != nil {
		n += len(f.Type) + len(f.Message) + len(f.Data)
		for _, s := range f.Stack {
			n += len(s)
		}
		n += n / 8 //nolint:mnd // quotes and line ends of the message and stack
	}
	return n
}

// escapedSize is the length of the text within a JSON string.
func escapedSize(text []byte) int {
	n := len(text)
	for _, c := range text {
		switch {
		case c == '"' || c == '\\' || c == '\n' || c == '\t' || c == '\r':
			n++
		case c < ' ':
			n += 5
		}
	}
	return n
}
