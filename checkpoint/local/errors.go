package local

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// Errors that callers distinguish with errors.Is.
var (
	// ErrClosed says that the service has been closed.
	ErrClosed = errors.New("local: the service is closed")
	// ErrNoFunction says that no function is hosted under a name.
	ErrNoFunction = errors.New("no such function is hosted")
	// ErrEnded says that the execution has ended already.
	ErrEnded = errors.New("local: the execution has ended")
	// ErrUnfinished says that the execution has not ended, or that its history is not complete.
	ErrUnfinished = errors.New("local: the execution has not ended; stop it first")
	// ErrPaused says that the execution is paused, or about to be.
	ErrPaused = errors.New("local: the execution is paused already")
	// ErrNotPaused says that the execution is not paused.
	ErrNotPaused = errors.New("local: the execution is not paused")
	// ErrStalled says that an execution waits for something that no timer will bring.
	ErrStalled = errors.New("local: the execution is stalled")
	// ErrLost is why the context of an invocation ends whose function was lost.
	ErrLost = errors.New("local: the function was lost")
	// ErrAnswered is why the context of an invocation ends that has been answered.
	ErrAnswered = errors.New("local: the invocation has been answered")
	// ErrNoCallback says that there is no callback with an ID.
	ErrNoCallback = errors.New("local: no such callback")
	// ErrCallbackCompleted says that a callback has its result already.
	ErrCallbackCompleted = errors.New("local: the callback is already completed")
	// ErrCallbackTimedOut says that the result of a callback came too late.
	ErrCallbackTimedOut = errors.New("local: the callback has timed out")
)

// AlreadyStartedError says that a function has an execution of this name that was started with
// another payload.
type AlreadyStartedError struct {
	Name string
	// ARN is that of the existing execution.
	ARN string
}

func (e *AlreadyStartedError) Error() string {
	return fmt.Sprintf("local: an execution named %q was started with another payload: %s; choose another name", e.Name, e.ARN)
}

// ExecutionError says that an execution has ended without a result.
type ExecutionError struct {
	ARN    string
	Status Status
	// Failure is why, nil if no one said so.
	Failure *checkpoint.Failure
}

func (e *ExecutionError) Error() string {
	if e.Failure == nil {
		return fmt.Sprintf("local: execution %s: %s", e.ARN, e.Status)
	}
	return fmt.Sprintf("local: execution %s: %s: %s: %s", e.ARN, e.Status, e.Failure.Type, e.Failure.Message)
}

// FunctionError is an error that says itself what the service records of it. A handler that runs a
// function somewhere else returns it: with what that one has reported, or with type
// "Runtime.ExitError" if it has died. Other errors are recorded with the name of their type.
type FunctionError struct{ Failure checkpoint.Failure }

func (e *FunctionError) Error() string {
	return fmt.Sprintf("local: the function failed: %s: %s", e.Failure.Type, e.Failure.Message)
}

// refuse is the answer to a checkpoint call that must not be made.
func refuse(message string) *checkpoint.APIError { return api.Refuse(api.CallCheckpoint, message) }

func refusef(format string, args ...any) *checkpoint.APIError {
	return refuse(fmt.Sprintf(format, args...))
}

// staleToken is the answer to a call with a token that has been used, or never was one.
func staleToken(call string) *checkpoint.APIError {
	return api.Refuse(call, "Invalid checkpoint token")
}

// unavailable is the answer to a call that the service cannot work on.
func unavailable(call string, cause error) *checkpoint.APIError {
	return &checkpoint.APIError{
		Call: call, HTTPStatus: 500, Code: api.CodeService, Message: cause.Error(), Cause: cause,
	}
}
