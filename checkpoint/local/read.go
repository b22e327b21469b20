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
	if _, err := s.execution(arn); err != nil {
		return nil, false, err
	}
	if !reverse {
		events, err = s.store.Events(arn, after, limit+1)
	} else if events, err = s.store.Events(arn, 0, max(after-1, 0)); err == nil {
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
