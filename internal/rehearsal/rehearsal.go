// Package rehearsal is what the perdure command and the process of a function say to each other
// when changed code is rehearsed: an event that asks, and its answer. A process that is to answer
// is started with [Variable] set; it carries out no invocation.
//
// The event is not that of a durable function, so that a build which does not know it refuses it
// before any code of the handler runs.
package rehearsal

import (
	"encoding/json"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
)

// Variable is the variable of the environment that has a function answer rehearsals instead of
// invocations.
const Variable = "PERDURE_REHEARSE"

// Version is that of the events and answers. A build answers those of its own version.
const Version = 1

// Request asks for a rehearsal, or, without a log, whether there would be an answer.
type Request struct {
	Version int `json:"version"`
	// Log is the event of an invocation.
	Log json.RawMessage `json:"log,omitempty"`
	// Withheld says of operations why their payload is not known, by ID.
	Withheld map[string]string `json:"withheld,omitempty"`
}

// event is a request as it stands in an event.
type event struct {
	Request *Request `json:"perdureRehearsal"`
}

// token stands in a log in the place of a token.
const token = "rehearsal"

// Ask returns the event that asks for a rehearsal of an execution.
func Ask(log checkpoint.Invocation) ([]byte, error) {
	r := &Request{Version: Version}
	if log.ARN != "" {
		known := make([]checkpoint.Operation, len(log.Operations))
		for i, o := range log.Operations {
			if why, ok := o.Payload.Withheld(); ok {
				if r.Withheld == nil {
					r.Withheld = make(map[string]string)
				}
				r.Withheld[o.ID], o.Payload = why, checkpoint.Payload{}
			}
			known[i] = o
		}
		log.Operations, log.Token = known, token
		text, err := checkpoint.EncodeInvocation(log)
		if err != nil {
			return nil, fmt.Errorf("the log of %s cannot be sent to the function: %w", log.ARN, err)
		}
		r.Log = text
	}
	return json.Marshal(event{r})
}

// Asked returns what an event asks for: the log, empty for whether there would be an answer.
func Asked(payload []byte) (log checkpoint.Invocation, err error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil || e.Request == nil {
		return log, fmt.Errorf("the variable %s is set, so that this process carries out no invocations: "+
			"it answers perdure compat", Variable)
	}
	if e.Request.Version != Version {
		return log, fmt.Errorf("a rehearsal of version %d was asked for, and this build answers those of version %d: "+
			"build the function with the version of perdure that the command has", e.Request.Version, Version)
	}
	if len(e.Request.Log) == 0 {
		return log, nil
	}
	if log, err = checkpoint.DecodeInvocation(e.Request.Log); err != nil {
		return log, err
	}
	for i := range log.Operations {
		if why, ok := e.Request.Withheld[log.Operations[i].ID]; ok {
			log.Operations[i].Payload = checkpoint.WithheldPayload(why)
		}
	}
	return log, nil
}

// Answer is what has come of a rehearsal.
type Answer struct {
	Version int    `json:"version"`
	Verdict string `json:"verdict,omitempty"`
	// Diverged says what does not fit, for the verdict diverges.
	Diverged *Divergence `json:"diverged,omitempty"`
	// Undecided says what the log alone does not decide.
	Undecided []Undecided `json:"undecided,omitempty"`
	// Error is why the next invocation fails, for the verdict fails, or why there was no rehearsal.
	Error string `json:"error,omitempty"`
	// Declared are the declared changes that the code has reached.
	Declared []Declared `json:"declared,omitempty"`
	// Warnings are values that types lose, and errors that nothing registers.
	Warnings []Warning `json:"warnings,omitempty"`
	// Ends is the status that the execution would end with, if nothing is left to do.
	Ends string `json:"ends,omitempty"`
}

// Divergence says in what code and log differ.
type Divergence struct {
	Scope  string `json:"scope,omitempty"`
	Reason string `json:"reason"`
	Log    string `json:"log"`
	Code   string `json:"code"`
	// Declare is what declares the change; empty if nothing does.
	Declare string `json:"declare,omitempty"`
	Line
}

// Declared is a declared change, and which side of it was taken.
type Declared struct {
	// As is the function that declares it, Change the path of the newest operation that it is
	// about.
	As     string `json:"as"`
	Change string `json:"change"`
	// Old says that its old side was taken; Text says it in a sentence.
	Old  bool   `json:"old,omitempty"`
	Text string `json:"text"`
	// ID is that of the operation in the log that the old side is, if it is one; Now is its name in
	// the code today, empty if it was removed.
	ID  string `json:"id,omitempty"`
	Now string `json:"now,omitempty"`
}

// Line is the line of the handler that a message is about; none if it is not known.
type Line struct {
	// File is as the compiler knows it: with -trimpath it begins with the path of the module.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Warning says what the code loses of a log that it fits.
type Warning struct {
	Text    string `json:"text"`
	Declare string `json:"declare,omitempty"`
	Line
}

// Undecided is something that is not decided.
type Undecided struct {
	Text string `json:"text"`
	// Diverged says what will not fit if the code comes there.
	Diverged *Divergence `json:"diverged,omitempty"`
}
