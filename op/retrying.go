package op

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// Retry attempts an operation of any kind, a [Group] above all, until it succeeds or p gives up,
// with durable waits between the attempts: a group in which o runs with the number of the attempt
// as its key. The error is that of the last attempt; a *codec.Error that is permanent is not
// retried. A [Step] has retries of its own, which cost no further operations.
//
// An attempt has failed if whoever ran o would get an error: that of a [Transform], or what
// [Op.MapError] makes of it, is what p is asked about.
//
// An Undo of o is kept: if the scope of the Retry fails after an attempt succeeded, that is undone
// by the step "<name>-undo", once for all attempts. Then the name has at most 251 bytes.
//
// p and its filters are asked again on every replay: they must depend on the attempt alone.
func Retry[T any](name string, o Op[T], p retry.Policy) Op[T] {
	n := &node.Group{Header: header[T](name, subtype.Retry)}
	n.Body = retryBody{name: name, op: o, policy: p}
	switch err := retry.Validate(p); {
	case n.Err != nil:
	case o.node().Head().Err != nil:
		n.Err = misuse(name, "op.Retry: %v", o.node().Head().Err)
	case isDeclared(o.node()):
		n.Err = misuse(name, "op.Retry of a declared change: put the declaration around it, op.Replaces(op.Retry(…), op.Retry(…))")
	case !attemptable(o.node()):
		n.Err = misuse(name, "op.Retry of %q: a future, a callback and its Result() end only once; pass the operation itself", o.node().Head().Name)
	case err != nil:
		n.Err = misuse(name, "op.Retry: %v", err)
	}
	if n.Err == nil {
		h := o.node().Head()
		n.Codec, n.Known, n.Of, n.Check = h.Codec, h.Known, o.node(), h.Check
		keepUndo(&n.Header, "Retry", o.node(), itself)
	}
	retried := Op[T]{n: n, decode: o.decode}
	if h := o.node().Head(); n.Err == nil && h.Value != nil {
		n.Body = retryBody{name: name, op: o, policy: p, value: h.Value}
		retried = retried.decodedBy(func(r node.Result) (T, error) {
			if r.Err != nil && errors.Is(r.Err, node.ErrRefused) {
				var zero T
				return zero, r.Err // it has been through the functions of o
			}
			return o.result(r)
		})
	}
	return retried
}

// attemptable reports whether running n again can end differently.
func attemptable(n node.Node) bool {
	switch n.(type) {
	case *node.Await, *node.Callback:
		return false
	case *node.Step, *node.Wait, *node.Invoke, *node.Group, *node.Batch, *node.Choice, *node.Inline:
	}
	return true
}

type retryBody struct {
	name   string
	op     Operation
	policy retry.Policy
	value  node.Checker // not nil: it decides whether an attempt has failed
}

// Run attempts the operation.
func (b retryBody) Run(s node.Scope) (any, error) {
	began := s.View().Now()
	for number := 1; ; number++ {
		key := strconv.Itoa(number)
		r := s.Run(node.With(b.op.node(), func(h *node.Header) { h.Key = joinKey(h.Key, key) }))
		err := b.failed(r)
		if err == nil {
			return node.Verbatim{Payload: r.Payload, Replayed: r.Replayed}, r.Err
		}
		if e, ok := errors.AsType[*codec.Error](err); ok && !e.Transient {
			return nil, last(r, err)
		}
		at := s.View()
		d := retry.Decide(b.policy, nil, retry.Attempt{
			Err: err, Number: number, Elapsed: at.Now().Sub(began),
			Rand:    retry.Rand(at.Execution.ARN, b.name, number),
			Context: policyContext(at),
		})
		if d.Err != nil {
			return nil, d.Err
		}
		if !d.Retry {
			return nil, last(r, err)
		}
		if r := s.Run(Wait(inner(b.name, "-backoff"), max(d.After, time.Second)).Key(key).node()); r.Err != nil {
			return nil, r.Err
		}
	}
}

// policyContext is the context that the policy of a scope is asked with.
func policyContext(at node.View) context.Context {
	if at.Invocation == nil {
		return context.Background() //nolint:forbidigo // there is no other
	}
	ctx := context.WithoutCancel(at.Invocation)
	if at.Logger == nil {
		return ctx
	}
	return node.WithLogger(ctx, at.Logger)
}

// failed returns the error of an attempt as whoever ran the operation would get it.
func (b retryBody) failed(r node.Result) (err error) {
	if b.value == nil {
		return r.Err
	}
	defer func() {
		if p := recover(); p != nil {
			err = panicOf(p)
		}
	}()
	return b.value.Check(r)
}

// last is the error that is recorded of the last attempt: the operation's own, which the functions
// of the user's are applied to on each replay, or what they have made of a result that they
// refused, here or in a Retry further in.
func last(r node.Result, err error) error {
	if r.Err != nil && !errors.Is(r.Err, node.ErrRefused) {
		return r.Err
	}
	return &refusedError{err}
}

// refusedError is the error of a result that a function of the user's has refused. It reads as what
// the function said.
type refusedError struct{ err error }

func (e *refusedError) Error() string   { return e.err.Error() }
func (e *refusedError) Unwrap() []error { return []error{e.err, node.ErrRefused} }

// joinKey is the key of an attempt.
func joinKey(key, number string) string {
	if key == "" {
		return number
	}
	return key + "#" + number
}
