package local

import (
	"slices"

	"github.com/perdure/perdure/checkpoint"
)

// Log returns what the function would be invoked with now, in one page and without a token: to rehearse changed code on
// an execution that goes on (replay.Function.Rehearse). It is not known to be the last state: an invocation may be under
// way.
func (e *Execution) Log() checkpoint.Invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	in := checkpoint.Invocation{ARN: e.arn, Updated: slices.Clone(e.rec.Updated)}
	in.Operations = make([]checkpoint.Operation, 0, len(e.records))
	hidden := make(map[string]bool)
	for _, r := range e.records {
		if e.hides(r.ParentID, hidden) {
			hidden[r.ID] = true
			continue
		}
		in.Operations = append(in.Operations, r.Operation)
	}
	return in
}

// Log returns what the function of an execution would be invoked with now: see [Execution.Log]. The error is [ErrNotFound]
// if there is no such execution, or that of the store.
func (s *Service) Log(arn string) (checkpoint.Invocation, error) {
	if e, ok := s.Execution(arn); ok {
		return e.Log(), nil
	}
	snapshot, err := s.store.Load(arn)
	if err != nil {
		return checkpoint.Invocation{}, err
	}
	return snapshot.Log(), nil
}

// Log returns what the function would be invoked with, in one page and without a token: see [Execution.Log].
func (s Snapshot) Log() checkpoint.Invocation {
	in := checkpoint.Invocation{ARN: s.Execution.ARN, Updated: slices.Clone(s.Execution.Updated)}
	in.Operations = make([]checkpoint.Operation, 0, len(s.Records))
	hides := make(map[string]bool) // what is inside is not in the log
	for i := range s.Records {
		op := s.Records[i].Operation
		if hides[op.ParentID] {
			hides[op.ID] = true
			continue
		}
		hides[op.ID] = op.Kind == checkpoint.KindContext && op.Status.Terminal() && !op.ReplayChildren
		in.Operations = append(in.Operations, op)
	}
	return in
}
