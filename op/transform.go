package op

import "github.com/perdure/perdure/op/node"

// Transform changes the result of an operation, and its type, without a record of its own:
// it keeps the name and the place of o. f is called on the first run and on every replay, may be
// called more than once, must depend on its argument alone, and is not called if o failed.
//
// An error of f is the operation's: a batch and [Retry] count the operation as failed, though its
// record says that it completed.
func Transform[A, B any](o Op[A], f func(A) (B, error)) Op[B] {
	t := Op[B]{n: o.n, key: o.key}
	if f == nil && o.n != nil {
		t.n = node.With(o.n, func(h *node.Header) { h.Err = nilBody(h.Err, "Transform", h.Name) })
	}
	return t.decodedBy(func(r node.Result) (B, error) {
		a, err := o.result(r)
		if err != nil {
			var zero B
			return zero, err
		}
		return f(a)
	})
}

// decodedBy returns the operation with a result that decode makes. Interpreters get to know of it:
// what the user gets decides whether the operation counts as a success.
func (o Op[T]) decodedBy(decode func(node.Result) (T, error)) Op[T] {
	o.decode = decode
	return o.withSides(func(h *node.Header, decode func(node.Result) (T, error)) { h.Value = value[T](decode) })
}

// value checks records by decoding them as the user of the operation does.
type value[T any] func(node.Result) (T, error)

// Check returns the error that the user gets.
func (decode value[T]) Check(r node.Result) error {
	_, err := decode(r)
	return err
}
