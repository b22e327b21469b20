package engine

import (
	"fmt"
	"strconv"

	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// What is kept of an execution's room: operations for compensations, as soon as there is something to compensate, and
// bytes of payloads for the end. docs/limits.md says so.
const (
	reservedOperations = limits.Operations / 10
	reservedBytes      = limits.Payload
)

// sizeError is the error of an operation whose payload the service would refuse.
type sizeError struct{ text string }

func (e *sizeError) Error() string { return e.text }
func (e *sizeError) Unwrap() error { return op.ErrTooLarge }

// countError is the error of an operation that an execution has no room for.
type countError struct{ text string }

func (e *countError) Error() string { return e.text }
func (e *countError) Unwrap() error { return op.ErrTooMany }

// roomFor reports as an error whether an execution has no room for an operation that is not in the log and takes that many
// of the operations that it may have.
//
// The answer must be the same on each replay, for a refusal leaves no record. It is: what is counted only grows, and
// what was begun before is in the log. So must be the text.
func roomFor(s *scope, h *node.Header, nth, takes int) error {
	u := &s.inv.usage
	most := mostOperations
	if u.undoable && s.kind != undoScope {
		most -= reservedOperations
	}
	if u.operations+u.retries+takes <= most {
		return nil
	}
	kept := ""
	if most < mostOperations {
		kept = ", of which " + thousands(reservedOperations) + " are kept for compensations"
	}
	return &countError{fmt.Sprintf("replay: %s: the execution has no room for it: it takes %s operations, and an execution may have %s with "+
		"all retries%s (AWS quotas for durable functions); let parts of it be executions of their own (op.Invoke)",
		quote(s.pathOf(h, nth)), thousands(takes), thousands(mostOperations), kept)}
}

// room is roomFor one operation. Whether there is room for a last wait is the service's to say: nothing runs in vain.
func (s *scope) room(n node.Node, nth int) error {
	takes := 1
	if _, wait := n.(*node.Wait); wait {
		takes = 0
	}
	return roomFor(s, n.Head(), nth, takes)
}

// operationsOf is how many operations a batch takes that has these branches: itself, a record of each branch, that of
// what runs in it, and what compensates that.
func operationsOf(n *node.Batch, branches []*branch) int {
	takes := 1
	for _, k := range branches {
		if !n.Flat {
			takes++
		}
		if _, plain := k.plain(); !plain || n.Flat {
			takes++
		}
		if k.head.Undo != nil {
			takes++
		}
		if _, awaits := k.n.(*node.Await); awaits {
			takes--
		}
	}
	return takes
}

// fits reports as an error whether the service would refuse the result of a step.
func (st *step) fits(payload []byte) error {
	u := &st.s.inv.usage
	switch n := len(payload); {
	case n > limits.Payload:
		return &sizeError{fmt.Sprintf("the result has %s bytes, and the service takes at most %s of a step (Lambda API, "+
			"OperationUpdate.Payload); store it elsewhere and return where it is", thousands(n), thousands(limits.Payload))}
	case u.bytes+n > mostBytes-reservedBytes:
		return &sizeError{fmt.Sprintf("the result has %s bytes, and the execution holds %s of the %s that it may (AWS quotas for durable "+
			"functions), of which %s are kept for its end; store results elsewhere and return where they are",
			thousands(n), thousands(u.bytes), thousands(mostBytes), thousands(reservedBytes))}
	}
	return nil
}

// nextPath is the path of the operation that is claimed next under this name and key.
func nextPath(s *scope, h *node.Header) string {
	return s.pathOf(h, s.next(h))
}

// thousands writes a number with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
