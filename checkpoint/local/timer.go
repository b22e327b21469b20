package local

import (
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// armed is a timer of an execution that waits for its time.
type armed struct {
	at   time.Time
	stop func() bool
}

// startTimer has the clock call the execution when t is due. The execution's mutex is held.
func (e *Execution) startTimer(t Timer, now time.Time) {
	e.stopTimer(t.TimerKey)
	a := &armed{at: t.At}
	e.timers[t.TimerKey] = a
	a.stop = e.svc.clock.AfterFunc(t.At.Sub(now), func() { e.fire(t.TimerKey, a) })
}

func (e *Execution) stopTimer(key TimerKey) {
	if a, ok := e.timers[key]; ok {
		a.stop()
		delete(e.timers, key)
	}
}

func (e *Execution) stopTimers() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key := range e.timers {
		e.stopTimer(key)
	}
}

// fire makes the transition that a timer stands for, unless the timer is no longer the one that
// is armed.
func (e *Execution) fire(key TimerKey, a *armed) {
	if !e.svc.enter() {
		return
	}
	defer e.svc.leave()
	err := e.transact(true, func(d *draft) error {
		if e.timers[key] != a {
			d.nothing = true
			return nil
		}
		d.clear = append(d.clear, key)
		d.fire(key)
		return nil
	})
	if err != nil {
		e.svc.breakDown(err)
	}
}

func (d *draft) fire(key TimerKey) {
	switch key.Purpose {
	case PurposeWait:
		r := d.record(key.Operation)
		r.Status, r.End = checkpoint.StatusSucceeded, d.now
		d.put(r)
		d.logOf(r, Event{Type: EventWaitSucceeded, Duration: r.Wait})
	case PurposeAttempt:
		r := d.record(key.Operation)
		r.Status, r.Due = checkpoint.StatusReady, time.Time{}
		d.put(r)
	case PurposeCallbackTimeout:
		d.timeOutCallback(key.Operation, callbackTimeout())
	case PurposeHeartbeat:
		d.timeOutCallback(key.Operation, heartbeatMissed())
	case PurposeInvocation:
		d.e.resting, d.rec.Due = false, true
		d.e.wake()
	case PurposeExecutionTimeout:
		d.end(StatusTimedOut, checkpoint.Payload{}, &checkpoint.Failure{
			Type: "Execution.Timeout", Message: "Execution timed out",
		}, false)
	}
}
