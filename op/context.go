package op

import (
	"context"
	"log/slog"
	"time"

	"github.com/perdure/perdure/op/node"
)

// Context is the scope that a handler or a group runs its operations in. It is not a
// [context.Context], on purpose: handler code is replayed, so I/O belongs in the bodies of steps,
// which get one. The zero value is invalid.
//
// Only the goroutine that a Context was passed to may use it.
type Context struct {
	s node.Scope
}

// Execution describes a durable execution.
type Execution struct {
	// ARN identifies the execution; Name is the execution's name, a part of the ARN.
	ARN, Name string
	// StartedAt is when the execution began; the same in all invocations.
	StartedAt time.Time
	// Replaying says that the scope still has records to replay. Do not decide by it what to run.
	Replaying bool
}

// NewContext returns the context of a scope, for interpreters.
func NewContext(s node.Scope) Context { return Context{s: s} }

// ScopeOf returns the scope of a context, for interpreters; nil for the zero Context.
func ScopeOf(ctx Context) node.Scope { return ctx.s }

// Execution returns the ARN, the name and the start of the execution that the scope belongs to. On
// the zero Context it returns the zero Execution.
func (c Context) Execution() Execution {
	if c.s == nil {
		return Execution{}
	}
	return Execution(c.s.View().Execution)
}

// Logger returns the logger of the scope. It is silent while records are replayed, so that a
// line is written once and not in every invocation, unless the handler says otherwise.
func (c Context) Logger() *slog.Logger {
	if c.s == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.s.View().Logger
}

// InvocationContext returns the context of the current invocation, with its deadline. Use it only
// for what must not be recorded: what is done with it is done again in every invocation. On the
// zero Context it returns nil.
func (c Context) InvocationContext() context.Context {
	if c.s == nil {
		return nil
	}
	return c.s.View().Invocation
}

// WithValue returns a context whose bodies find value under key in theirs.
func (c Context) WithValue(key, value any) Context {
	if c.s == nil {
		return c
	}
	return Context{s: c.s.WithValue(key, value)}
}
