package local

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// SkipInput says for whom time goes by.
type SkipInput struct {
	// ARN is that of the execution.
	ARN string
	// Operation is the wait, the step that waits for its next attempt, or the callback that times
	// out: its ID or its path, as in [ForkInput]. An empty one stands for the whole execution: all
	// of its operations, the pause after a failed invocation, and the execution timeout.
	Operation string
	// By is how much time is skipped. Zero is all that is left of a wait, or until the next
	// attempt; a callback, and a whole execution, need it.
	By time.Duration
}

// Skip has time go by for one execution, or for one of its operations, without a wait: what would
// happen after a time happens that much sooner, and what is due by then at once. No clock moves:
// other executions, bodies that run, and the times of events are as they are. Under a
// [VirtualClock] what is due happens when it is advanced next, also by nothing.
//
// The history keeps when a wait was to end at first; [Service.Timers] returns what is true now.
//
// Lambda has no such call. The error is a [*checkpoint.APIError]: [ErrNotFound], a conflict that is
// [ErrEnded], or it says that there is nothing to skip.
func (s *Service) Skip(ctx context.Context, in SkipInput) error {
	e, err := s.controlled(ctx, api.CallSkip, in.ARN)
	if err != nil {
		return err
	}
	defer s.leave()
	return e.transact(false, func(d *draft) error {
		if d.rec.Status.Terminal() {
			return conflict(api.CallSkip, ErrEnded)
		}
		keys, err := d.skipped(in)
		if err != nil {
			return err
		}
		if in.Operation == "" && d.rec.Timeout > 0 {
			d.rec.Extended -= in.By // the deadline, which pauses move as well
		}
		for _, key := range keys {
			left := e.timers[key].at.Sub(d.now) - in.By
			if in.By == 0 {
				left = 0
			}
			d.arm(key, max(0, left))
		}
		return nil
	})
}

// skipped returns the timers that come sooner, the first one first.
func (d *draft) skipped(in SkipInput) ([]TimerKey, error) {
	e, id := d.e, ""
	if in.By < 0 || in.By == 0 && in.Operation == "" {
		return nil, api.Refuse(api.CallSkip, fmt.Sprintf("The time to skip must be positive; it is %v.", in.By))
	}
	if in.Operation != "" {
		all := make([]Record, len(e.records))
		for i, r := range e.records {
			all[i] = r.Record
		}
		var err error
		if id, err = findOperation(api.CallSkip, all, in.Operation); err != nil {
			return nil, err
		}
		if in.By == 0 && d.record(id).Kind == checkpoint.KindCallback {
			return nil, api.Refuse(api.CallSkip, "A callback is answered, and not skipped: say how much of its timeouts is.")
		}
	}
	var keys []TimerKey
	for key := range e.timers {
		if id == "" || key.Operation == id {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 && id != "" {
		return nil, api.Refuse(api.CallSkip, fmt.Sprintf("Operation %q waits for no time.", in.Operation))
	}
	if len(keys) == 0 {
		return nil, api.Refuse(api.CallSkip, "The execution waits for no time.")
	}
	slices.SortFunc(keys, func(a, b TimerKey) int { return e.timers[a].at.Compare(e.timers[b].at) })
	return keys, nil
}

// Timers returns what an execution does by itself after a time, the first of it first. The error is
// [ErrNotFound] if there is no such execution, or that of the store.
func (s *Service) Timers(arn string) ([]Timer, error) {
	s.mu.Lock()
	e, ok := s.byARN[arn]
	s.mu.Unlock()
	if !ok {
		kept, err := s.store.Load(arn)
		return kept.Timers, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Timer
	for key, a := range e.timers {
		all = append(all, Timer{key, a.at})
	}
	slices.SortFunc(all, func(a, b Timer) int { return a.At.Compare(b.At) })
	return all, nil
}
