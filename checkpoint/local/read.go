package local

import (
	"errors"
	"slices"
)

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// execution returns what is kept of an execution. The error is [ErrNotFound] if there is none.
func (s *Service) execution(arn string) (ExecutionRecord, error) {
	if e, ok := s.Execution(arn); ok {
		return e.Record(), nil
	}
	kept, err := s.store.Load(arn)
	return kept.Execution, err
}

// historyPage returns up to limit events of an execution that come after one, in the order asked
// for, and whether there are more. Zero stands for no event.
func (s *Service) historyPage(arn string, after, limit int, reverse bool) (events []Event, more bool, err error) {
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
	if len(events) > limit {
		return events[:limit], true, nil
	}
	return slices.Clip(append([]Event{}, events...)), false, nil
}

// eventsAfter returns up to limit events that come after one, in the order asked for. IDs count from
// one without a gap.
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
