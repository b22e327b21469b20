package local

import "github.com/perdure/perdure/checkpoint"

func (d *draft) applyStep(r *Record, u *checkpoint.Update, isNew bool) error {
	open := isNew || r.Status == checkpoint.StatusStarted || r.Status == checkpoint.StatusReady
	switch u.Action {
	case checkpoint.ActionStart:
		if !isNew && r.Status != checkpoint.StatusReady {
			return refuse("Invalid current STEP state to start.")
		}
		if !d.e.svc.keepState {
			r.Payload, r.Failure = u.Payload, u.Failure
		}
		r.Status = checkpoint.StatusStarted
		d.logOf(r, Event{Type: EventStepStarted})
		return nil
	case checkpoint.ActionSucceed, checkpoint.ActionFail:
		if !open {
			return refuse("Invalid current STEP state to close.")
		}
		if err := exclusive(u); err != nil {
			return err
		}
		d.finishAttempt(r, u)
		r.End = d.now
		return nil
	case checkpoint.ActionRetry:
		return d.retryStep(r, u, open)
	case checkpoint.ActionCancel:
	}
	return refuse("Invalid STEP action.")
}

// finishAttempt counts an attempt and writes what came of it.
func (d *draft) finishAttempt(r *Record, u *checkpoint.Update) {
	r.Attempt++
	r.Payload, r.Failure = u.Payload, u.Failure
	ev := Event{
		Type: EventStepSucceeded, Result: r.Payload, Failure: r.Failure,
		Attempt: r.Attempt,
	}
	switch u.Action {
	case checkpoint.ActionRetry:
		r.Status, ev.NextAttemptDelay = checkpoint.StatusPending, u.NextAttemptDelay
	case checkpoint.ActionFail:
		r.Status = checkpoint.StatusFailed
	case checkpoint.ActionSucceed, checkpoint.ActionStart, checkpoint.ActionCancel:
		r.Status = checkpoint.StatusSucceeded
	}
	if r.Failure != nil || r.Status == checkpoint.StatusFailed {
		ev.Type = EventStepFailed
	}
	d.logOf(r, ev)
}

func (d *draft) retryStep(r *Record, u *checkpoint.Update, open bool) error {
	switch {
	case !open:
		return refuse("Invalid current STEP state to re-attempt.")
	case u.NextAttemptDelay == 0:
		return refuse("Invalid StepOptions for the given action.")
	case u.Failure != nil && u.Payload.Present():
		return refuse("Cannot provide both error and payload to RETRY a STEP.")
	}
	if err := d.meter(); err != nil {
		return err
	}
	d.finishAttempt(r, u)
	r.Due = d.now.Add(u.NextAttemptDelay)
	d.arm(TimerKey{r.ID, PurposeAttempt}, u.NextAttemptDelay)
	return nil
}

func (d *draft) applyWait(r *Record, u *checkpoint.Update, isNew bool) error {
	switch u.Action {
	case checkpoint.ActionStart:
		if !isNew {
			return refuse("Cannot start a WAIT that already exist.")
		}
		if u.Wait == 0 {
			return refuse("Invalid WaitOptions for the given action.")
		}
		r.Status, r.Wait, r.Due = checkpoint.StatusStarted, u.Wait, d.now.Add(u.Wait)
		d.arm(TimerKey{r.ID, PurposeWait}, u.Wait)
		d.logOf(r, Event{Type: EventWaitStarted, Duration: u.Wait, ScheduledEnd: r.Due})
		return nil
	case checkpoint.ActionCancel:
		if isNew || r.Status != checkpoint.StatusStarted {
			return refuse("Cannot cancel a WAIT that does not exist or has already completed.")
		}
		r.Status, r.End = checkpoint.StatusCancelled, d.now
		d.disarm(TimerKey{r.ID, PurposeWait})
		d.logOf(r, Event{Type: EventWaitCancelled, Failure: u.Failure})
		return nil
	case checkpoint.ActionSucceed, checkpoint.ActionFail, checkpoint.ActionRetry:
	}
	return refuse("Invalid WAIT action.")
}

func (d *draft) applyContext(r *Record, u *checkpoint.Update, isNew bool) error {
	switch u.Action {
	case checkpoint.ActionStart:
		if !isNew {
			return refuse("Cannot start a CONTEXT that already exist.")
		}
		r.Status = checkpoint.StatusStarted
		d.logOf(r, Event{Type: EventContextStarted})
		return nil
	case checkpoint.ActionSucceed, checkpoint.ActionFail:
		if !isNew && r.Status != checkpoint.StatusStarted {
			return refuse("Invalid current CONTEXT state to close.")
		}
		if err := exclusive(u); err != nil {
			return err
		}
		r.End, r.ReplayChildren = d.now, u.ReplayChildren
		r.Payload, r.Failure = u.Payload, u.Failure
		ev := Event{Type: EventContextSucceeded, Result: r.Payload, Failure: r.Failure}
		r.Status = checkpoint.StatusSucceeded
		if u.Action == checkpoint.ActionFail {
			r.Status, ev.Type = checkpoint.StatusFailed, EventContextFailed
		}
		d.logOf(r, ev)
		return nil
	case checkpoint.ActionRetry, checkpoint.ActionCancel:
	}
	return refuse("Invalid CONTEXT action.")
}
