package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// ErrContinuation is the error of an execution that was to continue as another one and could not.
var ErrContinuation = errors.New("replay: the execution does not continue as another one")

// Continuation is the error that a handler returns to have its execution continued by another one.
type Continuation struct { //nolint:errname // its users call it so
	// Input is what the other one is given.
	Input any
	// Function is that of the other one; empty for the function and the version of this one.
	Function string
}

// Error says that it is to be returned.
func (c *Continuation) Error() string {
	return "replay: the execution continues as another one: the handler is to return this error"
}

// Misfit is the error of a continuation whose input is not one of the handler.
func (c *Continuation) Misfit(want any) error {
	return &misuse{ErrContinuation, fmt.Sprintf("%v: its input is a %T, and the handler takes a %T: "+
		"pass that, or name the function that takes the other one with replay.ContinueOn", ErrContinuation, c.Input, want)}
}

// Continue notes that the execution is to be continued, and returns the error that says so.
func (h *Handle) Continue(c *Continuation) error {
	s := h.s
	if err := s.enter(nil); err != nil {
		return err
	}
	if s.kind != handlerScope || s.f != s.inv.end.root {
		s.f.fatal(&misuse{ErrContinuation, fmt.Sprintf("%v: replay.ContinueAsNew was called in %s, and only a handler ends its execution: "+
			"return from there what the execution goes on with, and call it in the handler", ErrContinuation, placeOf(s.path()))})
	}
	s.inv.end.continued = c
	s.leave()
	return c
}

// continuation returns what the handler wants to be continued with; nil if it does not. The error
// is what the handler returned, or why it cannot be continued.
func (inv *invocation) continuation(err error) (*Continuation, error) {
	c, returned := errors.AsType[*Continuation](err)
	made := inv.end.continued
	switch {
	case made == nil && !returned:
		return nil, err
	case returned && c == made && !alone(err):
		return nil, &misuse{ErrContinuation, fmt.Sprintf("%v: the handler returned the error of replay.ContinueAsNew joined with another error, "+
			"which would be lost: return one of them: %v", ErrContinuation, err)}
	case returned && c == made:
		return c, nil
	case returned:
		return nil, &misuse{ErrContinuation, fmt.Sprintf("%v: the handler returned the error of another replay.ContinueAsNew than the last one "+
			"that it called: an error is not kept for later", ErrContinuation)}
	case errors.Is(err, ErrContinuation):
		return nil, err
	case err != nil:
		return nil, &misuse{ErrContinuation, fmt.Sprintf("%v: replay.ContinueAsNew was called, and the handler returned another error: %v",
			ErrContinuation, err)}
	}
	return nil, &misuse{ErrContinuation, fmt.Sprintf("%v: replay.ContinueAsNew was called, and the handler returned no error: "+
		"return that of ContinueAsNew", ErrContinuation)}
}

// alone reports whether a continuation is all that err is, though it may be wrapped.
func alone(err error) bool {
	for err != nil {
		switch e := err.(type) { //nolint:errorlint // each level is looked at
		case *Continuation:
			return true
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			parts := slices.DeleteFunc(slices.Clone(e.Unwrap()), func(part error) bool { return part == nil })
			return !slices.ContainsFunc(parts, func(part error) bool { return !alone(part) })
		default:
			return false
		}
	}
	return false
}

// startSuccessor starts the execution that continues this one, when everything that the handler has
// started is over. It is a step of the handler's scope, and so done once. It returns the result of
// this execution.
func startSuccessor(root *scope, c *Continuation) ([]byte, error) {
	inv := root.inv
	n := &node.Step{Header: node.Header{Name: successorStep, SubType: subtype.Start, Codec: codec.JSON(), Input: c.Input}}
	n.Config = node.StepConfig{Retry: inv.cfg.Steps.Default, Semantics: node.AtLeastOnce}
	n.Body = successor{node.Starting{
		Function: c.Function, Name: oplog.SuccessorName(inv.ARN, checkpoint.ExecutionName(inv.ARN)), Own: true,
		Input: c.Input, Codec: inv.cfg.HandlerCodec,
	}, inv.ARN}
	begun := 0
	if peek(root, &n.Header) != nil {
		begun = 1
	}
	if root.unclaimed() > begun {
		root.diverge(unreachedAtReturn(root, nil))
	}
	if err := joinStarted(root); err != nil {
		return nil, err
	}
	if path := undoable(root); path != "" {
		return nil, &misuse{ErrContinuation, fmt.Sprintf("%v: %s could still be undone, and the next execution cannot do that: "+
			"run what is undone together in an op.Group, whose success decides", ErrContinuation, quote(path))}
	}
	r := root.call(root.ctx, n, false)
	flushed(root)
	if r.Err != nil {
		return nil, r.Err
	}
	var arn string
	if err := r.Decode(&arn); err != nil {
		return nil, err
	}
	return checkpoint.ContinuedResult(arn), nil
}

// successorStep is the name of the step that starts a successor.
const successorStep = "continue-as-new"

// undoable is the path of an operation that has completed and would be undone if the handler
// failed; empty for none.
func undoable(root *scope) string {
	for _, u := range claimedIn(root) {
		if u.step() != nil || u.unknown() {
			return u.path
		}
	}
	return ""
}

// successor is the body of the step that starts a successor.
type successor struct {
	what node.Starting
	arn  string // of the execution that it follows
}

var errNoFunction = errors.New("the ARN of the execution names no function: name one with replay.ContinueOn")

// Run starts it.
func (s successor) Run(ctx context.Context) (any, error) {
	b, ok := node.BodyFrom(ctx)
	if !ok || b.Start == nil {
		return nil, retry.Permanent(errNoStarter)
	}
	if s.what.Function == "" {
		if s.what.Function = checkpoint.FunctionARN(s.arn); s.what.Function == "" {
			return nil, retry.Permanent(errNoFunction)
		}
	}
	return b.Start(ctx, s.what)
}
