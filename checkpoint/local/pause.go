package local

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

var _ checkpoint.Control = (*Service)(nil)

// Pause is how an execution is paused (Lambda API, PauseDetails).
type Pause struct {
	// Requested is when the pause was asked for, At when the execution was paused, which is zero
	// while it is PAUSING.
	Requested, At time.Time
	// Reason is why; it may be empty.
	Reason string
	// TimeoutPaused says that the execution timeout is extended by the time that the execution is
	// paused.
	TimeoutPaused bool
}

// Pause implements [checkpoint.Pauser]: no invocation begins any more. An execution that is not in
// an invocation is PAUSED at once. One that is in one is PAUSING until the invocation ends or makes
// its next checkpoint call, which is committed and answered with nothing, without a token as well;
// further calls are refused as stale. Timers run on while the execution is paused, and callbacks
// can be answered.
//
// The error is a [*checkpoint.APIError]: [ErrNotFound], or a conflict that is [ErrEnded] or, if the
// execution is PAUSING or PAUSED, [ErrPaused]; or it refuses a reason that is too long, or a
// function that is not durable.
func (s *Service) Pause(ctx context.Context, in checkpoint.PauseInput) error {
	return s.control(ctx, api.CallPause, in.ARN, in.Reason, func(e *Execution, d *draft) error {
		switch {
		case e.lastPause.repeated(in.ClientToken, d.now, in):
			d.nothing = true
			return nil
		case d.rec.Plain:
			return api.Refuse(api.CallPause, "The function is not durable: its executions cannot be paused.")
		case d.rec.Status.Terminal():
			return conflict(api.CallPause, ErrEnded)
		case d.rec.Status != StatusRunning:
			return conflict(api.CallPause, ErrPaused)
		}
		d.rec.Pause = Pause{Requested: d.now, Reason: in.Reason, TimeoutPaused: !in.TimeoutRuns}
		d.rec.Status = StatusPausing
		if !e.running {
			d.pause()
		}
		d.under = append(d.under, func() { e.lastPause = namedCall{in, in.ClientToken, d.now} })
		return nil
	})
}

// Resume implements [checkpoint.Control]: a PAUSED execution runs again, and is invoked, once, if
// the pause has cut an invocation short or something has changed meanwhile that the function does
// not know of. The pause of a PAUSING one is called off: its invocation goes on, and the history
// shows nothing of it.
//
// The error is a [*checkpoint.APIError]: [ErrNotFound], or a conflict that is [ErrEnded] or
// [ErrNotPaused]; or it refuses a reason that is too long.
func (s *Service) Resume(ctx context.Context, in checkpoint.ResumeInput) error {
	return s.control(ctx, api.CallResume, in.ARN, in.Reason, func(e *Execution, d *draft) error {
		switch {
		case e.lastResume.repeated(in.ClientToken, d.now, in):
			d.nothing = true
			return nil
		case d.rec.Status.Terminal():
			return conflict(api.CallResume, ErrEnded)
		case !d.rec.Status.Held():
			return conflict(api.CallResume, ErrNotPaused)
		}
		d.resume(in.Reason)
		d.under = append(d.under, func() {
			e.lastResume = namedCall{in, in.ClientToken, d.now}
			if e.rec.Due {
				e.wake()
			}
		})
		return nil
	})
}

// control makes a transition that is asked for from outside, with the arguments that all of them
// have.
func (s *Service) control(ctx context.Context, call, arn, reason string, f func(*Execution, *draft) error) error {
	e, err := s.controlled(ctx, call, arn)
	if err != nil {
		return err
	}
	defer s.leave()
	if !utf8.ValidString(reason) || utf8.RuneCountInString(reason) > limits.Reason {
		return api.Refuse(call, fmt.Sprintf(
			"The reason must be valid UTF-8 of at most %d characters; it has %d.", limits.Reason, utf8.RuneCountInString(reason)))
	}
	return e.transact(false, func(d *draft) error { return f(e, d) })
}

// controlled finds the execution that a call from outside is about. Unless there is an error, the
// caller leaves the service when the call is answered.
func (s *Service) controlled(ctx context.Context, call, arn string) (*Execution, error) {
	if ctx.Err() != nil {
		return nil, api.Unreachable(call, context.Cause(ctx))
	}
	if !s.enter() {
		return nil, unavailable(call, s.down())
	}
	if e, ok := s.Execution(arn); ok {
		return e, nil
	}
	s.leave()
	return nil, &checkpoint.APIError{Call: call, HTTPStatus: 404, Code: api.CodeMissing, Message: ErrNotFound.Error(), Cause: ErrNotFound}
}

