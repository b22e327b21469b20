package checkpoint

import "time"

// Kind is the type of an operation, as the service names it.
type Kind string

// The kinds of operations a log holds.
const (
	KindExecution     Kind = "EXECUTION"
	KindContext       Kind = "CONTEXT"
	KindStep          Kind = "STEP"
	KindWait          Kind = "WAIT"
	KindCallback      Kind = "CALLBACK"
	KindChainedInvoke Kind = "CHAINED_INVOKE"
)

// Status is how far an operation has come.
type Status string

// The statuses of an operation. The last five are terminal.
const (
	StatusStarted   Status = "STARTED"
	StatusPending   Status = "PENDING"
	StatusReady     Status = "READY"
	StatusSucceeded Status = "SUCCEEDED"
	StatusFailed    Status = "FAILED"
	StatusCancelled Status = "CANCELLED"
	StatusTimedOut  Status = "TIMED_OUT"
	StatusStopped   Status = "STOPPED"
)

// Terminal reports whether an operation with this status is finished for good. One with a status
// that this version does not know is not: the service may have put it there for a time, and says
// when that is over.
func (s Status) Terminal() bool {
	switch s {
	case StatusSucceeded, StatusFailed, StatusCancelled, StatusTimedOut, StatusStopped:
		return true
	case StatusStarted, StatusPending, StatusReady:
		return false
	}
	return false
}

// Operation is one record of the checkpoint log: what the service knows of one operation.
// Fields that do not belong to its kind are zero.
type Operation struct {
	// ID names the operation within its execution. For EXECUTION it is the last segment of the ARN.
	ID string
	// ParentID is the ID of the nearest enclosing CONTEXT operation; empty below the handler.
	ParentID string
	// Name is the name on the wire, "name[key]" for a keyed operation; it may be empty.
	Name string
	// SubType says which operation of the SDK made the record, such as "Step" or "Map".
	SubType string
	Kind    Kind
	Status  Status
	// Start and End are exact to the millisecond, which is what all sources of records have in
	// common.
	Start, End time.Time

	// Payload is the result of the operation: of EXECUTION its input, of a STEP that is to be
	// attempted again the state it carries.
	Payload Payload
	// Failure is why the operation failed, or why its last attempt did.
	Failure *Failure
	// Attempt is the number of finished attempts of a STEP.
	Attempt int
	// Due is when the service goes on with the operation by itself: when a PENDING STEP becomes
	// READY (NextAttemptTimestamp on the wire), or when a WAIT ends (ScheduledEndTimestamp).
	Due time.Time
	// CallbackID is what an outside system answers a CALLBACK with; the service generates it.
	CallbackID string
	// ReplayChildren says that a CONTEXT keeps its result in its children.
	ReplayChildren bool
}

// Failure is an error as the wire carries it. All fields are optional.
type Failure struct {
	Type    string
	Message string
	Data    string
	Stack   []string
}
