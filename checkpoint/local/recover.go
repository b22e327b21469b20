package local

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// typeInterrupted is the type of the error that ends, in the history, an invocation that ran when
// the service ended.
const typeInterrupted = "Service.Interrupted"

func interrupted() *checkpoint.Failure {
	return &checkpoint.Failure{
		Type:    typeInterrupted,
		Message: "The service has ended while the invocation ran; the invocation is repeated.",
	}
}

// recover takes over the executions that an earlier service has left unfinished in the store.
// Nothing of the service runs before it has taken over all of them.
func (s *Service) recover() error {
	left, err := s.store.List(Query{Unfinished: true})
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	if s.virtual != nil { // the time may be that of an earlier service: names are made up again
		all, err := s.store.List(Query{})
		if err != nil {
			return fmt.Errorf("read the store: %w", err)
		}
		if len(all) > 0 {
			s.nameSeed = "after " + all[len(all)-1].ARN
		}
	}
	var due, later []keptTimer
	for _, rec := range left {
		e, over, ahead, err := s.restore(rec.ARN)
		if err != nil {
			return fmt.Errorf("read execution %s from the store: %w", rec.ARN, err)
		}
		due, later = append(due, over...), append(later, ahead...)
		s.byName[e.key], s.byARN[e.arn] = e, e
		s.all = append(s.all, e)
	}
	recovered := slices.Clone(s.all)
	for _, e := range recovered {
		if err := e.goOn(); err != nil {
			return err
		}
	}
	slices.SortStableFunc(due, func(a, b keptTimer) int { return a.At.Compare(b.At) })
	for _, t := range due { // what was due while no one was there, in order
		t.e.fire(t.TimerKey, t.armed)
	}
	for _, t := range later {
		t.e.startKept(t)
	}
	return s.down()
}

// keptTimer is a timer that an earlier service has left. It is armed, but not with the clock.
type keptTimer struct {
	Timer

	e     *Execution
	armed *armed
}

// startKept arms a timer with the clock, unless it is gone.
func (e *Execution) startKept(t keptTimer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.timers[t.TimerKey] == t.armed {
		e.startTimer(t.Timer, e.svc.now())
	}
}

// restore makes an unfinished execution of what the store has of it, with the timers whose time is
// over and those whose time is ahead.
func (s *Service) restore(arn string) (e *Execution, over, ahead []keptTimer, err error) {
	e, kept, err := s.read(arn)
	if err != nil {
		return nil, nil, nil, err
	}
	e.parked = true
	now := s.now()
	for _, t := range kept.Timers {
		e.resting = e.resting || t.Purpose == PurposeInvocation
		a := &armed{at: t.At, stop: func() bool { return true }}
		e.timers[t.TimerKey] = a
		if t.At.After(now) {
			ahead = append(ahead, keptTimer{t, e, a})
			continue
		}
		over = append(over, keptTimer{t, e, a})
	}
	slices.SortFunc(over, func(a, b keptTimer) int { return cmp.Compare(a.Purpose, b.Purpose) })
	return e, over, ahead, nil
}

// read makes an execution of what the store has of it, and starts nothing.
func (s *Service) read(arn string) (*Execution, Snapshot, error) {
	kept, err := s.store.Load(arn)
	if err != nil {
		return nil, kept, err
	}
	events, err := s.store.Events(arn, 0, 0)
	if err != nil {
		return nil, kept, err
	}
	identify(arn, events)
	f, err := api.ParseFunction(kept.Execution.Function)
	if err != nil {
		return nil, kept, err
	}
	e := &Execution{
		svc: s, arn: arn, function: kept.Execution.HostedAs(), key: nameKey{f.Unqualified(), kept.Execution.Name},
		input: kept.Execution.Input, done: make(chan struct{}), rec: kept.Execution, events: events,
		index: make(map[string]*record, len(kept.Records)), timers: make(map[TimerKey]*armed),
	}
	for _, r := range kept.Records {
		rec := &record{Record: r, revision: len(e.changes) + 1}
		e.records, e.index[r.ID] = append(e.records, rec), rec
		e.changes = append(e.changes, change{r: rec, external: slices.Contains(e.rec.Updated, r.ID)})
	}
	e.known = len(e.changes)
	if e.ended() {
		close(e.done)
	}
	return e, kept, nil
}

// goOn goes on with an execution: the invocation that ran is over, what it invoked is looked
// after, and it is invoked again when someone hosts its function and there is something to do.
func (e *Execution) goOn() error {
	if !e.rec.InvocationStart.IsZero() {
		if err := e.interrupt(); err != nil {
			return err
		}
	}
	e.mu.Lock()
	if e.rec.Due {
		e.wake()
	}
	var open []Record
	for _, r := range e.records {
		if r.Kind == checkpoint.KindChainedInvoke && r.Status == checkpoint.StatusStarted {
			open = append(open, r.Record)
		}
	}
	terminal := e.rec.Status.Terminal()
	e.mu.Unlock()
	for i := range open {
		if terminal {
			break
		}
		if err := e.resumeInvoke(&open[i]); err != nil {
			return err
		}
	}
	return nil
}

// interrupt ends, in the history, an invocation that no one will answer any more.
func (e *Execution) interrupt() error {
	return e.transact(false, func(d *draft) error {
		completed := Event{
			Type: EventInvocationCompleted, RequestID: requestID(e.arn, d.rec.Invocations),
			Start: d.rec.InvocationStart, End: d.now, Failure: interrupted(),
		}
		d.rec.InvocationStart, d.rec.Due = time.Time{}, true
		switch {
		case d.rec.Plain:
			d.endPlain(completed, answer{failure: completed.Failure})
		case d.rec.Closing:
			d.log(completed)
			d.close()
		default:
			d.log(completed)
			if d.rec.Status == StatusPausing {
				d.pause()
			}
		}
		return nil
	})
}

// resumeInvoke looks after a chained invocation that was open when the service ended. Its target
// may have ended, or may not have been started, after the last transition of the caller.
func (e *Execution) resumeInvoke(r *Record) error {
	target, err := e.svc.Record(r.Target)
	switch {
	case isNotFound(err):
		e.svc.orphans = append(e.svc.orphans, orphan{e, launchOrder{
			StartInput: StartInput{
				Function: r.Function, Name: targetName(e.arn, r.ID), Tenant: r.Tenant, TraceHeader: r.TraceHeader, Input: orEmptyObject(r.Input),
			},
			arn:       r.Target,
			parentARN: e.arn, parentOperation: r.ID,
		}})
	case err != nil:
		return err
	case !target.Unfinished():
		e.finishInvoke(r.ID, target.Status, target.Result, target.Failure)
	}
	return nil
}

// orphan is a chained invocation whose target is to be started when someone hosts it.
type orphan struct {
	parent *Execution
	order  launchOrder
}

// adopt starts what has waited for a function to be hosted. The service's mutex is held; what is
// returned is to be called without it.
func (s *Service) adopt() (start []func()) {
	for _, e := range s.all {
		if !e.parked {
			continue
		}
		if _, err := s.resolve(e.function); err != nil {
			continue
		}
		e.parked = false
		if e.waiting {
			e.waiting = false
			s.schedule(e)
		}
	}
	s.orphans = slices.DeleteFunc(s.orphans, func(o orphan) bool {
		_, err := s.resolve(o.order.Function)
		if err == nil {
			start = append(start, func() { o.parent.launchTarget(o.order) })
		}
		return err == nil
	})
	return start
}
