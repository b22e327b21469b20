package replay

import (
	"time"
)

// poll asks the service what has changed while some goroutines wait for it and others are busy.
type poll struct {
	count  int
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
// service: at the time the first wait or retry is over, else after n seconds the n-th time, at
// most ten. Called with the lock held.
func (inv *invocation) arm() {
	if inv.phase != running || inv.busy == 0 || inv.poll.disarm != nil {
		return
	}
	now := inv.clock.Now()
	var due time.Time
	waiting := false
	for w := range inv.parked {
		if !inv.served(w) {
			continue
		}
		waiting = true
		rec, _ := inv.log.Get(w.op.id)
		for _, at := range []time.Time{rec.ScheduledEnd, rec.NextAttempt} {
			if at.After(now) && (due.IsZero() || at.Before(due)) {
				due = at
			}
		}
	}
	if !waiting {
		return
	}
	after := min(time.Duration(inv.poll.count+1)*pollStep, pollMost)
	if !due.IsZero() && (inv.poll.count == 0 || due.Sub(now) < after) {
		after = due.Sub(now)
	}
	inv.poll.count++
	inv.poll.disarm = inv.clock.AfterFunc(after, inv.ask)
}

// ask polls, if somebody still waits while others are busy.
func (inv *invocation) ask() {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.poll.disarm = nil
	if inv.phase != running || inv.busy == 0 || !inv.suspendable() {
		return
	}
	if deadline, ok := inv.ctx.Deadline(); ok && deadline.Sub(inv.clock.Now()) < pollMargin {
		return
	}
	inv.writer.Poll()
	inv.arm()
}
