// Package codec turns Go values into the payloads that the checkpoint log keeps, and payloads back
// into values.
//
// A conversion goes through [Encode] or [Decode], which apply these rules in order:
//
//   - If the codec panics, the conversion fails with an [*Error] whose cause is the panic.
//   - Otherwise, if the codec returns an error, that error is the cause of an [*Error].
//   - Otherwise, if an encoded payload is not valid UTF-8, encoding fails with an [*Error]:
//     payloads travel as JSON strings, and the wire would replace the invalid bytes.
//   - Otherwise the payload is recorded byte for byte, and a decoded value is handed to the user.
//
// An [*Error] is permanent unless a codec says otherwise: the same value or payload fails the same
// way again, so no attempt is repeated for it. A codec that calls another system, for a key or an
// object, may fail temporarily: [Transient] marks an error as temporary, and [IsTransient] lists
// the errors that count as temporary without that mark.
//
// [Chain] has payloads pass transforms on their way, which make them smaller, seal them or keep
// them elsewhere.
//
// [JSON] is the default codec, [Raw] records strings and bytes as they stand, and [Of] makes a
// codec for one type. [Sentinel] and [ErrorType] name errors, so that errors.Is and errors.As
// answer the same after a replay.
package codec

import (
	"context"
	"fmt"
	"unicode/utf8"
)

// Codec converts values to payloads and back.
//
// Encode returns the payload of v, which must be valid UTF-8. Decode stores the value of payload in
// the variable that v points to; after an error that variable's content is unspecified. Both may be
// called by several goroutines at once, and both must depend on their arguments alone, because a
// replay decodes what an earlier run encoded. A payload given to Decode may lie in the event of the
// invocation: it is valid during the call only, and must not be changed; what is kept of it is
// copied.
type Codec interface {
	Encode(ctx context.Context, m Meta, v any) ([]byte, error)
	Decode(ctx context.Context, m Meta, payload []byte, v any) error
}

// Meta says which payload is converted. A codec may use it to look up a key or to name a file; JSON
// and Raw use it for error messages alone.
type Meta struct {
	// ExecutionARN names the durable execution.
	ExecutionARN string
	// OperationID is the ID of the operation's record; empty for the input and the result of the
	// handler.
	OperationID string
	// OperationName is the operation's name as declared; empty for the input and the result of the
	// handler.
	OperationName string
	// Part is the part of the operation that the payload holds; the zero value is Result.
	Part Part
	// Function is the function that the operation invokes, by name or ARN as declared: its payloads
	// cross to another execution. For the input of a successor it is the function of the handler
	// itself. Empty for all others.
	Function string
	// ForkedFrom lists the ARNs of the executions that this one was forked from, the last one
	// first: their payloads stand in its log. Nil for an execution that was started.
	ForkedFrom []string
}

// Encode returns the payload that c makes of v, for interpreters.
//
// It fails with an [*Error] if c is nil, returns an error or panics, and if the payload is not
// valid UTF-8.
func Encode(ctx context.Context, c Codec, m Meta, v any) (payload []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			payload, err = nil, newError(m, false, panicked(p))
		}
	}()

	if c == nil {
		return nil, newError(m, false, errNilCodec)
	}

	payload, err = c.Encode(ctx, m, v)
	if err != nil {
		return nil, wrap(m, false, err)
	}

	if _, checked := c.(*chain); checked {
		return payload, nil // a chain writes nothing else
	}

	if i := invalidAt(payload); i >= 0 {
		return nil, newError(m, false, fmt.Errorf(
			"the payload is not valid UTF-8 (byte %d): encode binary data as text, as base64 for example", i))
	}

	return payload, nil
}

// Decode stores the value that c makes of payload in the variable that v points to, for
// interpreters.
//
// It fails with an [*Error] if c is nil, returns an error or panics. What an empty payload means is
// left to c.
func Decode(ctx context.Context, c Codec, m Meta, payload []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = newError(m, true, panicked(p))
		}
	}()

	if c == nil {
		return newError(m, true, errNilCodec)
	}

	if err := c.Decode(ctx, m, payload, v); err != nil {
		return wrap(m, true, err)
	}

	return nil
}

// Validate returns what is wrong with a codec that cannot convert anything, as it says itself by a
// method Err() error: a [Chain] with an invalid transform, or a codec of [Of] with a nil function.
// It returns nil for other codecs, and for nil, which means a default wherever a codec may be set.
// Operations with such a codec are refused before they run.
func Validate(c Codec) error {
	if v, ok := c.(interface{ Err() error }); ok {
		return v.Err()
	}

	return nil
}

// invalidAt returns the offset of the first byte of payload that is not UTF-8, or −1.
func invalidAt(payload []byte) int {
	if utf8.Valid(payload) {
		return -1
	}

	for i := 0; i < len(payload); {
		r, size := utf8.DecodeRune(payload[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}

		i += size
	}

	return -1
}

// IsPure reports whether a codec says of itself that it converts without waiting for anything, by a
// method Pure() bool that returns true. [JSON] and [Raw] do, and a [Chain] of parts that all do.
// Others may do I/O: they are called beside the code of the handler, never while it has to wait for
// them to let others go on.
func IsPure(c Codec) bool {
	return isPure(c)
}

// isPure reports whether part, a codec or a transform, says that it waits for nothing.
func isPure(part any) bool {
	p, ok := part.(interface{ Pure() bool })
	return ok && p.Pure()
}
