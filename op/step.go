package op

import (
	"context"

	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// Step is an operation with a body: fn runs until it succeeds or its retry policy gives up, and
// its result or error is recorded. Once recorded, fn does not run again.
//
// By default fn runs at least once per attempt, and a failed attempt is retried as
// [retry.Default] says: six attempts, the first included, with exponential backoff and full
// jitter. See [WithSemantics], [WithRetry], [WithRetryIf], [WithTimeout].
//
// The error of a step is an [*Error] with the message of the last attempt's error; errors
// registered by [WithErrors] keep their identity. A nil fn or an invalid name is an error when
// the step is run. Limit: a result of at most 1 MB (Lambda API, OperationUpdate.Payload).
func Step[T any](name string, fn func(context.Context) (T, error), opts ...StepOption) Op[T] {
	n := newStep[T](name, stepFn[T](fn))
	if fn == nil {
		n.Err = nilBody(n.Err, "Step", name)
	}
	return step[T](n, opts)
}

// StepFunc makes a builder of steps from a function of their input.
//
//	var charge = op.StepFunc("charge-card", cards.Charge) // func(context.Context, Order) (Payment, error)
func StepFunc[In, Out any](name string, fn func(context.Context, In) (Out, error), opts ...StepOption) Builder[In, Out] {
	d := &node.Decl{Name: name}
	return func(in In) Op[Out] {
		s := &stepInFn[In, Out]{Step: node.Step{Header: header[Out](name, subtype.Step)}, fn: fn}
		s.Body = s
		if fn == nil {
			s.Err = nilBody(s.Err, "StepFunc", name)
		}
		declared(&s.Header, d, in)
		return step[Out](&s.Step, opts)
	}
}

// Do is a [Step] without a result.
func Do(name string, fn func(context.Context) error, opts ...StepOption) Op[None] {
	n := &node.Step{Header: header[None](name, subtype.Step), Body: doFn(fn)}
	if fn == nil {
		n.Err = nilBody(n.Err, "Do", name)
	}
	return step[None](n, opts)
}

// DoFunc makes a builder of steps without a result.
func DoFunc[In any](name string, fn func(context.Context, In) error, opts ...StepOption) Builder[In, None] {
	d := &node.Decl{Name: name}
	return func(in In) Op[None] {
		s := &doInFn[In]{Step: node.Step{Header: header[None](name, subtype.Step)}, fn: fn}
		s.Body = s
		if fn == nil {
			s.Err = nilBody(s.Err, "DoFunc", name)
		}
		declared(&s.Header, d, in)
		return step[None](&s.Step, opts)
	}
}

func step[T any](n *node.Step, opts []StepOption) Op[T] {
	for _, o := range opts {
		if o != nil {
			o.applyStep(n)
		}
	}
	return Op[T]{n: n}
}

// stepFn is the body of Step. A function type converts to an interface without an allocation.
type stepFn[T any] func(context.Context) (T, error)

// Run runs the body.
func (f stepFn[T]) Run(ctx context.Context) (any, error) { return f(ctx) }

// stepInFn is the node of a builder and its body in one allocation: a replay makes one per step.
// The input is that of the node.
type stepInFn[In, Out any] struct {
	node.Step

	fn func(context.Context, In) (Out, error)
}

// Run runs the body.
func (s *stepInFn[In, Out]) Run(ctx context.Context) (any, error) {
	in, _ := s.Input.(In) // nil is the zero value of an interface
	return s.fn(ctx, in)
}

type doFn func(context.Context) error

func (f doFn) Run(ctx context.Context) (any, error) { return None{}, f(ctx) }

// doInFn is stepInFn without a result.
type doInFn[In any] struct {
	node.Step

	fn func(context.Context, In) error
}

// Run runs the body.
func (s *doInFn[In]) Run(ctx context.Context) (any, error) {
	in, _ := s.Input.(In)
	return None{}, s.fn(ctx, in)
}
