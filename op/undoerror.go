package op

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// UndoError is the error of a scope that failed and whose compensation did not succeed, or is
// not known to have. If all was compensated, the error of the scope is its cause alone.
type UndoError struct {
	// Cause is why the scope failed.
	Cause error
	// Undone are the paths of the operations that were compensated, in the order it was done.
	Undone []string
	// Failed are the errors of the compensations that failed.
	Failed []error
	// Unknown are the paths of operations of which it is not known whether they had their effect.
	Unknown []string
}

// Error returns the cause, and what was not compensated.
func (e *UndoError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", e.Cause)
	for _, err := range e.Failed {
		fmt.Fprintf(&b, "; undo failed: %v", err)
	}
	if len(e.Unknown) > 0 {
		fmt.Fprintf(&b, "; not known to be undone: %s", strings.Join(e.Unknown, ", "))
	}
	return b.String()
}

// Unwrap returns the cause and the errors of the compensations.
func (e *UndoError) Unwrap() []error { return append([]error{e.Cause}, e.Failed...) }

// undoWire is an UndoError in the log: of its errors it keeps the messages.
type undoWire struct {
	Cause   string   `json:"cause"`
	Undone  []string `json:"undone,omitempty"`
	Failed  []string `json:"failed,omitempty"`
	Unknown []string `json:"unknown,omitempty"`
}

// MarshalJSON writes the error for the log.
func (e *UndoError) MarshalJSON() ([]byte, error) {
	w := undoWire{Undone: e.Undone, Unknown: e.Unknown}
	if e.Cause != nil {
		w.Cause = e.Cause.Error()
	}
	for _, err := range e.Failed {
		w.Failed = append(w.Failed, err.Error())
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads the error from the log.
func (e *UndoError) UnmarshalJSON(b []byte) error {
	var w undoWire
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*e = UndoError{Cause: errors.New(w.Cause), Undone: w.Undone, Unknown: w.Unknown}
	for _, text := range w.Failed {
		e.Failed = append(e.Failed, errors.New(text))
	}
	return nil
}
