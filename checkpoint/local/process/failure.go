package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// ErrClosed says that the function has been closed.
var ErrClosed = errors.New("process: the function is closed")

func functionError(kind, format string, args ...any) *local.FunctionError {
	return &local.FunctionError{Failure: checkpoint.Failure{Type: kind, Message: fmt.Sprintf(format, args...)}}
}

// exitError says how a process ended that was to answer (Lambda, Runtime.ExitError).
func exitError(requestID string, err error) *local.FunctionError {
	how := "Runtime exited without providing a reason"
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		how = "Runtime exited with error: " + exit.Error()
	} else if err != nil && !errors.Is(err, exec.ErrWaitDelay) { // that is of a child which has kept its output
		how = "Runtime exited with error: " + err.Error()
	}
	return functionError("Runtime.ExitError", "RequestId: %s Error: %s", requestID, how)
}

// initError says that a process ended before it asked for an event, and what it wrote last.
func initError(requestID, program string, err error, last []string) *local.FunctionError {
	e := exitError(requestID, err)
	e.Failure.Message += fmt.Sprintf(" before %s asked for its first event", program)
	if len(last) > 0 {
		e.Failure.Message += "; it wrote: " + strings.Join(last, " | ")
	}
	if err == nil { // it has returned as if all were well
		e.Failure.Message += ": does its main function call lambda.Start?"
	}
	return e
}

// startError says that a process could not be started (Lambda, Runtime.InvalidEntrypoint).
func startError(program string, err error) *local.FunctionError {
	hint := "build it for this machine and make it executable"
	if errors.Is(err, os.ErrNotExist) {
		hint = "build it first"
	}
	return functionError("Runtime.InvalidEntrypoint", "%s cannot be started: %v; %s", program, err, hint)
}

// initTimeout says that a process did not ask for an event in time (Lambda, Sandbox.Timedout).
func initTimeout(requestID, program string, limit time.Duration) *local.FunctionError {
	return functionError("Sandbox.Timedout", "RequestId: %s Error: %s has not asked for an event within %v: "+
		"does its main function call lambda.Start?", requestID, program, limit)
}

// reported reads an error that a function has reported (Lambda Runtime API, invocation error).
// header is the type that it has named beside it.
func reported(body []byte, header string) checkpoint.Failure {
	var wire struct {
		Message string            `json:"errorMessage"`
		Type    string            `json:"errorType"`
		Stack   []json.RawMessage `json:"stackTrace"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		wire.Message = strings.ToValidUTF8(string(body), "\uFFFD")
	}
	if wire.Type == "" {
		wire.Type = header
	}
	if wire.Type == "" {
		wire.Type = "Runtime.UnknownReason"
	}
	f := checkpoint.Failure{Type: wire.Type, Message: wire.Message}
	for _, frame := range wire.Stack {
		f.Stack = append(f.Stack, frameText(frame))
	}
	return f
}

// frameText returns a frame of a stack: a text as it stands, the object of Go's runtime in a line.
func frameText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var frame struct {
		Path  string `json:"path"`
		Line  int    `json:"line"`
		Label string `json:"label"`
	}
	if json.Unmarshal(raw, &frame) == nil && frame.Path != "" {
		return fmt.Sprintf("%s (%s:%d)", frame.Label, frame.Path, frame.Line)
	}
	return string(raw)
}
