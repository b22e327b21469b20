package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

// typeForked is the type of the error of the event that says where a fork begins. It is that of an
// invocation: the one that ran then, or none.
const typeForked = "Service.Forked"

// ForkInput says which execution is made of another one.
type ForkInput struct {
	// ARN is that of the execution to begin with, which runs or has ended and stays as it is.
	ARN string
	// Before is the operation that has not begun in the fork: its ID, or its path, which is the
	// names of the contexts around it and its own, with slashes between them, such as
	// "parcels/item-1/pack". [Service.Redrive] ignores it.
	Before string
	// Name is the name of the new execution. An empty one stands for that of the other one with
	// "-fork-1" or "-redrive-1", or the first such number that is free.
	Name string
}

// Fork starts an execution with the log that another one had right before one of its operations
// began: the new one replays that, and goes on by itself with the code that is hosted now. The log
// is exactly the one of that moment:
//
//   - What had ended then has ended, with its result. What began later is not there.
//   - A step that ran then is one whose invocation was lost; one that waited for an attempt waits
//     for it for as long as was left, and so do waits and the timeouts of callbacks.
//   - An open callback has a new ID, which only the fork knows: an answer to the old one does not
//     reach it.
//   - An open invoke starts its target once more.
//   - The execution timeout begins at zero; what has invoked the other one does not wait for the
//     fork.
//
// What depends on the ARN differs: idempotency keys, UUIDs and random numbers. As many invocations
// of the fork may fail as of any other execution, whatever has failed before it began. Its history
// says where that is, by an event EventInvocationCompleted whose error has the type
// "Service.Forked" and names the ARN.
//
// Lambda has no such call. The error is a [*checkpoint.APIError]: [ErrNotFound], or it says which
// operation there is not, or whose name is taken.
func (s *Service) Fork(ctx context.Context, in ForkInput) (*Execution, error) {
	return s.fork(ctx, api.CallFork, in, "-fork-", func(l *pastLog) error {
		id, err := l.find(in.Before)
		if err != nil {
			return err
		}
		first := slices.IndexFunc(l.events, func(ev Event) bool { return ev.OperationID == id })
		if first < 0 {
			return api.Refuse(api.CallFork, fmt.Sprintf("The history has no event of operation %q.", in.Before))
		}
		l.at = l.events[first].Time
		l.events = l.events[:first]
		return nil
	})
}

// Redrive starts an execution with the log of one that has ended without a result, but for its end:
// the new one replays that and goes on, with the code that is hosted now. What has failed and was
// not answered is taken back, so that its log is one that the same code could have written:
//
//   - A failure was answered if something else began after it in the same scope or below, such as
//     an Undo; it stays, as all do in a group that has ended well. Use [Service.Fork] to begin
//     before it. Branches of a batch know nothing of each other, and answer nothing.
//   - Steps, callbacks and invokes that are taken back have not begun; if something in their scope
//     began after them, they are open: a step waits for its second attempt. Groups and batches
//     around them go on, and a Timeout whose time was over begins it again.
//   - What submits a callback, in a WaitForCallback that is open or is taken back, runs again with
//     the new ID.
//
// Everything else is as for a fork.
//
// Lambda has no such call. The error is a [*checkpoint.APIError]: [ErrNotFound], or a conflict that
// is [ErrUnfinished] or, for an execution with a result, [ErrEnded].
func (s *Service) Redrive(ctx context.Context, in ForkInput) (*Execution, error) {
	return s.fork(ctx, api.CallRedrive, in, "-redrive-", func(l *pastLog) error {
		switch {
		case l.rec.Unfinished():
			return conflict(api.CallRedrive, ErrUnfinished)
		case l.rec.Status == StatusSucceeded:
			return conflict(api.CallRedrive, ErrEnded)
		}
		l.at = l.rec.End
		l.dropFailures()
		return nil
	})
}

// pastLog is what an execution held at a time.
type pastLog struct {
	rec     ExecutionRecord
	records []Record
	events  []Event
	at      time.Time
	// dropped are operations that have not begun, opened those that have not ended, although the
	// events say so.
	dropped, opened map[string]bool
}

// past returns what an execution holds now.
func (e *Execution) past() *pastLog {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := &pastLog{rec: e.rec, events: slices.Clone(e.events), dropped: make(map[string]bool), opened: make(map[string]bool)}
	for _, r := range e.records {
		l.records = append(l.records, r.Record)
	}
	return l
}

// find returns the ID of the operation with an ID or a path.
func (l *pastLog) find(text string) (id string, err error) {
	return findOperation(api.CallFork, l.records, text)
}

