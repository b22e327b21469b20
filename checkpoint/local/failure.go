package local

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// exitFailure is what the service records when a process ends before it has answered.
func exitFailure(requestID string) *checkpoint.Failure {
	return &checkpoint.Failure{
		Type:    "Runtime.ExitError",
		Message: "RequestId: " + requestID + " Error: Runtime exited with error: exit status 1",
	}
}

// timeoutFailure is what the service records when a function has not answered in time.
func timeoutFailure(requestID string, limit time.Duration) *checkpoint.Failure {
	return &checkpoint.Failure{
		Type:    "Sandbox.Timedout",
		Message: fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", requestID, limit.Seconds()),
	}
}

// notFound is why a function cannot be invoked that no one hosts.
func notFound(function string) *checkpoint.Failure {
	return &checkpoint.Failure{Type: "ResourceNotFoundException", Message: "Function not found: " + function}
}

// failureOfError is what the service records of the error that a handler has returned.
func failureOfError(err error) *checkpoint.Failure {
	if f, ok := errors.AsType[*FunctionError](err); ok {
		return clone(&f.Failure)
	}
	return failureOf(err, err.Error())
}

// failureOf is what the Lambda runtime reports of an error, or of what a function panicked with.
func failureOf(v any, message string) *checkpoint.Failure {
	return &checkpoint.Failure{Type: typeName(v), Message: strings.ToValidUTF8(message, "\uFFFD")}
}

// typeName returns the name of a value's type without pointer, package and type arguments, as the
// Lambda runtime reports it.
func typeName(v any) string {
	name, _, _ := strings.Cut(fmt.Sprintf("%T", v), "[")
	name = strings.TrimLeft(name, "*")
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return name
}
