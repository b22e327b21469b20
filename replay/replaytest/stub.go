package replaytest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// stub takes the place of bodies.
type stub struct {
	name string
	decl *node.Decl
	path string
	run  func(ctx context.Context, in any) (any, error)
	err  error
}

// Stub runs fn in place of the body of the operations that b declares. The declaration itself
// says which operations they are, whatever their names: op.StepFunc, op.DoFunc, op.GroupFunc, and
// the builders made of them by methods.
//
// A stub for steps runs as often as their retry policy says. The last stub for an operation counts.
func Stub[In, Out any](b op.Builder[In, Out], fn func(context.Context, In) (Out, error)) Option {
	s := &stub{run: func(ctx context.Context, v any) (any, error) {
		in, _ := v.(In)
		return fn(ctx, in)
	}}
	switch {
	case b == nil:
		s.err = errors.New("a stub for a nil builder: is it a field of a struct that was never filled in?")
	case fn == nil:
		s.err = errors.New("a stub without a function: pass what is to run in place of the body")
	default:
		s.decl, s.err = declarationOf(b)
	}
	if s.decl != nil {
		s.name = fmt.Sprintf("the stub for the builder of %q", s.decl.Name)
	}
	return stubOption(s)
}

// declarationOf asks a builder who has declared what it makes.
func declarationOf[In, Out any](b op.Builder[In, Out]) (decl *node.Decl, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("a stub for a function that panics when it is given a zero %T (%v): "+
				"stub the builder that it calls, or use StubPath", *new(In), v)
		}
	}()
	var zero In
	o := b(zero)
	if decl = o.Interpret().Decl(); decl == nil {
		return nil, fmt.Errorf("a stub for a function that declares nothing itself (%q): "+
			"stub the builder that it calls, or use StubPath", o.Interpret().Node().Head().Name)
	}
	return decl, nil
}

// StubPath runs fn in place of the body of the steps and groups at a path. Use it for operations
// that no builder declares.
func StubPath[Out any](path string, fn func(context.Context) (Out, error)) Option {
	s := &stub{
		name: fmt.Sprintf("the stub for %q", path), path: path,
		run: func(ctx context.Context, _ any) (any, error) { return fn(ctx) },
	}
	if fn == nil {
		s.err = fmt.Errorf("%s has no function: pass what is to run in place of the body", s.name)
	}
	return stubOption(s)
}

// StubResult is a [Stub] that succeeds with v.
func StubResult[In, Out any](b op.Builder[In, Out], v Out) Option {
	return Stub(b, func(context.Context, In) (Out, error) { return v, nil })
}

// StubFailure is a [Stub] that fails with an error of this type and message. If an error is
// registered under the name errorType, that error is restored.
func StubFailure[In, Out any](b op.Builder[In, Out], errorType, message string) Option {
	return Stub(b, func(context.Context, In) (out Out, err error) {
		return out, &op.Error{Type: errorType, Message: message, Identities: []op.Identity{{Name: errorType}}}
	})
}

func stubOption(s *stub) Option {
	return option(func(c *config) { c.stubs = append(c.stubs, s) })
}

// stubFor finds the stub of an operation.
func (k *kit) stubFor(path string, h *node.Header) *stub {
	for _, s := range slices.Backward(k.cfg.stubs) {
		if s.decl != nil && s.decl == h.Decl || s.path != "" && matches(s.path, path) {
			return s
		}
	}
	return nil
}

// replace puts the stub in place of the body.
func (s *stub) replace(n node.Node) node.Node {
	in := n.Head().Input
	switch n := n.(type) {
	case *node.Step:
		c := *n
		c.Body = stubBody(func(ctx context.Context) (any, error) { return s.run(ctx, in) })
		return &c
	case *node.Group:
		c := *n
		c.Of = nil
		c.Body = stubScope(func(sc node.Scope) (any, error) { return s.run(sc.View().Invocation, in) })
		return &c
	case *node.Wait, *node.Callback, *node.Invoke, *node.Batch, *node.Await, *node.Choice, *node.Inline:
	}
	return n
}

type stubBody func(ctx context.Context) (any, error)

// Run implements node.Body.
func (f stubBody) Run(ctx context.Context) (any, error) { return f(ctx) }

type stubScope func(s node.Scope) (any, error)

// Run implements node.ScopeBody.
func (f stubScope) Run(s node.Scope) (any, error) { return f(s) }
