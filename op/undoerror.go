package op

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// UndoError is the error of a scope that failed and whose compensation did not succeed, or is
// not known to have. If all was compensated, the error of the scope is its cause alone.
type UndoError struct {
	// Cause is why the scope failed.
	Cause error
	// Undone are the paths of the operations that were compensated, in the order it was done.
	Undone []string
	// Failed are the errors of the compensations that failed, each an [*Error] whose Path is that
	// of the compensation.
	Failed []error
	// Unknown are the paths of operations of which it is not known whether they had their effect.
	Unknown []string
}

// Error returns the cause, and what was not compensated.
func (e *UndoError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", e.Cause)
	cause := b.String() // which says what failed in a scope inside
	for _, err := range e.Failed {
		text := fmt.Sprintf("; undo failed: %v", err)
		if path := pathOf(err); path != "" {
			text += fmt.Sprintf(" (%s)", path)
		}
		if !strings.Contains(cause, text) {
			b.WriteString(text)
		}
	}
	unknown := slices.DeleteFunc(slices.Clone(e.Unknown), func(path string) bool {
		return strings.Contains(cause, notKnown) && strings.Contains(cause, path)
	})
	if len(unknown) > 0 {
		b.WriteString(notKnown + strings.Join(unknown, ", "))
	}
	return b.String()
}

const notKnown = "; not known to be undone: "

// Unwrap returns the cause and the errors of the compensations.
func (e *UndoError) Unwrap() []error { return append([]error{e.Cause}, e.Failed...) }

// pathOf is the path of the operation whose error err is; empty if it is that of none.
func pathOf(err error) string {
	if e, ok := err.(*Error); ok { //nolint:errorlint // one that it wraps is that of another operation
		return e.Path
	}
	return ""
}

// undoWire is an UndoError in the log: of its errors it keeps the messages, and of those of
// compensations what they are of.
type undoWire struct {
	Cause   string       `json:"cause"`
	Undone  []string     `json:"undone,omitempty"`
	Failed  []string     `json:"failed,omitempty"`
	Of      []undoFailed `json:"of,omitempty"` // as many as Failed; records of earlier versions have none
	Unknown []string     `json:"unknown,omitempty"`
}

// undoFailed is a compensation that failed.
type undoFailed struct {
	ID      string `json:"id,omitempty"`
	Name    string `json:"name,omitempty"`
	Path    string `json:"path,omitempty"`
	Type    string `json:"type,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
}

// MarshalJSON writes the error for the log.
func (e *UndoError) MarshalJSON() ([]byte, error) {
	w := undoWire{Undone: e.Undone, Unknown: e.Unknown}
	if e.Cause != nil {
		w.Cause = e.Cause.Error()
	}
	for _, err := range e.Failed {
		w.Failed = append(w.Failed, err.Error())
		var of undoFailed
		if e, ok := err.(*Error); ok { //nolint:errorlint // as pathOf
			of = undoFailed{ID: e.ID, Name: e.Name, Path: e.Path, Type: e.Type, Attempt: e.Attempt}
		}
		w.Of = append(w.Of, of)
	}
	return json.Marshal(w)
}

// undoKind is the type of a compensation on the wire.
const undoKind = "STEP"

// UnmarshalJSON reads the error from the log.
func (e *UndoError) UnmarshalJSON(b []byte) error {
	var w undoWire
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*e = UndoError{Cause: errors.New(w.Cause), Undone: w.Undone, Unknown: w.Unknown}
	for i, text := range w.Failed {
		failed := &Error{Kind: undoKind, Message: text}
		if i < len(w.Of) {
			of := w.Of[i]
			failed.ID, failed.Name, failed.Path, failed.Type, failed.Attempt = of.ID, of.Name, of.Path, of.Type, of.Attempt
		}
		e.Failed = append(e.Failed, failed)
	}
	return nil
}
