package engine

import (
	"fmt"
	"slices"
	"time"
)

// poll asks the service what has changed while some fibers wait for it and others are busy.
type poll struct {
	timer

	// stale says that what is waited for has changed since the timer was set.
	stale bool
}

// How long is waited between polls, and how near the deadline there are none.
const (
	pollStep   = time.Second
	pollMost   = 10 * time.Second
	pollMargin = time.Second
)

// armPoll sets the timer of the next poll if somebody waits for the service while others are busy. Each
// operation is asked for when its wait or the pause before its retry is over, else after a second; if
// that was for nothing, again after a second, then after two, and so on, at most ten.
func (inv *invocation) armPoll() {
	if !inv.poll.stale || inv.turn.LiveOff() == 0 {
		return
	}
	inv.poll.stale = false
	now := inv.Clock.Now()
	var next time.Time
	for _, fs := range inv.waits.records {
		for _, f := range fs {
			if !inv.asked(f) {
				continue
			}
			if at := inv.pollAt(f, now); next.IsZero() || at.Before(next) {
				next = at
			}
		}
	}
	if next.IsZero() {
		return
	}
	if inv.poll.disarm == nil || next.Before(inv.poll.at) {
		inv.poll.set(inv, next, inv.askService)
	}
}

// pollAt returns when the service is to be asked for what f waits for.
func (inv *invocation) pollAt(f *fiber, now time.Time) time.Time {
	if at, timed := inv.ends(f, now); timed {
		return at
	}
	return now.Add(min(time.Duration(max(f.wait.op.polls, 1))*pollStep, pollMost))
}

// ends returns when the service finishes what f waits for, if that is a matter of time and not over.
func (inv *invocation) ends(f *fiber, now time.Time) (at time.Time, timed bool) {
	rec, _ := inv.log.Get(f.wait.op.id)
	for _, at := range []time.Time{rec.ScheduledEnd, rec.NextAttempt} {
		if at.After(now) {
			return at, true
		}
	}
	return time.Time{}, false
}

// askService polls, if somebody still waits while others are busy.
func (inv *invocation) askService() {
	inv.poll.stop()
	inv.poll.stale = true
	if inv.end.closing || inv.turn.LiveOff() == 0 || !inv.awaited() {
		return
	}
	now := inv.Clock.Now()
	if deadline, ok := inv.ctx.Deadline(); ok && deadline.Sub(now) < pollMargin {
		inv.poll.stale = false
		return
	}
	for _, fs := range inv.waits.records {
		for _, f := range fs {
			if !inv.asked(f) {
				continue
			}
			if _, timed := inv.ends(f, now); !timed {
				f.wait.op.polls++
			}
		}
	}
	inv.out.Poll()
}

// asked reports whether f waits for what only the service can say.
func (inv *invocation) asked(f *fiber) bool { return inv.served(f) || inv.nameless(f) }

// awaited reports whether something waits for what only the service can say.
func (inv *invocation) awaited() bool {
	for _, fs := range inv.waits.records {
		if slices.ContainsFunc(fs, inv.asked) {
			return true
		}
	}
	return false
}

// nameless reports whether f waits for the ID of a callback whose record the service has not sent, though it
// has accepted the START.
func (inv *invocation) nameless(f *fiber) bool {
	if f.Dead() || f.wait.why != waitID {
		return false
	}
	_, ok := inv.log.Get(f.wait.op.id)
	return ok
}

// mostIDPolls is how often an invocation in which nothing can go on asks for the ID of a callback.
const mostIDPolls = 3

// askID asks the service for the IDs of callbacks if they are needed, and reports whether it does. Suspending
// would not help: nothing wakes an execution whose callback is not known outside. If asking is in vain the
// invocation ends with an error: the next one reads the whole log.
func (inv *invocation) askID() bool {
	var first *operation
	for _, fs := range inv.waits.records {
		for _, f := range fs {
			if !inv.nameless(f) {
				continue
			}
			o := f.wait.op
			if o.polls++; first == nil || o.polls > first.polls || o.polls == first.polls && o.order < first.order {
				first = o
			}
		}
	}
	switch {
	case first == nil:
		return false
	case first.polls > mostIDPolls:
		inv.decide(Outcome{Err: fmt.Errorf("replay: %s: the service accepted the callback and did not send its ID: "+
			"the next invocation will ask again", quote(first.path()))})
	default:
		inv.out.Poll()
	}
	return true
}