// conflict is the answer to a call that the state of the execution does not allow.
func conflict(call string, cause error) *checkpoint.APIError {
	return &checkpoint.APIError{Call: call, HTTPStatus: 409, Code: api.CodeTaken, Message: cause.Error(), Cause: cause}
}

// namedCall is a call that its caller has named, and may repeat.
type namedCall struct {
	in    any
	token string
	at    time.Time
}

// repeated reports whether a call is the same one again.
func (n namedCall) repeated(token string, now time.Time, in any) bool {
	return token != "" && n.token == token && n.in == in && now.Sub(n.at) <= namedWindow
}

// pause has the execution paused from now on.
func (d *draft) pause() {
	d.rec.Status, d.rec.Pause.At = StatusPaused, d.now
	p := d.rec.Pause
	if p.TimeoutPaused {
		d.armDeadline()
	}
	d.logOfExecution(Event{Type: EventExecutionPaused, Requested: p.Requested, Reason: p.Reason, TimeoutPaused: p.TimeoutPaused})
}

// cut answers a checkpoint call of an execution that is to be paused: its updates are committed,
// and the function gets no reply. It has to stop, and what it still has to do is due when the
// execution is resumed.
func (d *draft) cut() {
	d.rec.Due = true
	if d.rec.Status == StatusPausing {
		d.pause()
	}
	d.under = append(d.under, func() { d.e.inv.cut = true })
}

// resume ends a pause.
func (d *draft) resume(reason string) {
	paused, p := d.rec.Status == StatusPaused, d.rec.Pause
	d.rec.Status, d.rec.Pause = StatusRunning, Pause{}
	if !paused {
		return
	}
	if p.TimeoutPaused {
		d.rec.Extended += d.now.Sub(p.At)
		d.armDeadline()
	}
	d.logOfExecution(Event{Type: EventExecutionResumed, Requested: d.now, Reason: reason})
}

// armDeadline moves the timer of the execution timeout to where it is now, if there is one.
func (d *draft) armDeadline() {
	if at := d.rec.Deadline(); !at.IsZero() {
		d.arm(TimerKey{Purpose: PurposeExecutionTimeout}, at.Sub(d.now))
	}
}

// Delete implements [checkpoint.Control]: it deletes an execution that has ended from the store, at
// once, and its name may be used again. What has a hold of it sees the status DELETING.
//
// The error is a [*checkpoint.APIError]: [ErrNotFound], a conflict that is [ErrUnfinished], or that
// of the store.
func (s *Service) Delete(ctx context.Context, in checkpoint.DeleteInput) (checkpoint.DeleteOutput, error) {
	var out checkpoint.DeleteOutput
	e, err := s.controlled(ctx, api.CallDelete, in.ARN)
	if err != nil {
		return out, err
	}
	defer s.leave()
	if e.owed() {
		return out, conflict(api.CallDelete, ErrUnfinished)
	}
	out.Requested, err = e.delete()
	return out, err
}

// owed reports whether an execution that waits for this one has still to be given how it has ended.
func (e *Execution) owed() bool {
	rec := e.snapshot()
	parent, ok := e.svc.Execution(rec.ParentARN)
	if rec.ParentARN == "" || !ok || parent.snapshot().Status.Terminal() {
		return false
	}
	invoke, ok := parent.Operation(rec.ParentOperation)
	return ok && invoke.Status == checkpoint.StatusStarted
}

func (e *Execution) delete() (now time.Time, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.ended() {
		return now, conflict(api.CallDelete, ErrUnfinished)
	}
	switch err := e.svc.store.Delete(e.arn); {
	case errors.Is(err, ErrNotFound):
		return now, &checkpoint.APIError{Call: api.CallDelete, HTTPStatus: 404, Code: api.CodeMissing, Message: err.Error(), Cause: err}
	case err != nil:
		return now, unavailable(api.CallDelete, err)
	}
	e.rec.Status = StatusDeleting
	e.svc.forget(e)
	e.svc.deleted(e.key)
	return e.svc.now(), nil
}

// deleted notes that the name of an execution is free again: the next one that has it gets another
// ARN.
func (s *Service) deleted(key nameKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deletions[key]++
}
