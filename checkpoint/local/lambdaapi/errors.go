package lambdaapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// The codes of errors that only the front knows (Lambda API).
const (
	codeNotFound   = "ResourceNotFoundException"
	codeTooLarge   = "RequestTooLargeException"
	codeValidation = "ValidationException"
)

func badRequest(status int, code, message string) error {
	return &checkpoint.APIError{HTTPStatus: status, Code: code, Message: message}
}

// refused says that a call must not be made as it is.
func refused(message string) error { return api.Refuse("", message) }

func tooLarge(limit int) error {
	return badRequest(http.StatusRequestEntityTooLarge, codeTooLarge,
		fmt.Sprintf("Request must be smaller than %d bytes for this call.", limit))
}

func notValid(member, value, constraint string) error {
	return badRequest(http.StatusBadRequest, codeValidation, fmt.Sprintf(
		"1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, constraint))
}

// answerOf returns what the API answers to a call that ended with an error.
func answerOf(err error) *checkpoint.APIError {
	if api, ok := errors.AsType[*checkpoint.APIError](err); ok {
		return api
	}
	answer := &checkpoint.APIError{HTTPStatus: http.StatusInternalServerError, Code: api.CodeService, Message: err.Error()}
	switch _, taken := errors.AsType[*local.AlreadyStartedError](err); {
	case taken:
		answer.HTTPStatus, answer.Code = http.StatusConflict, api.CodeNamed
	case errors.Is(err, local.ErrNoFunction), errors.Is(err, local.ErrNotFound):
		answer.HTTPStatus, answer.Code = http.StatusNotFound, codeNotFound
	case errors.Is(err, local.ErrEnded):
		answer.HTTPStatus, answer.Code = http.StatusBadRequest, api.CodeInvalid
	}
	return answer
}

// writeError answers with an error as the API does. An error that the caller is to see as one of
// the network ends the connection.
func writeError(w http.ResponseWriter, call string, err error) {
	answer := answerOf(err)
	if answer.HTTPStatus == 0 {
		panic(http.ErrAbortHandler) //nolint:forbidigo // the way of net/http to end a connection without an answer
	}
	kind := "User"
	if answer.HTTPStatus >= http.StatusInternalServerError {
		kind = "Service"
	}
	message := answer.Message
	if message == "" {
		message = call + " failed"
	}
	// Some errors of the API spell the member with a small letter.
	body, _ := json.Marshal(map[string]string{"Type": kind, "Message": message, "message": message}) // strings only
	w.Header().Set("Content-Type", "application/json")
	if answer.Code != "" {
		w.Header().Set("X-Amzn-Errortype", answer.Code)
	}
	w.WriteHeader(answer.HTTPStatus)
	_, _ = w.Write(body) // who does not read it asks again
}
