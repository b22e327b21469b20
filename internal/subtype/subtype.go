// Package subtype is the one home of the sub-types of operations on the wire. Source: the service's
// other SDKs, which spell them like this; the service only compares them.
package subtype

// The sub-types that operations of package op have. Users choose another one with op.WithSubType.
const (
	Step            = "Step"
	Condition       = "WaitForCondition"
	Wait            = "Wait"
	Callback        = "Callback"
	WaitForCallback = "WaitForCallback"
	Invoke          = "ChainedInvoke"
	Start           = "StartExecution"
	Group           = "RunInChildContext"
	Retry           = "WithRetry"
	Map             = "Map"
	MapItem         = "MapIteration"
	Parallel        = "Parallel"
	ParallelBranch  = "ParallelBranch"
)

// The sub-types of records that perdure makes for itself.
const (
	// Refused is that of an operation that the execution had no room for: a STEP that has failed,
	// whatever was declared.
	Refused = "Refused"
	// Usage is that of a record of what the execution uses and the log does not show.
	Usage = "Usage"
)
