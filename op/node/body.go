package node

import (
	"context"
	"log/slog"

	"github.com/perdure/perdure/codec"
)

// Info identifies the operation a body runs for.
type Info struct {
	ID, Name, Path, ParentID, ExecutionARN string

	// IdempotencyKey is the same for all attempts of the operation, in all invocations.
	IdempotencyKey string
	// Attempt is the number of this attempt, the first included.
	Attempt int
	// TraceHeader is the X-Ray trace header of the invocation.
	TraceHeader string
}

// BodyInfo is what the body of a step may ask of its context.
type BodyInfo struct {
	Info   Info
	Logger *slog.Logger
	// Attrs are what interceptors add to the records of the body.
	Attrs []slog.Attr
	// State decodes the state that the last attempt left behind; ok is false if there is none.
	State func(v any) (ok bool, err error)
	// Carry sets into, a pointer, to what the attempt would get if another one had left v behind;
	// nil if the interpreter has no codec.
	Carry func(v, into any) error
	// Start starts an execution; nil if the interpreter cannot.
	Start func(ctx context.Context, r Starting) (arn string, err error)
}

// Starting is the execution that a step starts.
type Starting struct {
	// Function is the name of the function or its ARN, with a version, an alias or $LATEST.
	Function string
	// Name is that of the execution; empty for one that the interpreter derives from the operation.
	// Own says that no one else can have chosen it.
	Name string
	Own  bool
	// Tenant is the tenant that the function is called for; empty for none.
	Tenant string
	// Input is what the function is given, Codec what encodes it; nil means the handler's codec.
	Input any
	Codec codec.Codec
}

type bodyKey struct{}

// WithBody returns the context that an interpreter runs a body with.
func WithBody(ctx context.Context, b *BodyInfo) context.Context {
	return context.WithValue(ctx, bodyKey{}, b)
}

type loggerKey struct{}

// WithLogger returns the context of user code that is given a logger and is no body.
func WithLogger(ctx context.Context, l *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, l)
}

// LoggerFrom returns the logger of the body or of the other code that a context was made for; nil
// without one.
func LoggerFrom(ctx context.Context) *slog.Logger {
	if b, ok := BodyFrom(ctx); ok {
		return b.Logger
	}
	l, _ := ctx.Value(loggerKey{}).(*slog.Logger)
	return l
}

// BodyFrom returns what WithBody put into the context of a body.
func BodyFrom(ctx context.Context) (*BodyInfo, bool) {
	b, ok := ctx.Value(bodyKey{}).(*BodyInfo)
	return b, ok
}
