package codec

import (
	"context"
	"errors"
	"fmt"
)

var errNilFunc = errors.New("codec: a function of this codec is nil: make it with codec.Of and two functions")

// Typed is a codec for values of type T alone, made by [Of]. It is not a [Codec], so that only an
// operation whose result is a T takes it. The zero value is not valid: every method but Codec
// returns an error.
type Typed[T any] struct {
	encode func(T) ([]byte, error)
	decode func([]byte) (T, error)
}

// Of returns a codec for values of type T.
//
// The payload that encode returns must be valid UTF-8; decode is given an empty payload if the
// operation recorded none, and must copy what it keeps of a payload. A nil function is reported by
// Err, and by every conversion.
func Of[T any](encode func(T) ([]byte, error), decode func([]byte) (T, error)) Typed[T] {
	return Typed[T]{encode: encode, decode: decode}
}

// Err reports a codec that was not made by [Of], or that was made with a nil function.
func (t Typed[T]) Err() error {
	if t.encode == nil || t.decode == nil {
		return errNilFunc
	}

	return nil
}

// Encode returns the payload of v, or the error of the function given to [Of].
func (t Typed[T]) Encode(v T) ([]byte, error) {
	if err := t.Err(); err != nil {
		return nil, err
	}

	return t.encode(v)
}

// Decode returns the value of payload, or the error of the function given to [Of].
func (t Typed[T]) Decode(payload []byte) (T, error) {
	if err := t.Err(); err != nil {
		var zero T
		return zero, err
	}

	return t.decode(payload)
}

// Codec returns t without its type parameter, for interpreters.
//
// Its Encode takes a T, or nil for the zero value if T is an interface; its Decode takes a *T,
// which it leaves alone on an error. Any other type is an [*Error], and so is every conversion by
// an invalid t.
func (t Typed[T]) Codec() Codec {
	return erased[T]{t}
}

type erased[T any] struct {
	typed Typed[T]
}

// Err is that of the codec with its type: see [Validate].
func (e erased[T]) Err() error { return e.typed.Err() }

// Encode returns the payload of v, which must be a T.
func (e erased[T]) Encode(_ context.Context, m Meta, v any) ([]byte, error) {
	in, ok := v.(T)
	if !ok && (v != nil || any(in) != nil) { // any(in) is nil for an interface alone: then a nil v is in
		return nil, newError(m, false, fmt.Errorf("the codec converts values of type %s, not of type %T", typeName[T](), v))
	}

	payload, err := e.typed.Encode(in)
	if err != nil {
		return nil, wrap(m, false, err)
	}

	return payload, nil
}

// Decode stores the value of payload in v, which must be a *T.
func (e erased[T]) Decode(_ context.Context, m Meta, payload []byte, v any) error {
	target, ok := v.(*T)
	if !ok || target == nil {
		return newError(m, true, fmt.Errorf("the codec stores into a *%s that is not nil, not into a %T", typeName[T](), v))
	}

	out, err := e.typed.Decode(payload)
	if err != nil {
		return wrap(m, true, err)
	}

	*target = out

	return nil
}

// typeName returns the name of T, also where T is an interface.
func typeName[T any]() string {
	return fmt.Sprintf("%T", (*T)(nil))[1:]
}
