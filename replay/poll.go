package replay

import (
	"fmt"
	"time"
)

// poll asks the service what has changed while some goroutines wait for it and others are busy.
type poll struct {
	at     time.Time // when the timer fires
	disarm func() bool
}

// How long is waited between polls, and how near the deadline there are none.
const (
	pollStep   = time.Second
	pollMost   = 10 * time.Second
	pollMargin = time.Second
)

func (p *poll) stop() {
	if p.disarm != nil {
		p.disarm()
		p.disarm = nil
	}
}

// arm sets the timer of the next poll if somebody is busy while another one waits for the
// service. Each operation is asked for when its wait or the pause before its retry is over, else
// after a second; if that was for nothing, again after a second, then after two, and so on, at
// most ten. Called with the lock held.
func (inv *invocation) arm() {
	if inv.phase != running || inv.busy == 0 {
		return
	}
	now := inv.clock.Now()
	var next time.Time
	for w := range inv.parked {
		if !inv.served(w) && !inv.nameless(w) {
			continue
		}
		if at := inv.pollAt(w, now); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if !next.IsZero() {
		inv.pollBy(next, now)
	}
}

// armFor is arm for one that parks while the timer is set for all others: it does not look at them, of
// which there may be thousands. Called with the lock held.
func (inv *invocation) armFor(w *waiter) {
	if inv.phase == running && inv.busy > 0 && (inv.served(w) || inv.nameless(w)) {
		now := inv.clock.Now()
		inv.pollBy(inv.pollAt(w, now), now)
	}
}

// pollBy sets the timer, unless there will be a poll before.
func (inv *invocation) pollBy(next, now time.Time) {
	if inv.poll.disarm != nil && !next.Before(inv.poll.at) {
		return
	}
	inv.poll.stop()
	inv.poll.at = next
	inv.poll.disarm = inv.clock.AfterFunc(next.Sub(now), inv.ask)
}

// pollAt returns when the service is to be asked for what w waits for.
func (inv *invocation) pollAt(w *waiter, now time.Time) time.Time {
	if at, timed := inv.ends(w, now); timed {
		return at
	}
	return now.Add(min(time.Duration(max(w.op.polls, 1))*pollStep, pollMost))
}

// ends returns when the service finishes what w waits for, if that is a matter of time and not over.
func (inv *invocation) ends(w *waiter, now time.Time) (at time.Time, timed bool) {
	rec, _ := inv.log.Get(w.op.id)
	for _, at := range []time.Time{rec.ScheduledEnd, rec.NextAttempt} {
		if at.After(now) {
			return at, true
		}
	}
	return time.Time{}, false
}

// ask polls, if somebody still waits while others are busy.
func (inv *invocation) ask() {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.poll.stop() // an earlier one may have been armed while this one waited for the lock
	if inv.phase != running || inv.busy == 0 || !inv.awaited() {
		return
	}
	now := inv.clock.Now()
	if deadline, ok := inv.ctx.Deadline(); ok && deadline.Sub(now) < pollMargin {
		return
	}
	for w := range inv.parked {
		if !inv.served(w) && !inv.nameless(w) {
			continue
		}
		if _, timed := inv.ends(w, now); !timed {
			w.op.polls++
		}
	}
	inv.writer.Poll()
	inv.arm()
}

// awaited reports whether somebody waits for what only the service can say.
func (inv *invocation) awaited() bool {
	for w := range inv.parked {
		if inv.served(w) || inv.nameless(w) {
			return true
		}
	}
	return false
}

// nameless reports whether w waits for the ID of a callback whose record the service has not sent, though it
// has accepted the START.
func (inv *invocation) nameless(w *waiter) bool {
	if w.why != waitID {
		return false
	}
	_, ok := inv.log.Get(w.op.id)
	return ok
}

// mostIDPolls is how often an invocation in which nobody can go on asks for the ID of a callback.
const mostIDPolls = 3

// askID asks the service for the IDs of callbacks if somebody needs one, and reports whether it does. Suspending
// would not help: nothing wakes an execution whose callback nobody knows. If asking is in vain the
// invocation ends with an error: the next one reads the whole log. Called with the lock held, when nobody can
// go on.
func (inv *invocation) askID() bool {
	var first *waiter
	for w := range inv.parked {
		if !inv.nameless(w) {
			continue
		}
		if w.op.polls++; first == nil || w.op.polls > first.op.polls {
			first = w
		}
	}
	switch {
	case first == nil:
		return false
	case first.op.polls > mostIDPolls:
		inv.close(outcome{err: fmt.Errorf("replay: %s: the service accepted the callback and did not send its ID: "+
			"the next invocation will ask again", quote(first.op.path()))})
	default:
		inv.writer.Poll()
	}
	return true
}
