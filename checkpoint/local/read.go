package local

import (
	"errors"
	"slices"

	"github.com/perdure/perdure/checkpoint"
)

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// Record returns what is kept of an execution, also of one that ended under an earlier service. The
// error is [ErrNotFound] if there is none, or that of the store.
func (s *Service) Record(arn string) (ExecutionRecord, error) {
	if e, ok := s.Execution(arn); ok {
		return e.Record(), nil
	}
	kept, err := s.store.Load(arn)
	return kept.Execution, err
}

// List returns the executions that q selects, in the order they were started unless q says
// otherwise, without their inputs and results, which [Service.Record] returns. The error is
// [ErrNotFound] if q begins after an execution that is not kept, and [ErrNoFunction] if nothing is
// found and q names a function that neither is hosted nor has executions.
func (s *Service) List(q Query) ([]ExecutionRecord, error) {
	found, err := s.store.List(q)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 && q.Function != "" {
		if err := s.known(q.Function); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Events returns up to limit events of an execution that come after one, in the order asked for,
// and whether there are more. They are a part of its history: see [Execution.History]. after is the
// ID of an event, zero stands for none: the page is the first. The error is [ErrNotFound] if there
// is no such execution, or that of the store.
func (s *Service) Events(arn string, after, limit int, reverse bool) (events []Event, more bool, err error) {
	s.mu.Lock()
	e, running := s.byARN[arn]
	s.mu.Unlock()
	switch {
	case running: // who waits for its end asks often
		events = e.eventsAfter(after, limit+1, reverse)
	case !reverse:
		events, err = s.store.Events(arn, after, limit+1)
	default:
		events, err = s.store.Events(arn, 0, max(after-1, 0))
		slices.Reverse(events)
		if after == 1 {
			events = nil
		}
	}
	if err != nil {
		return nil, false, err
	}
	identify(arn, events)
	if len(events) > limit {
		return events[:limit], true, nil
	}
	return slices.Clip(append([]Event{}, events...)), false, nil
}

// identify gives events of the execution itself its ID: histories that an earlier version has kept
// lack it. The events are a copy of what is kept.
func identify(arn string, events []Event) {
	for i := range events {
		if e := &events[i]; e.OperationID == "" && e.Type.ofExecution() {
			e.OperationID = checkpoint.ExecutionID(arn)
		}
	}
}

// eventsAfter returns up to limit events that come after one, in the order asked for. IDs count
// from one without a gap.
func (e *Execution) eventsAfter(after, limit int, reverse bool) []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := len(e.events)
	if !reverse {
		from := min(after, known)
		return slices.Clone(e.events[from:min(from+limit, known)])
	}
	to := known
	if after > 0 {
		to = min(after-1, known)
	}
	events := slices.Clone(e.events[max(to-limit, 0):to])
	slices.Reverse(events)
	return events
}
