package local

import (
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// Log returns what the function would be invoked with now, in one page and without a token: to
// rehearse changed code on an execution that goes on (replay.Function.Rehearse). It is not known to
// be the last state: an invocation may be under way.
func (e *Execution) Log() checkpoint.Invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	in := checkpoint.Invocation{ARN: e.arn, Updated: slices.Clone(e.rec.Updated), ForkedFrom: e.rec.ForkedFrom}
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

// Log returns what the function of an execution would be invoked with now: see [Execution.Log]. The
// error is [ErrNotFound] if there is no such execution, or that of the store.
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

// Log returns what the function would be invoked with, in one page and without a token: see
// [Execution.Log].
func (s Snapshot) Log() checkpoint.Invocation {
	in := checkpoint.Invocation{ARN: s.Execution.ARN, Updated: slices.Clone(s.Execution.Updated), ForkedFrom: s.Execution.ForkedFrom}
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

// LogOf puts the log of an execution together from its history: the first events of one are the log
// that the function was given then. Operations inside contexts that have ended are in it; who
// rehearses it leaves them out. A payload that is withheld in an event is withheld in the log
// (checkpoint.WithheldPayload), and so is an error whose event has a withheld result.
//
// A history does not say everything: that a step is READY is no event, and neither is that a
// context keeps its result in its children.
func LogOf(arn string, events []Event) checkpoint.Invocation {
	log := checkpoint.Invocation{ARN: arn}
	place := make(map[string]int)
	for i := range events {
		e := &events[i]
		if e.Type == EventExecutionStarted {
			log.Operations = append(log.Operations, checkpoint.Operation{
				ID: checkpoint.ExecutionID(arn), Name: e.Name, Kind: checkpoint.KindExecution,
				Status: checkpoint.StatusStarted, Start: e.Time, Payload: e.Input,
			})
			continue
		}
		kind, ok := e.Type.kind()
		if !ok {
			continue
		}
		at, seen := place[e.OperationID]
		if !seen {
			at = len(log.Operations)
			place[e.OperationID] = at
			log.Operations = append(log.Operations, checkpoint.Operation{
				ID: e.OperationID, ParentID: e.ParentID, Name: e.Name, SubType: e.SubType, Kind: kind,
				Status: checkpoint.StatusStarted, Start: e.Time,
			})
		}
		happen(&log.Operations[at], e)
	}
	return log
}

// kind is that of the operation that an event is about; ok is false for the execution itself and
// its invocations.
func (t EventType) kind() (kind checkpoint.Kind, ok bool) {
	for prefix, kind := range map[string]checkpoint.Kind{
		"Step": checkpoint.KindStep, "Wait": checkpoint.KindWait, "Context": checkpoint.KindContext,
		"Callback": checkpoint.KindCallback, "ChainedInvoke": checkpoint.KindChainedInvoke,
	} {
		if strings.HasPrefix(string(t), prefix) {
			return kind, true
		}
	}
	return "", false
}

// status is what an event brings its operation to; over is false for a start.
func (t EventType) status() (status checkpoint.Status, over bool) {
	for suffix, status := range map[string]checkpoint.Status{
		"Succeeded": checkpoint.StatusSucceeded, "Failed": checkpoint.StatusFailed, "TimedOut": checkpoint.StatusTimedOut,
		"Cancelled": checkpoint.StatusCancelled, "Stopped": checkpoint.StatusStopped,
	} {
		if strings.HasSuffix(string(t), suffix) {
			return status, true
		}
	}
	return checkpoint.StatusStarted, false
}

// happen takes an event of an operation into its record.
func happen(rec *checkpoint.Operation, e *Event) {
	if e.CallbackID != "" {
		rec.CallbackID = e.CallbackID
	}
	if e.Type == EventWaitStarted {
		rec.Due = e.ScheduledEnd
	}
	status, over := e.Type.status()
	if !over {
		rec.Status = checkpoint.StatusStarted
		return
	}
	rec.Payload, rec.Failure = e.Result, e.Failure
	rec.Attempt = max(rec.Attempt, e.Attempt)
	if e.NextAttemptDelay > 0 {
		rec.Status, rec.Due = checkpoint.StatusPending, e.Time.Add(e.NextAttemptDelay)
		return
	}
	rec.Status, rec.End = status, e.Time
	if rec.Kind != checkpoint.KindWait {
		rec.Due = time.Time{}
	}
}
