package node

import (
	"context"
	"log/slog"
	"time"

	"github.com/perdure/perdure/codec"
)

// Scope is where operations run: the handler, a group, or a branch.
// Only the goroutine that a scope was given to may call in it.
type Scope interface {
	// Run runs an operation to its end.
	Run(n Node) Result
	// Start starts an operation and returns at once; an [Await] on the record's Target is its end.
	Start(n Node) Result
	// WithValue returns the scope with a value in the context of its bodies.
	WithValue(key, value any) Scope
	// View returns what user code may know of the scope.
	View() View
}

// View is what user code may know of a scope.
type View struct {
	Execution Execution
	// Now returns the time of the scope, the same on every replay. It may take a checkpoint.
	Now    func() time.Time
	Logger *slog.Logger
	// Invocation is the context of the invocation with the scope's values.
	Invocation context.Context //nolint:containedctx // it is what the view shows
}

// Execution describes the execution a scope belongs to.
type Execution struct {
	ARN, Name string
	StartedAt time.Time
	Replaying bool
}

// Payload is a text that is decoded when it is needed.
type Payload interface {
	Bytes() []byte
}

// Opened is a [Payload] that has passed the transforms of its codec backwards before it is decoded.
type Opened interface {
	Payload
	// Recorded returns the text as it stands in the log.
	Recorded() []byte
}

// Source decodes the payloads of records.
type Source interface {
	Decode(r Result, payload []byte, v any) error
}

// TextSource is a [Source] that can take a string right out of a record.
type TextSource interface {
	// Text returns what Decode would store in a string; ok is false if only Decode can say that.
	Text(r Result) (s string, ok bool)
}

// AbsentSource is a [Source] that is asked about the values of records that have none.
type AbsentSource interface {
	// Absent is called for the variable that v points to, which stays as it is without an error.
	Absent(r Result, v any) error
}

// Result is how an operation ended.
type Result struct {
	// Payload is the result as it stands in the log, or an [Opened] one; nil if there is none.
	Payload Payload
	// Err is why the operation failed; nil if it succeeded.
	Err error
	// Target stands for an operation that was started; an [Await] waits for it.
	Target any
	// CallbackID is what an outside system answers a [Callback] with.
	CallbackID string
	// Outcome is how a [Batch] ended, one that failed too; nil for other nodes.
	Outcome *Outcome
	// Value is the result of an [Inline], which is not recorded.
	Value any
	// Sides says which sides of a [Choice] the result is that of.
	Sides Sides

	// Meta and Codec are what Source decodes with.
	Meta  codec.Meta
	Codec codec.Codec
	// Outside says that the payload was not written by this execution.
	Outside bool
	// Replayed says that the record was in the log before the code asked for it.
	Replayed bool
	Source   Source
}

// Decode decodes the result into v, a pointer. Without a payload v stays as it is.
func (r Result) Decode(v any) error {
	if r.Source == nil {
		return nil
	}
	if r.Payload == nil {
		if s, ok := r.Source.(AbsentSource); ok {
			return s.Absent(r, v)
		}
		return nil
	}
	return r.Source.Decode(r, r.Payload.Bytes(), v)
}

// Text returns the result of an operation whose result is a string, without what [Result.Decode]
// allocates; ok is false if it must be decoded.
func (r Result) Text() (s string, ok bool) {
	if r.Payload == nil {
		return "", false
	}
	source, ok := r.Source.(TextSource)
	if !ok {
		return "", false
	}
	return source.Text(r)
}
