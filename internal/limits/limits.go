// Package limits is the one home of what the service allows, each limit with its source, and of the
// few bounds that the packages of this module keep to by themselves. It imports nothing but the
// standard library, so that all may import it.
package limits

import "time"

// Units of sizes.
const (
	KiB = 1 << 10
	MiB = 1 << 20
)

// The bounds of a duration on the wire, in whole seconds.
const (
	// Second is the shortest (Lambda API, WaitOptions and StepOptions).
	Second = time.Second //nolint:revive // it is a second
	// Duration is the longest, 366 days (Lambda API, WaitOptions, StepOptions, CallbackOptions and
	// DurableConfig).
	Duration = 31_622_400 * time.Second
)

// The longest members of an operation, in bytes (Lambda API, OperationUpdate).
const (
	ID      = 64
	Name    = 256
	SubType = 32
	Tenant  = 256
)

// The longest members of a call about executions and functions, in bytes.
const (
	ExecutionName = 64   // Lambda API, Invoke: DurableExecutionName
	FunctionName  = 140  // Lambda API, FunctionName
	Qualifier     = 128  // Lambda API, Qualifier
	Token         = 2048 // Lambda API, CheckpointDurableExecution: CheckpointToken
	ClientToken   = 64   // Lambda API, CheckpointDurableExecution: ClientToken
	TraceHeader   = 8192 // Lambda API, XAmznTraceId
	Reason        = 1024 // in characters; Lambda API, PauseDurableExecution and ResumeDurableExecution: Reason
)

// The items of a page of state, history or executions (Lambda API, MaxItems).
const (
	PageItems        = 1000
	DefaultPageItems = 100
)

// What an execution may have and store (AWS quotas for durable functions).
const (
	// Operations counts operations, retries and failed invocations as they are metered.
	Operations = 3000
	// DataBytes counts payloads and errors: 100 MB.
	DataBytes = 100_000_000
)

// FunctionTimeout is the longest that an invocation may take (Lambda API, Timeout).
const FunctionTimeout = 900 * time.Second

// FailedInvocations is how many invocations in a row may fail before the execution fails. Source:
// seen in histories of executions on AWS, in two of them independently; it is not documented.
const FailedInvocations = 9

// FailurePause returns the pause after the given number of failed invocations in a row. Source: as
// FailedInvocations.
func FailurePause(failures int) time.Duration {
	seen := [...]time.Duration{ //nolint:mnd // measured, in tenths of a second
		11, 21, 31, 51, 11, 310, 580, 1030,
	}
	return seen[max(0, min(failures, len(seen))-1)] * (time.Second / 10) //nolint:durationcheck,mnd // tenths
}

// The sizes of payloads, in bytes.
const (
	// Payload is that of an update, of an error and of the result of a callback (Lambda API,
	// OperationUpdate and SendDurableExecutionCallbackSuccess).
	Payload = MiB
	// SyncPayload is what a synchronous invocation is given, what it returns, and what an execution
	// returns by an update (Lambda quotas; Lambda API, Invoke).
	SyncPayload = 6 * MiB
	// AsyncPayload is what an asynchronous invocation is given (Lambda quotas).
	AsyncPayload = MiB
	// Response is what an invocation answers, with the 100 bytes that Lambda grants beyond 6 MiB
	// (Lambda quotas).
	Response = 6*MiB + 100
	// Inline is how large the result of a group or batch may be that is written into its own
	// record. Source: what the service's own SDKs keep to; a larger one is computed again from the
	// records inside, where the service keeps them.
	Inline = 256 * KiB
)
