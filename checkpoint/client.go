package checkpoint

import (
	"context"
	"time"
)

// Client is the part of the Lambda API that an execution needs while it runs.
// Implementations are safe for concurrent use; errors of the service are [*APIError].
type Client interface {
	// Checkpoint applies updates atomically and answers with what has changed.
	Checkpoint(ctx context.Context, in CheckpointInput) (CheckpointOutput, error)
	// State reads one page of the log.
	State(ctx context.Context, in StateInput) (StateOutput, error)
}

// CheckpointInput is one checkpoint call. No updates make it a poll.
type CheckpointInput struct {
	ARN     string
	Token   string
	Updates []Update
}

// CheckpointOutput is the answer to a checkpoint call.
type CheckpointOutput struct {
	// Token is the token of the next call. It is empty when the execution has ended or is paused:
	// the updates are saved, no further call is accepted, and the invocation is to end.
	Token string
	// Operations are those that changed since the function was last answered.
	Operations []Operation
	// NextMarker, unless empty, says that more of the changed operations are to be read with State.
	NextMarker string
}

// StateInput asks for one page of the log.
type StateInput struct {
	ARN    string
	Token  string
	Marker string
	// MaxItems limits the page; zero leaves it to the service.
	MaxItems int
}

// StateOutput is one page of the log.
type StateOutput struct {
	Operations []Operation
	NextMarker string
}

// Clock is where an execution takes the time from. The zero choice is the real clock;
// a host that runs under virtual time passes its own with [WithClock].
type Clock interface {
	Now() time.Time
	// AfterFunc calls f in a goroutine of its own after d, unless stop is called before.
	// stop reports whether it prevented the call.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

type clientKey struct{}

// WithClient returns a context from which [ClientFrom] takes c. A host that runs functions
// in its own process, such as a test, passes its client to the function in this way.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// ClientFrom returns the client that [WithClient] put into ctx.
func ClientFrom(ctx context.Context) (Client, bool) {
	c, ok := ctx.Value(clientKey{}).(Client)
	return c, ok
}

// ClientAs returns the first of c and the clients that it wraps which is a T, such as a [Pauser]:
// what a client can do beside the two calls of [Client]. A client that wraps another one says so by
// a method Unwrap() Client.
func ClientAs[T any](c Client) (t T, ok bool) {
	for c != nil {
		if t, ok = c.(T); ok {
			return t, true
		}
		w, wraps := c.(interface{ Unwrap() Client })
		if !wraps {
			return t, false
		}
		c = w.Unwrap()
	}
	return t, false
}

type clockKey struct{}

// WithClock returns a context from which [ClockFrom] takes c.
func WithClock(ctx context.Context, c Clock) context.Context {
	return context.WithValue(ctx, clockKey{}, c)
}

// ClockFrom returns the clock that [WithClock] put into ctx, else the real clock.
func ClockFrom(ctx context.Context) Clock {
	if c, ok := ctx.Value(clockKey{}).(Clock); ok {
		return c
	}
	return realClock{}
}

// traceKey is the key under which aws-lambda-go has the trace header in the context of an
// invocation.
const traceKey = "x-amzn-trace-id"

// WithTraceHeader returns a context from which [TraceHeaderFrom] takes an X-Ray trace header. Hosts
// that run functions in their own process pass them the header in this way, as the Lambda runtime
// for Go does.
func WithTraceHeader(ctx context.Context, header string) context.Context {
	return context.WithValue(ctx, traceKey, header) //nolint:revive,staticcheck // the key is that of aws-lambda-go
}

// TraceHeaderFrom returns the X-Ray trace header of the invocation that ctx belongs to
// ("Root=…;Parent=…;Sampled=…"); it is empty without one.
func TraceHeaderFrom(ctx context.Context) string {
	header, _ := ctx.Value(traceKey).(string)
	return header
}

type realClock struct{}

func (realClock) Now() time.Time {
	return time.Now() //nolint:forbidigo // the one place where the real clock enters
}

func (realClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}
