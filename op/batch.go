package op

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/perdure/perdure/op/node"
)

// Batch holds the outcomes of operations that ran concurrently. It is the result of [Map],
// [Parallel] and [AllSettled].
type Batch[T any] struct {
	// Items are the operations that were started, by index. Those that a batch which ended early
	// had not begun are missing.
	Items []Item[T]
	// Reason says why the batch ended.
	Reason Reason
}

// Item is how one operation of a batch ended.
type Item[T any] struct {
	// Index is the operation's place in the input, counted from zero.
	Index int
	// Name is the operation's name, Key its key.
	Name, Key string
	Status    Status
	// Value is the result of an operation that succeeded, Err the error of one that failed.
	Value T
	Err   error
}

// Status is how an operation of a batch, or the batch, ended.
type Status string

const (
	// StatusSucceeded is the status of an operation that has a result, and of a batch in which none
	// failed.
	StatusSucceeded Status = "SUCCEEDED"
	// StatusFailed is the status of an operation that has an error, and of a batch in which one
	// failed.
	StatusFailed Status = "FAILED"
	// StatusStarted is the status of an operation that was under way when its batch ended.
	StatusStarted Status = "STARTED"
)

// Reason says why a batch ended.
type Reason string

const (
	// ReasonAllCompleted means that every operation has ended.
	ReasonAllCompleted Reason = "ALL_COMPLETED"
	// ReasonMinSuccessful means that as many have succeeded as were asked for.
	ReasonMinSuccessful Reason = "MIN_SUCCESSFUL_REACHED"
	// ReasonToleranceExceeded means that more have failed than are tolerated.
	ReasonToleranceExceeded Reason = "FAILURE_TOLERANCE_EXCEEDED"
	// ReasonCustomSucceeded means that [CompleteWhen] said so.
	ReasonCustomSucceeded Reason = "CUSTOM_COMPLETION_SUCCEEDED"
	// ReasonCustomFailed means that [CompleteWhen] said that the batch failed.
	ReasonCustomFailed Reason = "CUSTOM_COMPLETION_FAILED"
)

// Len returns the number of operations that were started.
func (b Batch[T]) Len() int { return len(b.Items) }

// Status returns [StatusFailed] if an operation failed, whether that was tolerated or not, and
// [StatusSucceeded] otherwise.
func (b Batch[T]) Status() Status {
	for i := range b.Items {
		if b.Items[i].Status == StatusFailed {
			return StatusFailed
		}
	}
	return StatusSucceeded
}

// Values returns the results of the operations that succeeded, by index. If some did not succeed,
// their places are not those of the input: see [Item].
func (b Batch[T]) Values() []T {
	values := make([]T, 0, len(b.Items))
	for i := range b.Items {
		if b.Items[i].Status == StatusSucceeded {
			values = append(values, b.Items[i].Value)
		}
	}
	return values
}

// Succeeded returns the operations that succeeded.
func (b Batch[T]) Succeeded() []Item[T] { return b.with(StatusSucceeded) }

// Failed returns the operations that failed.
func (b Batch[T]) Failed() []Item[T] { return b.with(StatusFailed) }

// Started returns the operations that were under way when the batch ended.
func (b Batch[T]) Started() []Item[T] { return b.with(StatusStarted) }

func (b Batch[T]) with(s Status) []Item[T] {
	var items []Item[T]
	for i := range b.Items {
		if b.Items[i].Status == s {
			items = append(items, b.Items[i])
		}
	}
	return items
}

// Errors returns the errors of the operations that failed, by index.
func (b Batch[T]) Errors() []error {
	var errs []error
	for i := range b.Items {
		if b.Items[i].Status == StatusFailed {
			errs = append(errs, b.Items[i].Err)
		}
	}
	return errs
}

// Err returns the error of the first operation that failed; nil if none did.
func (b Batch[T]) Err() error {
	for i := range b.Items {
		if b.Items[i].Status == StatusFailed {
			return b.Items[i].Err
		}
	}
	return nil
}

