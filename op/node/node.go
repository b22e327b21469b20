// Package node holds operations as interpreters see them: without type parameters.
//
// Users declare operations with package op and run them with package replay; they need this
// package only to write an interpreter or a test kit of their own. The set of nodes is closed:
// [Step], [Wait], [Callback], [Invoke], [Group], [Batch], [Await], [Choice] and [Inline].
// Everything else that op offers is made of them.
//
//  1. If a node's header carries an Err, the declaration is invalid: an interpreter refuses it
//     before it claims anything.
//  2. Otherwise an [Await] claims nothing: it waits for an operation that was started before.
//  3. Otherwise an [Inline] claims nothing itself, and a [Choice] is one of its sides.
//  4. Otherwise the node claims one operation: name and key, within its scope, identify it.
package node

import (
	"context"
	"errors"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/retry"
)

// Node is an operation without its type.
//
//sumtype:decl
type Node interface {
	// Head returns what all operations have.
	Head() *Header
	node()
}

// Header is what all operations have.
type Header struct {
	// Decl is the declaration that the node comes from; nil unless a builder made it.
	Decl *Decl
	// Name identifies the operation within its scope, together with Key.
	Name string
	// Key distinguishes operations of one name; empty for an operation without a key.
	Key string
	// SubType says on the wire which operation of the SDK this is.
	SubType string
	// Input is the value a builder was called with, or the input of an Invoke; else nil.
	Input any
	// Codec encodes and decodes the result; nil means the handler's codec.
	Codec codec.Codec
	// Known are the errors that keep their identity in the log.
	Known []codec.KnownError
	// Summary, if not nil, describes a result too large for the log.
	Summary func(value any) string
	// Undo, if not nil, makes the step that compensates the operation.
	Undo *Undo
	// Check decodes a record into the declared type, to see whether it can be.
	// Nil means that no one will use the result.
	Check Checker
	// Value, if not nil, decodes a record as the user of the operation does, through functions of
	// the user's that change its result or its error: it returns the error that the user gets. A
	// branch counts as a success, and an attempt is made again, by what it says and not by the
	// record.
	Value Checker
	// Err is what is wrong with the declaration; nil for a valid one.
	Err error
}

// Head returns the header itself.
func (h *Header) Head() *Header { return h }

// Decl is the identity of a declaration. Builders allocate one each, so that a test kit can
// recognise the operations of a builder by value.
type Decl struct {
	// Name is the name the declaration gives its operations.
	Name string
}

// Checker reports whether a record can be decoded into the type an operation was declared with.
type Checker interface {
	Check(r Result) error
}

// ErrRefused is in the recorded error of a group that gave up because a Value of its operation
// refused the result: that error has been through the functions of the Value.
var ErrRefused = errors.New("the result was refused")

// Undo is the compensation of an operation.
type Undo struct {
	// Attempted asks for compensation also when the operation failed or was interrupted.
	Attempted bool
	// Inner says that the compensation is that of an operation inside, which takes care of itself
	// until this one has succeeded.
	Inner bool
	// Past says that only a compensation that has begun is carried out: the code declares no other.
	Past bool
	// Step makes the compensating step from the record of the operation.
	Step func(r Result) *Step
}

// Body is the user code of a step.
type Body interface {
	Run(ctx context.Context) (value any, err error)
}

// ScopeBody is the user code of a group.
type ScopeBody interface {
	Run(s Scope) (value any, err error)
}

// Semantics says how often the body of a step may run.
type Semantics int

// The semantics of a step.
const (
	// Unset leaves the choice to the handler.
	Unset Semantics = iota
	// AtLeastOnce runs the body at least once per attempt.
	AtLeastOnce
	// AtMostOnce runs the body at most once per attempt.
	AtMostOnce
	// Relaxed queues the completion and goes on: a crash may lose it and run the body again.
	Relaxed
)

// StepConfig is what options set on a step. Zero values leave the choice to the handler.
type StepConfig struct {
	Retry     retry.Policy
	Only      []retry.Filter
	Semantics Semantics
	// Timeout ends an attempt, cooperatively; zero means no limit.
	Timeout time.Duration
	// CountCrashes makes a crash consume an attempt of an at-least-once step.
	CountCrashes bool
	// Exhausted, if not nil, gives the error of a step whose policy ended the attempts of a
	// body that asked to be run again.
	Exhausted func(attempts int) error
}

// Step is an operation with a body that is attempted until it succeeds or is given up.
type Step struct {
	Header

	Body   Body
	Config StepConfig
}

// Wait is an operation that lasts for a time.
type Wait struct {
	Header

	// Duration is in whole seconds, unless Until is set.
	Duration time.Duration
	// Until, unless zero, is when the wait ends.
	Until time.Time
}

// Callback is an operation that an outside system completes.
type Callback struct {
	Header

	// Timeout and Heartbeat are in whole seconds; zero means no limit.
	Timeout, Heartbeat time.Duration
}

// Invoke is the call of another function.
type Invoke struct {
	Header

	Function, Tenant string
	// InputCodec encodes the header's input; nil means the handler's codec.
	InputCodec codec.Codec
}

// Group is an ordered scope: a body whose operations run one after the other.
type Group struct {
	Header

	Body ScopeBody
	// Outside says that the result comes from outside: whether it can be decoded is its reader's
	// concern.
	Outside bool
	// Of, if not nil, is the operation whose payload the group passes on.
	Of Node
	// Report says that the error of a group that was compensated names what was, also if that was
	// all.
	Report bool
	// MaxOpen bounds how many operations that were started in the group, and do not end by
	// themselves, are open at once: starting another one waits. Zero means no bound.
	MaxOpen int
}

// Verbatim is the value of a group whose payload is recorded as it stands, not encoded.
type Verbatim struct {
	// Payload is nil if there is none.
	Payload Payload
	// Replayed says that the payload was in the log before the code asked for it: see
	// [Result.Replayed].
	Replayed bool
}

// Await waits for an operation that was started before. It claims nothing.
type Await struct {
	Header

	// Target is the Target of the record that starting the operation returned.
	Target any
	// Of is the operation that was started, Sides those that were taken if it was a [Choice].
	Of    Node
	Sides Sides
}

func (*Step) node()     {}
func (*Wait) node()     {}
func (*Callback) node() {}
func (*Invoke) node()   {}
func (*Group) node()    {}
func (*Await) node()    {}
