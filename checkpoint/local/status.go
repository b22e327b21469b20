package local

import "github.com/perdure/perdure/checkpoint"

// Status is how far an execution has come (Lambda API, ExecutionStatus).
type Status string

// The statuses of an execution. [Status.Terminal] says which of them are terminal.
const (
	StatusRunning Status = "RUNNING"
	// StatusPausing says that the execution is paused when its invocation makes its next checkpoint
	// call, or ends.
	StatusPausing Status = "PAUSING"
	// StatusPaused says that the function is not invoked until the execution is resumed.
	StatusPaused    Status = "PAUSED"
	StatusSucceeded Status = "SUCCEEDED"
	StatusFailed    Status = "FAILED"
	StatusTimedOut  Status = "TIMED_OUT"
	StatusStopped   Status = "STOPPED"
	// StatusDeleting says that the execution has ended and is being deleted.
	StatusDeleting Status = "DELETING"
)

// Terminal reports whether an execution with this status has ended. One with a status that this
// version does not know has not: a later service may have put it there.
func (s Status) Terminal() bool {
	switch s {
	case StatusSucceeded, StatusFailed, StatusTimedOut, StatusStopped, StatusDeleting:
		return true
	case StatusRunning, StatusPausing, StatusPaused:
	}
	return false
}

// Held reports whether an execution with this status is paused, or is as soon as its invocation
// lets it.
func (s Status) Held() bool { return s == StatusPausing || s == StatusPaused }

// operation returns the status of the EXECUTION operation, and of the CHAINED_INVOKE that waits
// for the execution.
func (s Status) operation() checkpoint.Status {
	switch s {
	case StatusSucceeded:
		return checkpoint.StatusSucceeded
	case StatusFailed:
		return checkpoint.StatusFailed
	case StatusTimedOut:
		return checkpoint.StatusTimedOut
	case StatusStopped:
		return checkpoint.StatusStopped
	case StatusRunning, StatusPausing, StatusPaused, StatusDeleting:
	}
	return checkpoint.StatusStarted
}

// event returns the type of the last event of the history.
func (s Status) event() EventType {
	switch s {
	case StatusSucceeded:
		return EventExecutionSucceeded
	case StatusTimedOut:
		return EventExecutionTimedOut
	case StatusStopped:
		return EventExecutionStopped
	case StatusRunning, StatusPausing, StatusPaused, StatusFailed, StatusDeleting:
	}
	return EventExecutionFailed
}

// invokeEvent returns the type of the event that ends a CHAINED_INVOKE.
func (s Status) invokeEvent() EventType {
	switch s {
	case StatusSucceeded:
		return EventChainedInvokeSucceeded
	case StatusTimedOut:
		return EventChainedInvokeTimedOut
	case StatusStopped:
		return EventChainedInvokeStopped
	case StatusRunning, StatusPausing, StatusPaused, StatusFailed, StatusDeleting:
	}
	return EventChainedInvokeFailed
}
