package replaytest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
)

// answers answers the callbacks that the schedule has answered at this moment.
func (t *trial) answers(how string) {
	if !t.plan.any(how) || t.k.exec == nil {
		return
	}
	for _, r := range t.k.cfg.replies {
		if !t.plan.has(atCallback, spelled(r.path), how) {
			continue
		}
		if done, _ := t.k.replyTo(r); done {
			t.note(func() { t.meets(atCallback, spelled(r.path), how) })
		}
	}
}

// waits reports whether a callback is to be answered later than when the function has suspended.
func (t *trial) waits(r reply) (held bool) {
	t.note(func() {
		held = t.plan.has(atCallback, spelled(r.path), after) && !t.fired[fault{atCallback, spelled(r.path), after}]
	})
	return held
}

// pauses has the execution paused before a call, which is answered without a token then, or when an
// invocation has answered.
func (t *trial) pauses(p local.Point) {
	var now bool
	t.note(func() {
		switch {
		case p.Moment == local.MomentBeforeCall && p.API != callState:
			now = t.meets(atCall, t.number(p), paused)
		case p.Moment == local.MomentAnswer:
			now = t.meets(atInvocation, strconv.Itoa(p.Invocation), paused)
			t.asleep = t.asleep || now
		}
	})
	if !now {
		return
	}
	err := t.k.svc.Pause(t.ctx, checkpoint.PauseInput{ARN: p.ARN, Reason: t.plan.String()})
	if api, ok := errors.AsType[*checkpoint.APIError](err); err != nil && (!ok || !api.Conflict()) {
		t.note(func() { t.wrong = fmt.Sprintf("the execution cannot be paused: %v", err) })
	}
}

// resume has a paused execution go on, unless time is to pass before.
func (t *trial) resume() (resumed bool, err error) {
	var asleep bool
	t.note(func() { asleep = t.asleep })
	if asleep || t.k.exec.Status() != local.StatusPaused {
		return false, nil
	}
	err = t.k.svc.Resume(t.ctx, checkpoint.ResumeInput{ARN: t.k.exec.ARN()})
	return err == nil, err
}

// wakes lets time pass until the next timer if the execution was paused when an invocation had
// ended: waits and callbacks complete while nothing is invoked. Callbacks that have a reply are
// answered by then.
func (t *trial) wakes() bool {
	var asleep bool
	t.note(func() { asleep, t.asleep = t.asleep, false })
	if !asleep {
		return false
	}
	if at, ok := t.k.clock.Next(); ok {
		t.k.clock.AdvanceTo(at)
		t.note(func() { t.overslept = true })
	}
	return true
}

// rest lets half of the time until the next timer pass if a callback is to be answered then.
func (t *trial) rest() (passed bool) {
	for _, r := range t.k.cfg.replies {
		if _, open := t.k.open(r); !open || !t.waits(r) {
			continue
		}
		t.note(func() { t.meets(atCallback, spelled(r.path), after) })
		now := t.k.clock.Now()
		at, ok := t.k.clock.Next()
		if !ok {
			at = now.Add(time.Hour)
		}
		t.k.clock.AdvanceTo(now.Add(at.Sub(now) / 2)) //nolint:mnd // half of it
		passed = true
	}
	return passed || t.wakes()
}

// body runs a body, or not.
func (t *trial) body(ctx context.Context, path string, run int, next func(context.Context) (any, error)) (any, error) {
	t.answers(early)
	at := spelled(path) + "@" + strconv.Itoa(run)
	info, _ := op.InfoFrom(ctx)
	if rec, ok := t.k.exec.Operation(info.ID); ok && rec.Status.Terminal() && t.plan.only(paused) {
		t.note(func() { t.wrong = fmt.Sprintf("the body of %q ran although its result was recorded", path) })
	}
	var never, begun, ends, over, slow bool
	t.note(func() {
		t.bodies = append(t.bodies, at)
		never, ends = t.meets(atBody, at, lostBefore), t.meets(atBody, at, lostAfter)
		begun = t.meets(atBody, at, lostBegun)
		over, slow = t.meets(atBody, at, deadline), t.meets(atBody, at, late)
		if !never && !begun {
			t.perAttempt[path+" attempt "+strconv.Itoa(info.Attempt)]++
		}
	})
	if begun {
		t.begin(info.ID)
	}
	if (never || begun) && local.Kill(ctx) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	if d, ok := ctx.Deadline(); over && ok {
		t.k.clock.AdvanceTo(d)
		<-ctx.Done()
	}
	if slow {
		wait()
	}
	if t.plan.any(deadline) {
		ctx = timeless{ctx}
	}
	v, err := next(ctx)
	t.meeting.join(at)
	if t.turns.take(at) {
		t.note(func() { t.meets(atOrder, strings.Join(t.plan.order(), before), kept) })
	}
	t.note(func() { t.ended = append(t.ended, at) })
	if ends && local.Kill(ctx) {
		<-ctx.Done()
	}
	return v, err
}

// begin lets so much time pass that the START of a step is sent while its body runs.
func (t *trial) begin(id string) {
	t.k.clock.Advance(lateness)
	t.k.clock.Advance(10 * lateness)
	for range 10 {
		if rec, ok := t.k.exec.Operation(id); ok && rec.Status == checkpoint.StatusStarted {
			return
		}
		wait()
	}
}

// wait lets others go on for a little real time.
func wait() {
	over := make(chan struct{})
	time.AfterFunc(lateness, func() { close(over) })
	<-over
}

// timeless is a context without a deadline: that of an invocation is one of the virtual clock,
// which the network and others would take for one of the real clock.
type timeless struct{ context.Context } //nolint:containedctx // the one it is

// Deadline reports none.
func (timeless) Deadline() (time.Time, bool) { return time.Time{}, false }

// crash is asked at each call of Crash.
func (t *trial) crash(ctx context.Context, path string) bool {
	var dies bool
	t.note(func() {
		t.crashed[path]++
		at := spelled(path) + "@" + strconv.Itoa(t.crashed[path])
		t.crashes = append(t.crashes, at)
		dies = t.meets(atCrash, at, lost)
	})
	return dies && local.Kill(ctx)
}
