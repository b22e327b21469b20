package local

import (
	"errors"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

// ErrNotFound says that there is no such execution.
var ErrNotFound = errors.New("local: no such execution")

// Store keeps executions. The service holds what it works on in memory and commits every
// transition before it informs anyone of it; it reads a store only for executions that an earlier
// service left behind. Implementations are safe for concurrent use; transitions of one execution
// arrive one after the other.
type Store interface {
	// Commit keeps t as a whole, or fails and keeps nothing of it. When it has returned nil, t
	// survives whatever the store promises to survive.
	Commit(t Transition) error
	// Load returns all that is kept of one execution but its events. The error is [ErrNotFound] if
	// there is none.
	Load(arn string) (Snapshot, error)
	// Events returns the events of an execution whose IDs are greater than after, in order; at most
	// limit of them unless limit is zero.
	Events(arn string, after, limit int) ([]Event, error)
	// List returns the executions that q selects, in the order they were started unless q says
	// otherwise, without their inputs and results, which may be large: Load returns those. The
	// error is [ErrNotFound] if q begins after an execution that is not kept: one that was deleted
	// is not to look like the last of them.
	List(q Query) ([]ExecutionRecord, error)
	// Delete deletes an execution and all that is kept of it. The error is [ErrNotFound] if there
	// is none.
	Delete(arn string) error
}

// Transition is one step of one execution from a valid state to the next.
type Transition struct {
	// Execution is the state of the execution after the transition; its ARN says which one it is.
	Execution ExecutionRecord
	// Records are the operations that are new or have changed, in that order of change.
	Records []Record
	// Events are appended to the history.
	Events []Event
	// Clear names timers that are gone, Set those that are new or have moved; Clear comes first.
	Clear []TimerKey
	Set   []Timer
}

// Snapshot is an execution with its operations, in the order they were started, and its timers.
type Snapshot struct {
	Execution ExecutionRecord
	Records   []Record
	Timers    []Timer
}

// Query selects executions. Zero fields select all.
type Query struct {
	// Function is the ARN of a function; without a qualifier it stands for all of its versions.
	Function string
	// Name is the name of an execution.
	Name string
	// Status selects executions with one of these statuses.
	Status []Status
	// Unfinished selects executions whose history is not complete: those that run, and those that
	// are closing.
	Unfinished bool
	// StartedAfter and StartedBefore select executions that were started after a time, and before
	// one.
	StartedAfter, StartedBefore time.Time
	// Reverse has the last execution first.
	Reverse bool
	// After skips all executions up to the one with this ARN; Limit is how many to return.
	After string
	Limit int
}

// ExecutionRecord is what is kept of an execution beside its operations.
type ExecutionRecord struct {
	// ARN ends with the ID of the EXECUTION operation. Function is the ARN of the version of the
	// function that is executed, Alias the alias that the execution was started with; empty for
	// none.
	ARN, Name, Function, Alias string
	// Plain says that the function is not durable: it is given the input itself.
	Plain bool
	// Async says that no one waits for the result: it was started by an asynchronous invocation.
	Async bool
	// Tenant is the tenant that a CHAINED_INVOKE named.
	Tenant string
	// TraceHeader is the X-Ray trace header that the execution was started with; each of its
	// invocations has it.
	TraceHeader string
	// ParentARN and ParentOperation name the CHAINED_INVOKE that waits for the execution.
	ParentARN, ParentOperation string
	// ForkedFrom are the ARNs of the executions that it was forked from, the last one first.
	ForkedFrom []string
	Input      checkpoint.Payload
	Status     Status
	Result     checkpoint.Payload
	Failure    *checkpoint.Failure
	// Closing says that the function has ended the execution by a checkpoint call and its
	// invocation has not answered yet: the last events are still to come.
	Closing    bool
	Start, End time.Time
	// Timeout is zero if there is none.
	Timeout time.Duration
	// Extended is by how much pauses that are over have extended it, without what [Service.Skip]
	// has skipped: it may be negative.
	Extended time.Duration
	// Pause is how the execution is paused, zero unless its status is PAUSING or PAUSED.
	Pause Pause
	// Invocations counts the invocations begun. InvocationStart is when the last one began, zero if
	// it has ended.
	Invocations     int
	InvocationStart time.Time
	// Due says that something has happened that an invocation is to be informed. Updated are the
	// IDs of the operations that the service has changed since an invocation that did not fail was
	// given the log.
	Due     bool
	Updated []string
	// FailedInRow and InvalidInRow count the invocations in a row that failed since the last
	// checkpoint call with updates, or answered something invalid: see [Limits].
	FailedInRow, InvalidInRow int
	// Metered and DataBytes are what counts against the limits.
	Metered, DataBytes int
}

// Unfinished reports whether the history of the execution is not complete.
func (r ExecutionRecord) Unfinished() bool { return !r.Status.Terminal() || r.Closing }

// Deadline returns when the execution times out, zero if it never does: pauses move it, but not
// beyond 366 days after the start, where it is while the timeout is paused.
func (r ExecutionRecord) Deadline() time.Time {
	if r.Timeout == 0 {
		return time.Time{}
	}
	at, last := r.Start.Add(r.Timeout+r.Extended), r.Start.Add(limits.Duration)
	if r.Status == StatusPaused && r.Pause.TimeoutPaused || r.Extended > 0 && at.After(last) {
		return last
	}
	return at
}

// HostedAs returns the ARN that finds the host of the function: with the alias, if the execution
// was started with one.
func (r ExecutionRecord) HostedAs() string {
	f, err := api.ParseFunction(r.Function)
	if err != nil || r.Alias == "" {
		return r.Function
	}
	f.Qualifier = r.Alias
	return f.Qualified()
}

// ID returns the ID of the EXECUTION operation, the last segment of the ARN.
func (r ExecutionRecord) ID() string { return checkpoint.ExecutionID(r.ARN) }

// Record is an operation as it is kept: with what its history and its timers need.
type Record struct {
	checkpoint.Operation
	// Wait is how long a WAIT lasts.
	Wait time.Duration
	// Heartbeat is the longest time between two heartbeats of a CALLBACK; zero means no limit.
	Heartbeat time.Duration
	// Function, Tenant, TraceHeader and Input are what a CHAINED_INVOKE asked for, Target the ARN
	// of the execution it started.
	Function, Tenant, TraceHeader string
	Input                         checkpoint.Payload
	Target                        string
}

// Purpose says what a timer is for.
type Purpose string

// The purposes of timers.
const (
	PurposeWait             Purpose = "wait"              // a WAIT ends
	PurposeAttempt          Purpose = "attempt"           // a PENDING step becomes READY
	PurposeCallbackTimeout  Purpose = "callback-timeout"  // a CALLBACK times out
	PurposeHeartbeat        Purpose = "heartbeat"         // a CALLBACK misses its heartbeat
	PurposeInvocation       Purpose = "invocation"        // the pause after a failed invocation ends
	PurposeExecutionTimeout Purpose = "execution-timeout" // the execution times out
)

// TimerKey names a timer of an execution. An operation has at most one timer for each purpose.
type TimerKey struct {
	// Operation is the ID of the operation, empty for timers of the execution itself.
	Operation string
	Purpose   Purpose
}

// Timer is something that is due at a time.
type Timer struct {
	TimerKey
	At time.Time
}
