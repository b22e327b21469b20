package replay

import (
	"context"
	"log/slog"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// Interceptor observes executions: a struct of optional functions, for tracing, metrics and audits.
// The zero value does nothing.
//
// One interceptor serves all invocations of the function, also those that run at once.
//
//  1. A report goes to all interceptors of the list, in its order.
//  2. Functions about attempts and groups are called on the goroutine of the body, and so at once
//     for bodies that run at once.
//  3. All others are called one after the other, in the order of what they report.
//  4. They must return soon and run no operations. One of those of the invocation that has not
//     returned when the time of the invocation is over keeps no answer back: the invocation is
//     answered without it.
//  5. A panic is logged and affects neither the execution nor other interceptors.
//  6. [checkpoint.ClockFrom] takes the clock of the invocation from every context they are given:
//     under the virtual clock of a test, records are in another year than [time.Now].
//
// Reports say what this process has seen. One that ends between a checkpoint and its report, or is
// killed, reports nothing; the next invocation finds the operation in the log and does not report
// it.
type Interceptor struct {
	// InvocationStart comes first in every invocation that has read its log, InvocationEnd last,
	// after WrapInvocation has returned and before the answer is given. InvocationEnd has the
	// values of the context that WrapInvocation has made; its context ends with that of the
	// invocation.
	InvocationStart func(ctx context.Context, i InvocationInfo)
	InvocationEnd   func(ctx context.Context, i InvocationInfo, end InvocationEnd)

	// OperationStart is called when the code reaches an operation: live when it is new, with Replay
	// when an earlier invocation has begun it and it is not finished. It is not called for an
	// operation that is read from the log.
	OperationStart func(ctx context.Context, o OperationInfo)
	// OperationEnd is called once when an operation has ended for good, also if the service brought
	// it to its end between two invocations; not for a failed attempt that is followed by another.
	OperationEnd func(ctx context.Context, o OperationInfo)
	// OperationChange is called with the records that the service reports as changed: at the
	// beginning of an invocation and with the answer to each checkpoint. The end of an operation is
	// among them once.
	OperationChange func(ctx context.Context, c Change)

	// AttemptStart and AttemptEnd frame the body of a step. AttemptEnd has the context that
	// WrapAttempt has made for the body.
	AttemptStart func(ctx context.Context, a AttemptInfo)
	AttemptEnd   func(ctx context.Context, a AttemptInfo, end AttemptEnd)
	// GroupStart and GroupEnd frame the function of a group or branch, each time that it runs.
	// GroupEnd has the context that WrapGroup has made for the function.
	GroupStart func(ctx context.Context, g GroupInfo)
	GroupEnd   func(ctx context.Context, g GroupInfo, end AttemptEnd)

	// InvokeTraceHeader returns the X-Ray trace header that the target of an op.Invoke or op.Start
	// is started with, in place of header: that of the invocation or, with several interceptors,
	// what the one before has returned. It is called once, when the invoke is about to be started,
	// before each attempt of an op.Start, and not on replay. The empty string leaves it to the
	// service, which takes the header of the execution. More than 512 bytes, or others than
	// printable ASCII, are logged and ignored: the service would refuse them.
	InvokeTraceHeader func(ctx context.Context, o OperationInfo, header string) string

	// LogAttrs are added to the records that a body logs; see [LogHandler]. It is called before
	// AttemptStart.
	LogAttrs func(a AttemptInfo) []slog.Attr

	// WrapInvocation, WrapAttempt and WrapGroup run next with a context of their choice, once, on
	// the goroutine that they are called on: bodies see its values, and its end. It ends with the
	// context that they are given, even if it is not made of that. Reports of operations have the
	// context of WrapInvocation. If they do not call next, it runs all the same. The first
	// interceptor of a list is the outermost.
	//
	// next returns how it ended, a second call the same. It does not return from a body or function
	// that ends INCOMPLETE: only deferred functions of the wrapper run then.
	WrapInvocation func(ctx context.Context, i InvocationInfo, next func(context.Context) InvocationEnd)
	WrapAttempt    func(ctx context.Context, a AttemptInfo, next func(context.Context) AttemptEnd)
	WrapGroup      func(ctx context.Context, g GroupInfo, next func(context.Context) AttemptEnd)
}

// InvocationInfo describes an invocation.
type InvocationInfo struct {
	ExecutionARN string
	// RequestID is that of the Lambda invocation; empty outside Lambda.
	RequestID string
	// TraceHeader is the X-Ray trace header that the service has given the invocation; empty
	// without one.
	TraceHeader string
	// First says that nothing has been recorded yet.
	First bool
	// StartedAt is when the execution began.
	StartedAt time.Time
	// Input is the payload that the execution was started with, as it stands in the log.
	Input string
	// Operations is how many the log holds, Updated how many of them the service has changed since
	// the last invocation.
	Operations, Updated int
}

// InvocationEnd is how an invocation ended.
type InvocationEnd struct {
	// Status is SUCCEEDED, FAILED, PENDING, or RETRYING if the service is to invoke again because
	// of Err, which wraps [ErrRepeat] if the handler has asked for that.
	Status string
	// Terminal says that the execution has ended.
	Terminal bool
	// Err is why the execution failed, an [*op.Error] with the type and message of its record, why
	// the invocation is to be repeated, or, of one that is PENDING, a [*DivergedError] for which
	// the execution was paused ([DivergenceHold]).
	Err error
	// Result is the payload of an execution that SUCCEEDED; HasResult distinguishes an empty one
	// from none.
	Result    string
	HasResult bool
	// Calls is how many checkpoint calls the invocation has made, polls and failed ones included.
	Calls int
	// Replayed is how many operations the code took from the log, of those whose end this
	// invocation did not report: what it cost to come back to where the code was.
	Replayed int

	hooks *hooks // while the end is reported
}

// Log returns the operations of the log in its order, without what is inside of groups that have
// ended. It does so while InvocationEnd is called, and returns nil at any other time, and of an
// invocation whose bodies outlive it.
func (e InvocationEnd) Log() []OperationInfo {
	if e.hooks == nil || !e.hooks.reporting.Load() {
		return nil
	}
	var all []OperationInfo
	for rec := range e.hooks.run.Log.Records() {
		if rec.Kind != checkpoint.KindExecution {
			all = append(all, e.hooks.describe(rec))
		}
	}
	return all
}

// OperationInfo describes an operation as the log has it.
type OperationInfo struct {
	ExecutionARN string
	// ID and ParentID are those of the log, Name is the name there, with the key. Path is empty for
	// an operation that the code has not reached in this invocation.
	ID, ParentID, Name, Path string
	// Kind, SubType and Status are in the words of the wire.
	Kind, SubType, Status string
	// Attempt is the number of finished attempts of a step.
	Attempt int
	// Start and End are when the service recorded that it began and ended; zero if it has not. The
	// start of a short operation may be recorded together with its end: Took says how long it was.
	Start, End time.Time
	// Reached is when the code reached the operation in this invocation; zero if it has not.
	Reached time.Time
	// Result is the payload of an operation that succeeded, as it stands in the log; HasResult
	// distinguishes an empty one from none.
	Result    string
	HasResult bool
	// ErrorType and ErrorMessage are those of the last failure; empty without one.
	ErrorType, ErrorMessage string
	// Replay says that an earlier invocation has begun the operation.
	Replay bool
}

// Took is how long an operation that has ended took, from when it was begun or, if that is earlier,
// recorded as begun, with the pauses between its attempts. It is zero for an operation that has not
// ended, and never negative.
func (o OperationInfo) Took() time.Duration {
	start := o.Start
	if !o.Replay && !o.Reached.IsZero() && (start.IsZero() || o.Reached.Before(start)) {
		start = o.Reached
	}
	if o.End.IsZero() || start.IsZero() {
		return 0
	}
	return max(o.End.Sub(start), 0)
}

// Change holds the operations that the service reports as changed; see [Interceptor].
type Change struct {
	ExecutionARN string
	// First says that the invocation is the first of the execution.
	First   bool
	Changed []OperationInfo
	// Operations is how many operations the log holds.
	Operations int
	// Lookup finds an operation of the log.
	Lookup func(id string) (OperationInfo, bool)
}

// AttemptInfo describes an attempt.
type AttemptInfo struct {
	OperationInfo

	// Number is the number of the attempt, the first included.
	Number int
	// Began is when the attempt began; zero for LogAttrs.
	Began time.Time
}

// AttemptEnd is how a body ended.
type AttemptEnd struct {
	// Outcome is SUCCEEDED, FAILED, or INCOMPLETE if the goroutine ended without a result, because
	// the invocation was suspended or no one waits for the body any more.
	Outcome string
	// Err is what a body that FAILED returned.
	Err error
	// Again says that the body, which SUCCEEDED, asked for another attempt: with [retry.Again], or
	// as a condition that does not hold yet.
	Again bool
	// Ended is when the body ended, by the clock that AttemptInfo.Began is taken from.
	Ended time.Time
}

// GroupInfo describes a run of the function of a group or branch.
type GroupInfo struct {
	OperationInfo

	// ReplayingChildren says that an earlier invocation has been in the function.
	ReplayingChildren bool
	// Virtual says that the function has no record of its own, as that of a branch of a flat batch
	// or of an operand of op.All, op.Race and the like: there is no report of an operation with its
	// ID, and the operations inside have the ParentID of the batch. The function of an op.Inline
	// has no ID either.
	Virtual bool
}

// WithInterceptors observes the executions of the handler. The default is none. Repeated use adds
// to the list.
func WithInterceptors(interceptors ...Interceptor) HandlerOption {
	return handlerOption(func(set *settings) { set.interceptors = append(set.interceptors, interceptors...) })
}
