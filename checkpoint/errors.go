package checkpoint

import (
	"fmt"
	"strings"
)

// APIError is an error that the service answered a call with.
type APIError struct {
	// Call is the operation of the API, such as "CheckpointDurableExecution".
	Call string
	// HTTPStatus is the status code of the answer; zero if the call never got one.
	HTTPStatus int
	// Code is the modeled error type, such as "InvalidParameterValueException"; it may be empty.
	Code    string
	Message string
	// Cause is the error of the client, if there is one.
	Cause error
}

func (e *APIError) Error() string {
	var b strings.Builder
	b.WriteString("checkpoint: " + e.Call)
	switch {
	case e.HTTPStatus != 0:
		fmt.Fprintf(&b, ": %d", e.HTTPStatus)
	default:
		b.WriteString(": no answer")
	}
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	switch {
	case e.Message != "":
		b.WriteString(": " + e.Message)
	case e.Cause != nil:
		b.WriteString(": " + e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns the error of the client.
func (e *APIError) Unwrap() error { return e.Cause }

// StaleToken reports whether the call was refused because another call has used up its token: the
// parameter that the service does not accept is the token. The service and its emulators spell
// the message with different capitals, so only the name of the parameter counts, in any letters.
func (e *APIError) StaleToken() bool {
	return e.Code == "InvalidParameterValueException" &&
		strings.Contains(strings.ToLower(e.Message), "checkpoint token")
}

// NotFound reports whether there is no such execution.
func (e *APIError) NotFound() bool {
	return e.HTTPStatus == 404 || e.Code == "ResourceNotFoundException"
}

// Conflict reports whether the execution is in a state that does not allow the call: it is paused
// already, or not paused, or has ended, or has not.
func (e *APIError) Conflict() bool {
	return e.HTTPStatus == 409 || e.Code == "ResourceConflictException"
}

// NameTaken reports whether an execution was not started because the function has one of that name
// that was started with another payload.
func (e *APIError) NameTaken() bool { return e.Code == "DurableExecutionAlreadyStartedException" }

// Looped reports whether an execution was not started because Lambda takes what starts it for a
// loop: about 16 invocations, each of which has caused the next one. The function permits it with
// RecursiveLoop: Allow (Lambda, recursive loop detection).
func (e *APIError) Looped() bool { return e.Code == "RecursiveInvocationException" }

// Denied reports whether the caller may not make the call: its role lacks the permission.
func (e *APIError) Denied() bool {
	return e.HTTPStatus == 403 || e.Code == "AccessDeniedException"
}

// Permanent reports whether the execution itself must fail: the service refused what the call said,
// and would refuse it again, or the key that encrypts the log cannot be used. Everything else (a
// stale token, throttling, a failure of the service or of the network) ends the invocation only,
// and the service invokes again.
func (e *APIError) Permanent() bool {
	switch e.Code { // the key of the log, with status 502 (Lambda API, common errors)
	case "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException":
		return true
	}
	return e.HTTPStatus >= 400 && e.HTTPStatus < 500 && e.HTTPStatus != 429 && !e.StaleToken()
}
