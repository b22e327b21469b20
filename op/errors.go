package op

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/internal/guard"
)

var (
	// ErrTimedOut is the error of a callback or an invoked function that got no result in time,
	// and of an attempt that ran longer than its limit.
	ErrTimedOut = errors.New("timed out")
	// ErrHeartbeatMissed is the error of a callback whose heartbeat stayed away; it is an
	// [ErrTimedOut] as well.
	ErrHeartbeatMissed = fmt.Errorf("heartbeat missed: %w", ErrTimedOut)
	// ErrInterrupted is the error of an attempt that a crash or the end of its invocation cut off,
	// so that it is not known whether its body had its effect.
	ErrInterrupted = errors.New("interrupted before its result was recorded")
	// ErrPaused is the cause of the end of a body's context (context.Cause) when the service stops
	// the invocation, as it does for an execution that is paused. What the body returns then is not
	// recorded: it runs again when the execution is resumed. No operation fails with it.
	ErrPaused = errors.New("the execution is paused: what the body returns is not recorded, and it runs again on resume")
	// ErrStopped is the error of an operation that was stopped or cancelled from outside.
	ErrStopped = errors.New("stopped")
	// ErrNotMet is the error of a condition whose policy gave up.
	ErrNotMet = errors.New("condition not met")
	// ErrTooLarge is the error of an operation whose input or result the service would not take, or
	// for which an execution has no room any more. Store it elsewhere, and pass or return where it
	// is.
	ErrTooLarge = errors.New("too large")
	// ErrTooMany is the error of an operation that an execution has no room for: see
	// docs/limits.md.
	ErrTooMany = errors.New("too many operations")
	// ErrContinued is the error of an [Invoke] of a function that continues as another execution
	// (replay.ContinueAsNew): the result is that of the last one of the chain. Data of its [Error]
	// is the ARN of the next one.
	ErrContinued = errors.New("the function continues as another execution")
	// ErrRemoved is the error of a [Past] that has no result: the operation was removed from the
	// code before the execution had begun it, or before it had ended.
	ErrRemoved = errors.New("removed from the code")
)

// Error is the error of an operation that failed, as the log holds it. It is the same on the first
// run and on every replay.
//
// Its message is the message of the error that the body returned, without a prefix, because it
// goes to the wire as it stands. Errors that were registered with [WithErrors] are restored:
// errors.Is and errors.As find them.
type Error struct {
	// ID, Name and Path say which operation failed; Kind is its type on the wire, such as "STEP".
	ID, Name, Path string

	Kind string
	// Attempt is the number of attempts that were made; zero for operations without attempts.
	Attempt int
	// CallbackID is the ID of the callback that failed, by which the outside system knows it: of
	// the error of a callback, and of what passes that on, such as a group or an [All]. It is empty
	// for others, and where several callbacks failed it is that of the first. Who knows it can
	// answer the callback: do not log it while that is open.
	CallbackID string
	// Type is the name of the error's type, or the name it is registered under.
	Type string
	// Message is the message of the error.
	Message string
	// Data is what an outside system or another SDK sent along.
	Data string
	// Stack is the stack that was recorded, if any.
	Stack []string
	// Known are the registered errors that were found in the error, restored.
	Known []error
	// Identities are all registered errors that the record names, those included that are not
	// registered here: a scope that records this error again passes them on.
	Identities []Identity
}

// Identity is a registered error as the log names it.
type Identity struct {
	Name string `json:"name"`
	Data string `json:"data,omitempty"`
	// Passed says that nothing registered the name where the error was recorded: a group passes on
	// what failed inside of it, whoever registers it.
	Passed bool `json:"passed,omitempty"`
}

// Error returns the message of the original error, or its type if it had none.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Type
	}
	return e.Message
}

// Unwrap returns the registered errors.
func (e *Error) Unwrap() []error { return e.Known }

// PanicError is the error of a body, a group or a handler that panicked.
type PanicError struct {
	// Value is the value of the panic, printed.
	Value string `json:"value"`
	// Stack is where it happened; it is not recorded unless the handler asks for stacks.
	Stack []string `json:"-"`
}

// panicOf returns the error of a panic that was recovered.
func panicOf(v any) *PanicError {
	return (*PanicError)(guard.Recovered(v))
}

// Error says that it was a panic, and with which value.
func (e *PanicError) Error() string { return "panic: " + e.Value }
