package replay

import (
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// DivergedError says that the code is not the code that wrote the log: it reached an operation
// that the log does not have where it would have to be, or did not reach one that it has.
// The execution cannot go on with this code. No body of the scope has run, nothing was written.
type DivergedError struct {
	// Scope is the path of the handler's scope, group or branch; empty for the handler itself.
	Scope string
	// Log is what the checkpoint log holds, Code what the code declared.
	Log, Code string
	// Reason says what does not fit.
	Reason string
}

// Error tells both sides and what to do.
func (e *DivergedError) Error() string {
	where := "the handler"
	if e.Scope != "" {
		where = quote(e.Scope)
	}
	return fmt.Sprintf("replay: the execution diverged in %s: %s; the log has %s; the code declared %s; "+
		"deploy the code that began this execution again, or start a new execution with the changed code",
		where, e.Reason, e.Log, e.Code)
}

// diverge ends the execution and the goroutine. Called with the lock held.
func (s *scope) diverge(err *DivergedError) {
	err.Scope = s.path
	s.inv.fail(err)
	s.inv.mu.Unlock()
	exit()
}

// missing describes an operation that has no record although the log holds later ones.
func (s *scope) missing(h *node.Header, kind checkpoint.Kind, occurrence int) *DivergedError {
	e := &DivergedError{
		Reason: "an operation was inserted, renamed or moved before operations that have been recorded",
		Log:    s.unreached(),
		Code:   declared(h, kind, s.pathOf(h, occurrence)),
	}
	if s.readOnly && s.unclaimed() == 0 {
		e.Reason = "an operation was added to a group that has completed"
		e.Log = "no further record in the group"
	}
	return e
}

// changed describes a record that belongs to another operation.
func (s *scope) changed(h *node.Header, kind checkpoint.Kind, occurrence int, rec *checkpoint.Operation) *DivergedError {
	reason := "the name differs"
	switch {
	case rec.Kind != kind:
		reason = "the kind of operation differs"
	case rec.SubType != h.SubType:
		reason = "the sub-type differs"
	case rec.ParentID != s.real:
		reason = "the operation has moved to another group"
	}
	return &DivergedError{
		Reason: reason,
		Log:    recorded(rec),
		Code:   declared(h, kind, s.pathOf(h, occurrence)) + parentOf(s.real),
	}
}

// beyond describes records that lie after an operation which is not finished.
func (s *scope) beyond(o *operation) *DivergedError {
	return &DivergedError{
		Reason: "the code waits for an operation that is not finished, but did not reach recorded operations before it",
		Log:    s.unreached(),
		Code:   declared(o.head, o.kind, o.path()),
	}
}

// left describes records that the code returned without reaching.
func (s *scope) left() *DivergedError {
	return &DivergedError{
		Reason: "the code returned without reaching operations that have been recorded",
		Log:    s.unreached(),
		Code:   "nothing further",
	}
}

// unfinished describes an operation that a finished group waits for.
func (s *scope) unfinished(o *operation) *DivergedError {
	return &DivergedError{
		Reason: "the code of a completed group waits for an operation that it did not wait for before",
		Log:    "the operation, not finished",
		Code:   declared(o.head, o.kind, o.path()),
	}
}

// refailed describes an operation that has succeeded and whose result cannot be computed again.
func refailed(rec *checkpoint.Operation, err error) *DivergedError {
	return &DivergedError{
		Reason: "what succeeded fails when it is run again to compute its large result",
		Log:    recorded(rec),
		Code:   "the error " + quote(err.Error()),
	}
}

// undecodable describes a payload that the code cannot read.
func (s *scope) undecodable(r node.Record, err error) *DivergedError {
	return &DivergedError{
		Reason: fmt.Sprintf("the recorded payload does not fit the declared type: %v", err),
		Log:    fmt.Sprintf("the payload of %s (ID %s)", quote(r.Meta.OperationName), r.Meta.OperationID),
		Code:   "another type or codec",
	}
}

// unreached lists the records of the scope that nobody has claimed.
func (s *scope) unreached() string {
	const most = 3
	recs := s.inv.log.UnclaimedRecords(s.ids)
	var b strings.Builder
	for i := range recs {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(recs)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(recorded(&recs[i]))
	}
	return b.String()
}

func recorded(rec *checkpoint.Operation) string {
	return fmt.Sprintf("%s %s %s (%s, ID %s%s)", rec.Kind, rec.SubType, quote(rec.Name), rec.Status, rec.ID, parentOf(rec.ParentID))
}

func declared(h *node.Header, kind checkpoint.Kind, path string) string {
	return fmt.Sprintf("%s %s at %s", kind, h.SubType, quote(path))
}

func parentOf(id string) string {
	if id == "" {
		return ""
	}
	return ", in " + id
}
