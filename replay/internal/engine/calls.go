package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// What is assumed of a round trip before the first was measured, and the least it counts as.
const (
	firstRoundTrip = 10 * time.Millisecond
	minRoundTrip   = time.Millisecond
)

// sender makes checkpoint calls, one at a time, each with the token of the answer before. Its
// goroutine begins with the first call and ends with [sender.close].
type sender struct {
	client checkpoint.Client
	clock  checkpoint.Clock
	arn    string
	token  string // of the next call
	// replied is called on the sender's goroutine with how each call ended.
	replied func(r *reply)

	calls chan []checkpoint.Update
}

// reply is how a checkpoint call ended.
type reply struct {
	// updates are those of the call, in order; none for a poll.
	updates []checkpoint.Update
	// operations are those that changed, of all pages of the answer.
	operations []checkpoint.Operation
	// ended says that the service gave no further token: it accepts no more calls.
	ended bool
	// err is why the call failed; nil if it was accepted.
	err error
	// took is how long the call took.
	took time.Duration
}

// begin makes a call with these updates, as long as ctx lives. It does not block if the call before
// was answered.
func (s *sender) begin(ctx context.Context, updates []checkpoint.Update) {
	if s.calls == nil {
		s.calls = make(chan []checkpoint.Update, 1)
		go s.run(ctx, s.calls)
	}
	s.calls <- updates
}

// close ends the sender's goroutine after the call in flight.
func (s *sender) close() {
	if s.calls != nil {
		close(s.calls)
		s.calls = nil
	}
}

func (s *sender) run(ctx context.Context, calls <-chan []checkpoint.Update) {
	for updates := range calls {
		begin := s.clock.Now()
		out, err := s.call(ctx, updates)
		r := &reply{updates: updates, operations: out.Operations, err: err, took: s.clock.Now().Sub(begin)}
		if err == nil {
			s.token = out.Token
			r.ended = out.Token == ""
		}
		s.replied(r)
	}
}

// call makes one call and reads all pages of its answer.
func (s *sender) call(ctx context.Context, updates []checkpoint.Update) (checkpoint.CheckpointOutput, error) {
	out, err := s.client.Checkpoint(ctx, checkpoint.CheckpointInput{ARN: s.arn, Token: s.token, Updates: updates})
	if err != nil || out.NextMarker == "" || out.Token == "" {
		return out, err
	}
	rest, err := checkpoint.LoadState(ctx, s.client, checkpoint.Invocation{
		ARN: s.arn, Token: out.Token, NextMarker: out.NextMarker,
	})
	out.Operations = append(out.Operations, rest...)
	return out, err
}

// trip estimates how long a call takes: ten milliseconds before the first, then a moving average,
// at least one millisecond. The zero value knows of no call.
type trip struct {
	average time.Duration
	calls   int
}

// add takes in how long a call took.
func (t *trip) add(took time.Duration) {
	if t.calls++; t.calls == 1 {
		t.average = took
		return
	}
	t.average = (3*t.average + took) / 4 //nolint:mnd // the new one counts for a quarter
}

// time returns the estimate.
func (t *trip) time() time.Duration {
	if t.calls == 0 {
		return firstRoundTrip
	}
	return max(t.average, minRoundTrip)
}

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

// armPoll sets the timer of the next poll if someone waits for the service while others are busy.
// Each operation is asked for when its wait or the pause before its retry is over, else after a
// second; if that was for nothing, again after a second, then after two, and so on, at most ten.
func armPoll(inv *invocation) {
	if !inv.poll.stale || inv.turn.LiveOff() == 0 {
		return
	}
	inv.poll.stale = false
	now := inv.Clock.Now()
	var next time.Time
	for _, fs := range inv.waits.records {
		for _, f := range fs {
			if !askedService(inv, f) {
				continue
			}
			if at := pollAt(inv, f, now); next.IsZero() || at.Before(next) {
				next = at
			}
		}
	}
	if next.IsZero() {
		return
	}
	if inv.poll.disarm == nil || next.Before(inv.poll.at) {
		inv.poll.set(inv, next, func() { askService(inv) })
	}
}

// pollAt returns when the service is to be asked for what f waits for.
func pollAt(inv *invocation, f *fiber, now time.Time) time.Time {
	if at, timed := endsAt(inv, f, now); timed {
		return at
	}
	return now.Add(min(time.Duration(max(f.wait.op.polls, 1))*pollStep, pollMost))
}

// endsAt returns when the service finishes what f waits for, if that is a matter of time and not
// over.
func endsAt(inv *invocation, f *fiber, now time.Time) (at time.Time, timed bool) {
	rec, _ := inv.log.Get(f.wait.op.id)
	return rec.Due, rec.Due.After(now)
}

// askService polls, if someone still waits while others are busy.
func askService(inv *invocation) {
	inv.poll.stop()
	inv.poll.stale = true
	if inv.end.closing || inv.turn.LiveOff() == 0 || !awaitedFrom(inv) {
		return
	}
	now := inv.Clock.Now()
	if deadline, ok := inv.ctx.Deadline(); ok && deadline.Sub(now) < pollMargin {
		inv.poll.stale = false
		return
	}
	for _, fs := range inv.waits.records {
		for _, f := range fs {
			if !askedService(inv, f) {
				continue
			}
			if _, timed := endsAt(inv, f, now); !timed {
				f.wait.op.polls++
			}
		}
	}
	inv.out.Poll()
}

// askedService reports whether f waits for what only the service can say.
func askedService(inv *invocation, f *fiber) bool { return inv.served(f) || namelessCallback(inv, f) }

// awaitedFrom reports whether something waits for what only the service can say.
func awaitedFrom(inv *invocation) bool {
	for _, fs := range inv.waits.records {
		if slices.ContainsFunc(fs, func(f *fiber) bool { return askedService(inv, f) }) {
			return true
		}
	}
	return false
}

// namelessCallback reports whether f waits for the ID of a callback whose record the service has
// not sent, though it has accepted the START.
func namelessCallback(inv *invocation, f *fiber) bool {
	if f.Dead() || f.wait.why != waitID {
		return false
	}
	_, ok := inv.log.Get(f.wait.op.id)
	return ok
}

// mostIDPolls is how often an invocation in which nothing can go on asks for the ID of a callback.
const mostIDPolls = 3

// askCallbackID asks the service for the IDs of callbacks if they are needed, and reports whether
// it does. Suspending would not help: nothing wakes an execution whose callback is not known
// outside. If asking is in vain the invocation ends with an error: the next one reads the whole
// log.
func askCallbackID(inv *invocation) bool {
	var first *operation
	if inv.waits.naming == 0 { // else thousands that wait for something else would be looked at
		return false
	}
	for _, fs := range inv.waits.records {
		for _, f := range fs {
			if !namelessCallback(inv, f) {
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
		inv.endWith(Outcome{Err: fmt.Errorf("replay: %s: the service accepted the callback and did not send its ID: "+
			"the next invocation will ask again", quote(first.path()))})
	default:
		inv.out.Poll()
	}
	return true
}
