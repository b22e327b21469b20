package codec

import (
	"context"
	"fmt"
)

// Transform changes the bytes of payloads on their way to the log, and changes them back. A [Chain]
// applies it.
//
// Its methods are called by several goroutines at once. The bytes they are given are valid during
// the call only and must not be changed; what they return may be a part of them. Their errors
// follow the rules of [IsTransient].
//
// A transform that waits for nothing and takes less time than JSON does may say so by a method
// Pure() bool that returns true: see [IsPure].
type Transform interface {
	// Name returns what payloads that went through the transform are recorded with: 1 to 32 of a–z,
	// 0–9 and -. It never changes, and one that reads other bytes has another name.
	Name() string
	// Apply returns the bytes that stand for p, of any kind; ok is false if the transform leaves p
	// alone.
	Apply(ctx context.Context, at Stage, p []byte) (out []byte, ok bool, err error)
	// Revert returns what Apply was given.
	Revert(ctx context.Context, at Stage, p []byte) ([]byte, error)
}

// Stage is where in its chain a transform meets a payload.
type Stage struct {
	// Meta says which payload it is.
	Meta Meta
	// Through names the transforms that the payload went through before, separated by commas; empty
	// for none. It stands in the log in plain text: a transform that protects a payload protects
	// these names with it.
	Through string
}

// ReadOnly returns a transform that reads what t wrote and writes nothing. It keeps payloads of
// running executions readable after t left the chain.
func ReadOnly(t Transform) Transform {
	if t == nil {
		return nil
	}

	return readOnly{t}
}

type readOnly struct {
	Transform
}

// Pure reports whether the transform is.
func (r readOnly) Pure() bool { return isPure(r.Transform) }

// Apply leaves the payload alone.
func (readOnly) Apply(context.Context, Stage, []byte) ([]byte, bool, error) {
	return nil, false, nil
}

// Required returns a transform that writes as t does, and refuses payloads that did not go through
// t: a plain one, an absent one, or one of a chain without t. Without it a chain reads those too,
// because executions outlive the code that began them; with it, whoever can write to the log cannot
// replace a sealed payload by a plain one.
func Required(t Transform) Transform {
	if t == nil {
		return nil
	}

	return required{t}
}

type required struct {
	Transform
}

// Pure reports whether the transform is.
func (r required) Pure() bool { return isPure(r.Transform) }

// Apply is that of the transform, which must not leave the payload alone.
func (r required) Apply(ctx context.Context, at Stage, p []byte) ([]byte, bool, error) {
	out, ok, err := r.Transform.Apply(ctx, at, p)
	if err == nil && !ok {
		err = fmt.Errorf("transform %q is required and left the payload alone: leave out codec.Required, or its threshold",
			r.Name())
	}

	return out, ok, err
}

// isRequired reports whether payloads must have gone through t.
func isRequired(t Transform) bool {
	_, ok := t.(required)
	return ok
}
