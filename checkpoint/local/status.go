package local

import "github.com/perdure/perdure/checkpoint"

// Status is how far an execution has come (Lambda API, ExecutionStatus).
type Status string

// The statuses of an execution. All but the first are terminal.
const (
	StatusRunning   Status = "RUNNING"
	StatusSucceeded Status = "SUCCEEDED"
	StatusFailed    Status = "FAILED"
	StatusTimedOut  Status = "TIMED_OUT"
	StatusStopped   Status = "STOPPED"
)

// Terminal reports whether an execution with this status has ended.
func (s Status) Terminal() bool { return s != StatusRunning }

// operation returns the status of the EXECUTION operation, and of the CHAINED_INVOKE that waits
// for the execution.
func (s Status) operation() checkpoint.Status {
	switch s {
	case StatusRunning:
		return checkpoint.StatusStarted
	case StatusSucceeded:
		return checkpoint.StatusSucceeded
	case StatusFailed:
		return checkpoint.StatusFailed
	case StatusTimedOut:
		return checkpoint.StatusTimedOut
	case StatusStopped:
		return checkpoint.StatusStopped
	}
	return checkpoint.StatusStarted
}

// event returns the type of the last event of the history.
func (s Status) event() EventType {
	switch s {
	case StatusRunning:
		return EventExecutionStarted
	case StatusSucceeded:
		return EventExecutionSucceeded
	case StatusFailed:
		return EventExecutionFailed
	case StatusTimedOut:
		return EventExecutionTimedOut
	case StatusStopped:
		return EventExecutionStopped
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
	case StatusRunning, StatusFailed:
	}
	return EventChainedInvokeFailed
}
