package op

import (
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
)

// Op is an operation with a result of type T: a value that does nothing until it is run. An
// operation that is declared and not used is never run, and the compiler does not report it.
// Running it twice runs two operations. The zero value is invalid.
type Op[T any] struct {
	n      node.Node
	key    func() string
	decode func(node.Result) (T, error)
}

// Operation is an operation of any type.
type Operation interface {
	node() node.Node
}

// None is the result of operations that have none.
type None struct{}

// Key gives the operation a key, which distinguishes it from others of the same name in its scope:
// an item in a loop, for instance, carries the item's business key. The key is part of the
// operation's identity; use what identifies the item, not its position.
func (o Op[T]) Key(k string) Op[T] {
	o.key = nil
	return o.with(func(h *node.Header) { h.Key = k })
}

// WithCodec encodes and decodes the result with c instead of the handler's codec. A [Timeout] that
// keeps the Undo of the operation inside has no codec of its own: give it to that operation. A
// codec that was not made by [codec.Of] from two functions is reported by [Validate].
func (o Op[T]) WithCodec(c codec.Typed[T]) Op[T] {
	inside := o.n != nil && keepsItems(o.n)
	return o.with(func(h *node.Header) {
		refuseCodec(h, "Op.WithCodec", c.Err())
		h.Codec = c.Codec()
		if inside && h.Err == nil {
			h.Err = misuse(h.Name, "Op.WithCodec: the Undo of the operation inside needs its result, which this codec would not keep: "+
				"give the codec to that operation, or an Undo to this one before its codec")
		}
	})
}

// WithSummary describes a result that is too large for the log, for people who read it. Only
// operations that can keep a large result in their children, groups and batches, ask for it.
func (o Op[T]) WithSummary(summary func(T) string) Op[T] {
	if summary == nil {
		return o.with(func(h *node.Header) { h.Err = nilBody(h.Err, "Op.WithSummary", h.Name) })
	}
	return o.with(func(h *node.Header) {
		h.Summary = func(v any) string {
			t, _ := v.(T)
			return summary(t)
		}
	})
}

// MapError replaces the error that running the operation returns. The log keeps the original;
// f is called on the first run and on every replay, may be called more than once, and must depend
// on its argument alone. It is not called for a success. If it returns nil, the operation counts as
// a success.
func (o Op[T]) MapError(f func(error) error) Op[T] {
	if f == nil {
		return o.with(func(h *node.Header) { h.Err = nilBody(h.Err, "Op.MapError", h.Name) })
	}
	decode := o.result
	return o.decodedBy(func(r node.Result) (T, error) {
		v, err := decode(r)
		if err != nil {
			err = f(err)
		}
		return v, err
	})
}

// decl returns the identity of the builder that made the operation, nil if none did.
func (o Op[T]) decl() *node.Decl {
	if o.n == nil {
		return nil
	}
	return o.n.Head().Decl
}

// node returns the operation without its type.
func (o Op[T]) node() node.Node {
	switch {
	case o.n == nil:
		return invalid(errZeroOp)
	case o.key == nil:
		return checked(o.n)
	}
	key, err := guardedKey(o.key)
	return checked(node.With(o.n, func(h *node.Header) {
		h.Key = key
		if err != nil && h.Err == nil {
			h.Err = err
		}
	}))
}

// result returns what the record of the operation says.
func (o Op[T]) result(r node.Result) (T, error) { return decodedWith(o.decode, r) }

// decodedWith returns what decode makes of a record, or what it holds if decode is nil.
func decodedWith[T any](decode func(node.Result) (T, error), r node.Result) (T, error) {
	if decode == nil {
		return decodeAs[T](r)
	}
	return guarded(func() (T, error) { return decode(r) })
}

// with returns the operation with a changed header. Operations are values: the node of o, which
// others may hold, stays as it is.
func (o Op[T]) with(change func(*node.Header)) Op[T] {
	if o.n == nil {
		return o
	}
	o.n = node.With(o.n, change)
	return o
}

// decodeAs decodes the payload of a record.
func decodeAs[T any](r node.Result) (T, error) {
	if r.Err != nil {
		var zero T
		return zero, r.Err
	}
	if _, ok := any((*T)(nil)).(*string); ok {
		if s, ok := r.Text(); ok {
			v, _ := any(s).(T)
			return v, nil
		}
	}
	return decodeValue[T](r)
}

// decodeValue is decodeAs by the record's codec, which takes a pointer, so that the value is
// allocated.
func decodeValue[T any](r node.Result) (T, error) {
	var v T
	if err := r.Decode(&v); err != nil {
		var zero T
		return zero, err
	}
	return v, nil
}

// typed checks records against T.
type typed[T any] struct{}

// Check reports whether the record can be decoded.
func (typed[T]) Check(r node.Result) error {
	_, err := decodeAs[T](r)
	return err
}

// await returns the operation that waits for this one, which an interpreter has started.
func (o Op[T]) await(r node.Result) Op[T] {
	n := o.node()
	h := *n.Head()
	if n = node.Side(n, r.Sides); n != nil {
		h = *n.Head()
	}
	h.Undo = nil
	h.Err = r.Err // what is wrong with the declaration is reported by the target
	return Op[T]{n: &node.Await{Header: h, Target: r.Target, Of: n, Sides: r.Sides}, decode: o.decode}
}
