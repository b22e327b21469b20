// Package moment has the programs of the crash test report what they are about to do, and wait
// until they may. Whoever is reported to can kill them meanwhile.
package moment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

// Variable is the environment variable with the URL that is reported to.
const Variable = "CRASHTEST_CONDUCTOR"

// Kind is a kind of moment.
type Kind string

// The kinds of moments.
const (
	Starting  Kind = "while it starts"
	Body      Kind = "while a body runs"
	InFlight  Kind = "while a checkpoint is in flight"
	Committed Kind = "between commit and reply"
	Storing   Kind = "during a store commit"

	// Invoked and Submitted are only reported: a process has taken on an execution, and a callback
	// has been handed over.
	Invoked   Kind = "invoked"
	Submitted Kind = "submitted"
)

// The programs.
const (
	Function = "function"
	Service  = "service"
)

// Report is what a program says of a moment.
type Report struct {
	Kind    Kind   `json:"kind"`
	Program string `json:"program"`
	PID     int    `json:"pid"`
	// Execution is its ARN, if the moment belongs to one.
	Execution string `json:"execution,omitempty"`
	// Operation is the ID of the operation whose body runs.
	Operation string `json:"operation,omitempty"`
	// Number distinguishes checkpoint calls of a service.
	Number int64 `json:"number,omitempty"`
	// Call is the body of a checkpoint call that was accepted.
	Call     json.RawMessage `json:"call,omitempty"`
	Callback string          `json:"callback,omitempty"`
}

// Reach reports a moment and returns when the program may go on. It ends the program if no one
// listens.
func Reach(r Report) {
	r.PID = os.Getpid()
	text, err := json.Marshal(r)
	if err == nil {
		var answer *http.Response
		answer, err = http.Post(os.Getenv(Variable), "application/json", bytes.NewReader(text)) //nolint:gosec,noctx // the test's own server
		if err == nil {
			err = answer.Body.Close()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crashtest:", err)
		os.Exit(3)
	}
}
