package api

import (
	"fmt"

	"github.com/perdure/perdure/checkpoint"
)

// The calls of the API, as errors name them.
const (
	CallCheckpoint = "CheckpointDurableExecution"
	CallState      = "GetDurableExecutionState"
	CallInvoke     = "Invoke"
	CallStop       = "StopDurableExecution"
	CallPause      = "PauseDurableExecution"
	CallResume     = "ResumeDurableExecution"
	CallDelete     = "DeleteDurableExecution"
	CallFork       = "Fork"    // the local service's own
	CallRedrive    = "Redrive" // as well
	CallSkip       = "Skip"    // as well
	CallSucceed    = "SendDurableExecutionCallbackSuccess"
	CallFail       = "SendDurableExecutionCallbackFailure"
	CallHeartbeat  = "SendDurableExecutionCallbackHeartbeat"
)

// The codes of its errors.
const (
	CodeInvalid = "InvalidParameterValueException"
	CodeService = "ServiceException"
	CodeMissing = "ResourceNotFoundException"
	CodeTaken   = "ResourceConflictException"
	CodeNamed   = "DurableExecutionAlreadyStartedException"
)

// Refuse is the answer to a call that must not be made.
func Refuse(call, message string) *checkpoint.APIError {
	return &checkpoint.APIError{Call: call, HTTPStatus: 400, Code: CodeInvalid, Message: message}
}

// BadMember refuses a member of the update at position n of a checkpoint call.
func BadMember(n int, member, value, constraint string) *checkpoint.APIError {
	return Refuse(CallCheckpoint, fmt.Sprintf(
		"Value '%s' at 'updates.%d.member.%s' failed to satisfy constraint: %s", value, n+1, member, constraint))
}

// Unreachable is what the caller sees of a call that was not answered.
func Unreachable(call string, cause error) *checkpoint.APIError {
	return &checkpoint.APIError{Call: call, Message: cause.Error(), Cause: cause}
}
