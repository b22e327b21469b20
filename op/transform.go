package op

import "github.com/perdure/perdure/op/node"

// Transform changes the result of an operation, and its type, without a record of its own:
// it keeps the name and the place of o. f is called on the first run and on every replay, must
// depend on its argument alone, and is not called if o failed.
func Transform[A, B any](o Op[A], f func(A) (B, error)) Op[B] {
	t := Op[B]{n: o.n, key: o.key}
	if f == nil && o.n != nil {
		t.n = node.With(o.n, func(h *node.Header) { h.Err = nilBody(h.Err, "Transform", h.Name) })
	}
	t.decode = func(r node.Record) (B, error) {
		a, err := o.Decode(r)
		if err != nil {
			var zero B
			return zero, err
		}
		return f(a)
	}
	return t
}
