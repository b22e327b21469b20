package op

import (
	"context"
	"log/slog"

	"github.com/perdure/perdure/op/node"
)

// Info identifies the operation that a body runs for.
type Info struct {
	// ID is the operation's ID in the log, Name its name, Path the names of its scopes and its own,
	// ParentID the ID of the group it belongs to, empty below the handler.
	ID, Name, Path, ParentID, ExecutionARN string

	// IdempotencyKey is the same for all attempts of this operation, in all invocations, and
	// different from that of any other operation: pass it to systems that drop duplicates.
	IdempotencyKey string
	// Attempt is the number of this attempt, the first included.
	Attempt int
	// TraceHeader is the X-Ray trace header that the service has given this invocation
	// ("Root=…;Parent=…;Sampled=…"); empty without one. It differs from invocation to invocation.
	TraceHeader string
}

// InfoFrom returns which operation the body of a step runs for.
// ok is false if ctx is not the context of a body.
func InfoFrom(ctx context.Context) (info Info, ok bool) {
	b, ok := node.BodyFrom(ctx)
	if !ok {
		return Info{}, false
	}
	return Info(b.Info), true
}

// LoggerFrom returns the logger of the body that ctx belongs to; it is never silent. Of the context
// of a retry policy (retry.Attempt) it returns that of the attempt, or that of the group of a
// [Retry], which is silent on replay. With any other context it returns a logger that drops
// everything.
func LoggerFrom(ctx context.Context) *slog.Logger {
	if l := node.LoggerFrom(ctx); l != nil {
		return l
	}
	return slog.New(slog.DiscardHandler)
}

// StateFrom returns the state that the attempt before this one left with retry.Again.
// ok is false on the first attempt. The error is a *codec.Error if the state is not an S.
func StateFrom[S any](ctx context.Context) (state S, ok bool, err error) {
	b, found := node.BodyFrom(ctx)
	if !found || b.State == nil {
		return state, false, nil
	}
	ok, err = b.State(&state)
	return state, ok, err
}

// carried returns what an attempt would get if the one before it had left v behind.
func carried[S any](ctx context.Context, v S) (S, error) {
	b, found := node.BodyFrom(ctx)
	if !found || b.Carry == nil {
		return v, nil
	}
	var into S
	err := b.Carry(v, &into)
	return into, err
}
