package op

import (
	"context"

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
	n := &node.Step{Header: header[T](name, subTypeStep), Body: stepFn[T](fn)}
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
		n := &node.Step{Header: header[Out](name, subTypeStep), Body: stepInFn[In, Out]{fn, in}}
		if fn == nil {
			n.Err = nilBody(n.Err, "StepFunc", name)
		}
		declared(&n.Header, d, in)
		return step[Out](n, opts)
	}
}

// Do is a [Step] without a result.
func Do(name string, fn func(context.Context) error, opts ...StepOption) Op[None] {
	n := &node.Step{Header: header[None](name, subTypeStep), Body: doFn(fn)}
	if fn == nil {
		n.Err = nilBody(n.Err, "Do", name)
	}
	return step[None](n, opts)
}

// DoFunc makes a builder of steps without a result.
func DoFunc[In any](name string, fn func(context.Context, In) error, opts ...StepOption) Builder[In, None] {
	d := &node.Decl{Name: name}
	return func(in In) Op[None] {
		n := &node.Step{Header: header[None](name, subTypeStep), Body: doInFn[In]{fn, in}}
		if fn == nil {
			n.Err = nilBody(n.Err, "DoFunc", name)
		}
		declared(&n.Header, d, in)
		return step[None](n, opts)
	}
}

func step[T any](n *node.Step, opts []StepOption) Op[T] {
	for _, o := range opts {
		o.applyStep(n)
	}
	return Op[T]{n: n}
}

// stepFn is the body of Step. A function type converts to an interface without an allocation.
type stepFn[T any] func(context.Context) (T, error)

// Run runs the body.
func (f stepFn[T]) Run(ctx context.Context) (any, error) { return f(ctx) }

type stepInFn[In, Out any] struct {
	fn func(context.Context, In) (Out, error)
	in In
}

// Run runs the body.
func (f stepInFn[In, Out]) Run(ctx context.Context) (any, error) { return f.fn(ctx, f.in) }

type doFn func(context.Context) error

// Run runs the body.
func (f doFn) Run(ctx context.Context) (any, error) { return None{}, f(ctx) }

type doInFn[In any] struct {
	fn func(context.Context, In) error
	in In
}

// Run runs the body.
func (f doInFn[In]) Run(ctx context.Context) (any, error) { return None{}, f.fn(ctx, f.in) }