// BatchError is the error of a batch that ended because too many of its operations failed, or
// because none succeeded where one had to.
type BatchError struct {
	// Name is the name of the batch.
	Name   string
	Reason Reason
	// Total is the number of operations, Started how many were started.
	Total, Started int
	// Errs are the errors of the operations that failed, by index. In an error that was recorded
	// again, by a group for instance, it is the message of the first alone; errors.Is and errors.As
	// find the registered errors of all.
	Errs []error

	failed int // how many have failed, if Errs does not hold all
}

// Error says how many failed and the first error.
func (e *BatchError) Error() string {
	text := fmt.Sprintf("%q: %d of %d operations failed", e.Name, max(e.failed, len(e.Errs)), e.Total)
	if len(e.Errs) > 0 {
		text += ", the first with: " + e.Errs[0].Error()
	}
	return text
}

// Unwrap returns the errors of the operations.
func (e *BatchError) Unwrap() []error { return e.Errs }

// batchWire is a BatchError in the log.
type batchWire struct {
	Name    string `json:"name"`
	Reason  Reason `json:"reason"`
	Total   int    `json:"total"`
	Started int    `json:"started"`
	Failed  int    `json:"failed"`
	First   string `json:"first,omitempty"`
}

// MarshalJSON writes the error for the log.
func (e *BatchError) MarshalJSON() ([]byte, error) {
	w := batchWire{Name: e.Name, Reason: e.Reason, Total: e.Total, Started: e.Started, Failed: max(e.failed, len(e.Errs))}
	if len(e.Errs) > 0 {
		w.First = e.Errs[0].Error()
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads the error from the log.
func (e *BatchError) UnmarshalJSON(b []byte) error {
	var w batchWire
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*e = BatchError{Name: w.Name, Reason: w.Reason, Total: w.Total, Started: w.Started, failed: w.Failed}
	if w.First != "" {
		e.Errs = []error{errors.New(w.First)}
	}
	return nil
}

var errNoOutcome = errors.New("op: the record of a batch has no outcome: the interpreter does not support batches")

// decodeBatch builds the batch of an outcome; item gives the i-th operation.
func decodeBatch[T any](r node.Result, item func(i int) Op[T]) (Batch[T], error) {
	if r.Outcome == nil {
		return decodeAs[Batch[T]](r)
	}
	var b Batch[T]
	b.Reason = Reason(r.Outcome.Reason)
	b.Items = make([]Item[T], len(r.Outcome.Items))
	for i, in := range r.Outcome.Items {
		it := Item[T]{Index: in.Index, Name: in.Name, Key: in.Key, Status: StatusStarted}
		switch in.Status {
		case node.ItemSucceeded, node.ItemFailed:
			it.Value, it.Err = decodeItem(in, item(in.Index).result)
			it.Status = StatusSucceeded
			if it.Err != nil {
				it.Status = StatusFailed
			}
		case node.ItemStarted:
		}
		b.Items[i] = it
	}
	return b, nil
}

// decodeItem decodes an operation of a batch that has ended.
func decodeItem[T any](it node.Item, decode func(node.Result) (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicOf(p) // it counts as a failure, as the panic of a body does
		}
	}()
	v, err = decode(it.Result)
	if err == nil && it.Status == node.ItemFailed && it.Result.Err == nil {
		var zero T
		return zero, errUnsteady
	}
	return v, err
}

var errUnsteady = errors.New("op: the result counted as a failure when the batch ended, and does not now: " +
	"functions of op.Transform and Op.MapError must depend on their argument alone, and keep refusing what they refused")

// batchFailed is the error of an outcome that failed as a whole; nil for others.
func batchFailed[T any](n *node.Batch, r node.Result, b Batch[T]) error {
	if r.Outcome == nil || !r.Outcome.Failed {
		return nil
	}
	e := &BatchError{Name: n.Name, Reason: b.Reason, Total: max(n.Total, n.N), Started: b.Len(), Errs: b.Errors()}
	if r.Outcome.Gone != nil {
		e.Errs = append(e.Errs, r.Outcome.Gone)
	}
	return e
}
