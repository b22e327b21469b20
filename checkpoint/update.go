package checkpoint

import "time"

// Action is what an [Update] does to its operation.
type Action string

// The actions of the service's state machine.
const (
	ActionStart   Action = "START"
	ActionSucceed Action = "SUCCEED"
	ActionFail    Action = "FAIL"
	ActionRetry   Action = "RETRY"
	ActionCancel  Action = "CANCEL"
)

// Update is one change of one operation, as a checkpoint call carries it.
// Kind, SubType, Name and ParentID are repeated identically on every update of an operation:
// the service compares them.
type Update struct {
	ID, ParentID, Name, SubType string
	Kind                        Kind
	Action                      Action

	// Payload is the result of SUCCEED, the state of RETRY, the input of a CHAINED_INVOKE START.
	Payload Payload
	// Failure is the error of FAIL or RETRY.
	Failure *Failure

	// NextAttemptDelay is the time until the next attempt of a RETRY, in whole seconds, at least
	// one.
	NextAttemptDelay time.Duration
	// Wait is how long a WAIT lasts, in whole seconds, at least one.
	Wait time.Duration
	// Timeout and Heartbeat limit a CALLBACK, in whole seconds; zero means no limit.
	Timeout, Heartbeat time.Duration
	// Function and Tenant name the target of a CHAINED_INVOKE.
	Function, Tenant string
	// TraceHeader is the X-Ray trace header that the target of a CHAINED_INVOKE is started with;
	// empty leaves it to the service, which takes that of the execution.
	TraceHeader string
	// ReplayChildren of a CONTEXT SUCCEED keeps its children in the state of later invocations.
	ReplayChildren bool
}
