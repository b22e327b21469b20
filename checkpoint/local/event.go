package local

import (
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// EventType says what happened (Lambda API, EventType).
type EventType string

// The events of a history.
const (
	EventExecutionStarted       EventType = "ExecutionStarted"
	EventExecutionSucceeded     EventType = "ExecutionSucceeded"
	EventExecutionFailed        EventType = "ExecutionFailed"
	EventExecutionTimedOut      EventType = "ExecutionTimedOut"
	EventExecutionStopped       EventType = "ExecutionStopped"
	EventExecutionPaused        EventType = "ExecutionPaused"
	EventExecutionResumed       EventType = "ExecutionResumed"
	EventContextStarted         EventType = "ContextStarted"
	EventContextSucceeded       EventType = "ContextSucceeded"
	EventContextFailed          EventType = "ContextFailed"
	EventWaitStarted            EventType = "WaitStarted"
	EventWaitSucceeded          EventType = "WaitSucceeded"
	EventWaitCancelled          EventType = "WaitCancelled"
	EventStepStarted            EventType = "StepStarted"
	EventStepSucceeded          EventType = "StepSucceeded"
	EventStepFailed             EventType = "StepFailed"
	EventChainedInvokeStarted   EventType = "ChainedInvokeStarted"
	EventChainedInvokeSucceeded EventType = "ChainedInvokeSucceeded"
	EventChainedInvokeFailed    EventType = "ChainedInvokeFailed"
	EventChainedInvokeTimedOut  EventType = "ChainedInvokeTimedOut"
	EventChainedInvokeStopped   EventType = "ChainedInvokeStopped"
	EventCallbackStarted        EventType = "CallbackStarted"
	EventCallbackSucceeded      EventType = "CallbackSucceeded"
	EventCallbackFailed         EventType = "CallbackFailed"
	EventCallbackTimedOut       EventType = "CallbackTimedOut"
	EventInvocationCompleted    EventType = "InvocationCompleted"
)

// ofExecution reports whether events of a type are about the execution itself, and not about an
// operation or an invocation.
func (t EventType) ofExecution() bool {
	switch t { //nolint:exhaustive // all others
	case EventExecutionStarted, EventExecutionSucceeded, EventExecutionFailed, EventExecutionTimedOut, EventExecutionStopped,
		EventExecutionPaused, EventExecutionResumed:
		return true
	}
	return false
}

// Terminal reports whether an event of a type is the last one of a history.
func (t EventType) Terminal() bool {
	switch t { //nolint:exhaustive // all others
	case EventExecutionSucceeded, EventExecutionFailed, EventExecutionTimedOut, EventExecutionStopped:
		return true
	}
	return false
}

// Event is one entry of an execution's history. Fields that do not belong to its type are zero.
//
// IDs count from one without a gap. The updates of a checkpoint call get theirs in the order of
// the call; what the service does by itself gets its when it happens; the end of an invocation
// comes before the end of the execution that it brings. That a step has become READY, a
// heartbeat, a poll and reading the state are no events.
type Event struct {
	ID   int
	Type EventType
	// Time is when it happened, in whole milliseconds.
	Time time.Time

	// OperationID, ParentID, Name and SubType are those of the operation. Events of the execution
	// itself have the ID of the EXECUTION operation, which is the last segment of the ARN.
	OperationID, ParentID, Name, SubType string

	// Input is that of ExecutionStarted and ChainedInvokeStarted.
	Input checkpoint.Payload
	// Result is that of …Succeeded. A step that is to be attempted again with a state has succeeded
	// with that state.
	Result checkpoint.Payload
	// Failure is that of …Failed, …TimedOut and …Stopped, and of an invocation that failed.
	Failure *checkpoint.Failure

	// Attempt is the number of the step's attempt, the first is 1.
	Attempt int
	// NextAttemptDelay is the time until the next attempt, zero if there is none.
	NextAttemptDelay time.Duration
	// Duration and ScheduledEnd are those of a wait.
	Duration     time.Duration
	ScheduledEnd time.Time
	// CallbackID, Timeout and Heartbeat are those of CallbackStarted; Timeout is also that of
	// ExecutionStarted.
	CallbackID         string
	Timeout, Heartbeat time.Duration
	// Function, Version, Tenant and Target, the ARN of the execution, are those of
	// ChainedInvokeStarted.
	Function, Version, Tenant, Target string
	// Requested is when ExecutionPaused or ExecutionResumed was asked for, Reason why; it may be
	// empty. TimeoutPaused of ExecutionPaused says that the execution timeout does not run
	// meanwhile.
	Requested     time.Time
	Reason        string
	TimeoutPaused bool
	// RequestID, Start and End are those of InvocationCompleted.
	RequestID  string
	Start, End time.Time
}

// NothingPending reports whether the event is the end of an invocation that the service has refused
// because the function has answered PENDING and nothing was pending: nothing would ever invoke it
// again.
func (e Event) NothingPending() bool {
	return e.Type == EventInvocationCompleted && e.Failure != nil && e.Failure.Type == api.CodeInvalid && e.Failure.Message == nothingPending
}
