package local

import (
	"time"

	"github.com/perdure/perdure/internal/limits"
)

// Limits are the quotas of the service. A zero field stands for its default.
type Limits struct {
	// Operations is how many operations an execution may have: each operation counts once, each
	// RETRY and each failed invocation once more. The default is 3000 (AWS quotas for durable
	// functions; retries count as they are metered).
	Operations int
	// DataBytes is how many bytes of payloads and errors an execution may store. The default is
	// 100 MB (AWS quotas for durable functions).
	DataBytes int

	// PageItems is how many operations an invocation event, a checkpoint reply or a page of the
	// state holds at most. By default only bytes limit events and replies, and a page of the state
	// holds what the caller asks for, else 100 (Lambda API, GetDurableExecutionState).
	PageItems int
	// PageBytes is how many bytes of operations an event, a reply or a page holds, estimated.
	// The default is 5 MiB.
	PageBytes int

	// PayloadBytes limits the payload of an update. The default is 1 MiB (Lambda API,
	// OperationUpdate).
	PayloadBytes int
	// FailureBytes limits an error, all fields together. The default is 1 MiB (Lambda API,
	// OperationUpdate).
	FailureBytes int
	// CallbackBytes limits the result of a callback. The default is 1 MiB (Lambda API,
	// SendDurableExecutionCallbackSuccess).
	CallbackBytes int
	// InputBytes and ResultBytes limit what an execution is started with and what it returns by an
	// EXECUTION update. The default is 6 MiB (Lambda API, synchronous invocations). An asynchronous
	// invocation is given at most 1 MiB, and its execution returns at most PayloadBytes by an
	// update.
	InputBytes, ResultBytes int
	// ResponseBytes limits what an invocation answers. The default is 6 MiB and 100 bytes (Lambda
	// quotas).
	ResponseBytes int

	// InvalidResponses is how many invalid answers in a row fail the execution. The default is 4.
	InvalidResponses int
	// InvalidPause is the pause after an invalid answer. The default is 5 seconds.
	InvalidPause time.Duration

	// FailedInvocations is how many invocations in a row may fail, by an error, a crash or running
	// out of time: the last one ends the execution with its error. The default is 9, which was seen
	// on AWS and is not documented; a negative number means no limit. A checkpoint call with
	// updates, and an answer, have it counted from the beginning, which is an assumption. Invalid
	// answers have a budget of their own.
	FailedInvocations int
	// RetryPause is the pause after a failed invocation; it doubles with each further one in a row,
	// up to MaxRetryPause, whose default is 1 minute. If both are zero, the pauses are those that
	// were seen on AWS: 1.1, 2.1, 3.1, 5.1, 1.1, 31, 58 and 103 seconds, and 103 from then on.
	RetryPause, MaxRetryPause time.Duration
}

// withDefaults returns l with its zero fields filled in. PageItems has no default.
func (l Limits) withDefaults() Limits {
	fill(&l.Operations, limits.Operations)
	fill(&l.DataBytes, limits.DataBytes)
	fill(&l.PageBytes, 5*limits.MiB)
	fill(&l.PayloadBytes, limits.Payload)
	fill(&l.FailureBytes, limits.Payload)
	fill(&l.CallbackBytes, limits.Payload)
	fill(&l.InputBytes, limits.SyncPayload)
	fill(&l.ResultBytes, limits.SyncPayload)
	fill(&l.ResponseBytes, limits.Response)
	fill(&l.InvalidResponses, 4)
	fill(&l.InvalidPause, 5*time.Second)
	fill(&l.FailedInvocations, limits.FailedInvocations)
	if l.RetryPause != 0 || l.MaxRetryPause != 0 {
		fill(&l.RetryPause, time.Second)
		fill(&l.MaxRetryPause, time.Minute)
	}
	return l
}

// over returns l with its zero fields as they are in earlier.
func (l Limits) over(earlier Limits) Limits {
	fill(&l.Operations, earlier.Operations)
	fill(&l.DataBytes, earlier.DataBytes)
	fill(&l.PageItems, earlier.PageItems)
	fill(&l.PageBytes, earlier.PageBytes)
	fill(&l.PayloadBytes, earlier.PayloadBytes)
	fill(&l.FailureBytes, earlier.FailureBytes)
	fill(&l.CallbackBytes, earlier.CallbackBytes)
	fill(&l.InputBytes, earlier.InputBytes)
	fill(&l.ResultBytes, earlier.ResultBytes)
	fill(&l.ResponseBytes, earlier.ResponseBytes)
	fill(&l.InvalidResponses, earlier.InvalidResponses)
	fill(&l.InvalidPause, earlier.InvalidPause)
	fill(&l.FailedInvocations, earlier.FailedInvocations)
	fill(&l.RetryPause, earlier.RetryPause)
	fill(&l.MaxRetryPause, earlier.MaxRetryPause)
	return l
}

func fill[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// retryPause returns the pause after the given number of failed invocations in a row.
func (l Limits) retryPause(failures int) time.Duration {
	if l.RetryPause == 0 {
		return limits.FailurePause(failures)
	}
	pause := l.RetryPause
	for n := 1; n < failures && pause < l.MaxRetryPause; n++ {
		pause *= 2
	}
	return min(pause, l.MaxRetryPause)
}