// findOperation returns the ID of the operation with an ID or a path.
func findOperation(call string, records []Record, text string) (id string, err error) {
	paths := make(map[string]string)
	var found, all []string
	for i := range records {
		r := &records[i]
		if r.Kind == checkpoint.KindExecution {
			continue
		}
		path := r.Name
		if path == "" {
			path = r.ID
		}
		if parent := paths[r.ParentID]; parent != "" {
			path = parent + "/" + path
		}
		paths[r.ID] = path
		all = append(all, path)
		if r.ID == text || path == text {
			found = append(found, r.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", api.Refuse(call, fmt.Sprintf("There is no operation %q; there are: %s", text, strings.Join(all, ", ")))
	case 1:
		return found[0], nil
	}
	return "", api.Refuse(call, fmt.Sprintf("%d operations are at %q: give the ID of one: %s", len(found), text, strings.Join(found, ", ")))
}

// fork makes an execution of what another one held at a time that cut chooses.
func (s *Service) fork(ctx context.Context, call string, in ForkInput, suffix string, cut func(*pastLog) error) (*Execution, error) {
	from, err := s.controlled(ctx, call, in.ARN)
	if err != nil {
		return nil, err
	}
	defer s.leave()
	l := from.past()
	if l.rec.Plain {
		return nil, api.Refuse(call, "The function is not durable: its executions have no log.")
	}
	if err := cut(l); err != nil {
		return nil, err
	}
	f, err := api.ParseFunction(l.rec.Function)
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		name := in.Name
		if name == "" {
			end := suffix + strconv.Itoa(n)
			name = l.rec.Name[:min(len(l.rec.Name), limits.ExecutionName-len(end))] + end
		}
		if !api.Matches(name, limits.ExecutionName, api.IsNameByte) {
			return nil, api.Refuse(call, fmt.Sprintf("The name of an execution is 1 to 64 of [a-zA-Z0-9-_], not %q.", name))
		}
		e, err := s.forked(from, f, name, l)
		if taken, ok := errors.AsType[*AlreadyStartedError](err); ok {
			if in.Name == "" {
				continue
			}
			return nil, &checkpoint.APIError{Call: call, HTTPStatus: 409, Code: api.CodeTaken, Message: taken.Error(), Cause: taken}
		}
		return e, err
	}
}

// forked starts an execution with a log.
func (s *Service) forked(from *Execution, f api.Function, name string, l *pastLog) (*Execution, error) {
	e := &Execution{
		svc: s, input: l.rec.Input, done: make(chan struct{}), key: nameKey{f.Unqualified(), name}, function: from.function,
		index: make(map[string]*record), timers: make(map[TimerKey]*armed),
	}
	e.mu.Lock() // the execution is not seen before it is stored
	s.mu.Lock()
	other := s.byName[e.key]
	if other == nil {
		e.arn = s.executionARN(hosted{Function: f}, name)
		_, err := s.resolve(e.function)
		e.parked = err != nil
		s.byName[e.key] = e
	}
	s.mu.Unlock()
	var err error
	if other == nil {
		other, err = s.named(e.key)
	}
	if other != nil {
		err = &AlreadyStartedError{Name: name, ARN: other.arn}
	}
	if err != nil {
		s.forget(e)
		e.mu.Unlock()
		return nil, err
	}
	d := e.begin(false)
	d.take(l, name)
	if err = d.commit(); err == nil {
		s.publish(e)
		e.wake()
	} else {
		s.forget(e)
	}
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	d.conclude()
	return e, nil
}

// take makes the draft the first transition of an execution that begins with a log.
func (d *draft) take(l *pastLog, name string) {
	old := l.rec
	d.rec = ExecutionRecord{
		ARN: d.e.arn, Name: name, Function: old.Function, Alias: old.Alias, Async: old.Async, Tenant: old.Tenant, TraceHeader: old.TraceHeader,
		Input: old.Input, Status: StatusRunning, Start: d.now, Timeout: old.Timeout, Due: true,
		ForkedFrom: append([]string{old.ARN}, old.ForkedFrom...),
	}
	d.takeEvents(l)
	if d.rec.Timeout > 0 {
		d.arm(TimerKey{Purpose: PurposeExecutionTimeout}, d.rec.Timeout)
	}
	last := make(map[string]Event)
	seen := make(map[string][]Event)
	for _, ev := range d.events {
		last[ev.OperationID] = ev
		seen[ev.OperationID] = append(seen[ev.OperationID], ev)
	}
	for i := range l.records {
		r := l.records[i]
		if r.Kind == checkpoint.KindExecution {
			r.ID, r.Status, r.End = d.rec.ID(), checkpoint.StatusStarted, time.Time{}
			d.put(&r)
			continue
		}
		ev, begun := last[r.ID]
		if !begun {
			continue
		}
		_ = d.meter() // it was within the limit
		if l.open(&r, ev) {
			d.reopen(&r, seen[r.ID], l.at)
			d.correct(&r)
		}
		_ = d.weigh(r.Payload, r.Failure)
		d.put(&r)
	}
}

// takeEvents makes the events of the log those of the execution: without those of its end and of
// pauses, and with one more, which ends the invocation that ran and says where the fork begins.
// What has failed before that does not count against it.
func (d *draft) takeEvents(l *pastLog) {
	for _, ev := range l.events {
		switch {
		case ev.Type.Terminal(), ev.Type == EventExecutionPaused, ev.Type == EventExecutionResumed, l.dropped[ev.OperationID]:
			continue
		case ev.Type.ofExecution():
			ev.OperationID = d.rec.ID()
		}
		if ev.Type == EventInvocationCompleted {
			d.rec.Invocations++
		}
		ev.ID = len(d.events) + 1
		d.events = append(d.events, ev)
	}
	d.rec.Invocations++
	d.events = append(d.events, Event{
		ID: len(d.events) + 1, Type: EventInvocationCompleted, Time: d.now, Start: l.at, End: l.at,
		RequestID: requestID(d.e.arn, d.rec.Invocations),
		Failure:   &checkpoint.Failure{Type: typeForked, Message: "The execution was made of " + l.rec.ARN + "; it goes on here, and what has failed before does not count."},
	})
}

// open reports whether an operation with this last event had not ended. That an invoke was
// cancelled is no event.
func (l *pastLog) open(r *Record, last Event) bool {
	if l.opened[r.ID] {
		return true
	}
	if r.Status == checkpoint.StatusCancelled && !r.End.After(l.at) {
		return false
	}
	return strings.HasSuffix(string(last.Type), "Started") || last.NextAttemptDelay > 0
}

// reopen makes a record what it was when its last event had happened, at a time, and arms its
// timers for what was left.
func (d *draft) reopen(r *Record, events []Event, at time.Time) {
	first, last := events[0], events[len(events)-1]
	r.Status, r.End, r.Payload, r.Failure, r.ReplayChildren = checkpoint.StatusStarted, time.Time{}, checkpoint.Payload{}, nil, false
	left := func(until time.Time) time.Duration { return max(until.Sub(at), 0) }
	switch r.Kind {
	case checkpoint.KindStep:
		r.Attempt, r.Due = 0, time.Time{}
		for _, ev := range events {
			r.Attempt = max(r.Attempt, ev.Attempt)
		}
		if last.NextAttemptDelay > 0 {
			r.Payload, r.Failure, r.Status = last.Result, last.Failure, checkpoint.StatusReady
			if wait := left(last.Time.Add(last.NextAttemptDelay)); wait > 0 {
				r.Status, r.Due = checkpoint.StatusPending, d.now.Add(wait)
				d.arm(TimerKey{r.ID, PurposeAttempt}, wait)
			}
		}
	case checkpoint.KindWait:
		wait := left(first.ScheduledEnd)
		r.Due = d.now.Add(wait)
		d.arm(TimerKey{r.ID, PurposeWait}, wait)
	case checkpoint.KindCallback:
		r.CallbackID = callbackID(d.rec.ARN, r.ID)
		if first.Timeout > 0 {
			d.arm(TimerKey{r.ID, PurposeCallbackTimeout}, left(first.Time.Add(first.Timeout)))
		}
		if first.Heartbeat > 0 {
			d.arm(TimerKey{r.ID, PurposeHeartbeat}, first.Heartbeat)
		}
	case checkpoint.KindChainedInvoke:
		d.invokeAgain(r)
	case checkpoint.KindExecution, checkpoint.KindContext:
	}
}

// correct has the events of an operation that was opened again show what is so now.
func (d *draft) correct(r *Record) {
	for i := range d.events {
		ev := &d.events[i]
		if ev.OperationID != r.ID || !strings.HasSuffix(string(ev.Type), "Started") {
			continue
		}
		ev.CallbackID, ev.Target, ev.ScheduledEnd = r.CallbackID, r.Target, r.Due
	}
}

// invokeAgain has an invoke that was open start its target once more.
func (d *draft) invokeAgain(r *Record) {
	name := targetName(d.rec.ARN, r.ID)
	if h, ok := d.e.svc.target(r.Function); ok {
		r.Target = d.e.svc.targetARN(h, name)
	}
	order := launchOrder{
		StartInput: StartInput{
			Function: r.Function, Name: name, Tenant: r.Tenant, TraceHeader: r.TraceHeader, Input: orEmptyObject(r.Input),
		},
		parentARN: d.rec.ARN, parentOperation: r.ID,
	}
	d.after = append(d.after, func() { d.e.launchTarget(order) })
}
