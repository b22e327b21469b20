package op

import (
	"github.com/samber/lo"

	"github.com/perdure/perdure/op/node"
)

// Join2 runs two operations of different types concurrently; its result is both results. It fails
// with the first error; the other one is then abandoned. Operands need different names or keys.
func Join2[A, B any](name string, a Op[A], b Op[B]) Op[lo.Tuple2[A, B]] {
	n := combinator[lo.Tuple2[A, B]]("Join2", name, operandsOf(node.Header{Name: name}, []Operation{a, b}))
	return combined(n, func(r node.Result) (t lo.Tuple2[A, B], err error) {
		err = joined(r, place(a, &t.A), place(b, &t.B))
		return t, err
	})
}

// Join3 is [Join2] for three operations.
func Join3[A, B, C any](name string, a Op[A], b Op[B], c Op[C]) Op[lo.Tuple3[A, B, C]] {
	n := combinator[lo.Tuple3[A, B, C]]("Join3", name, operandsOf(node.Header{Name: name}, []Operation{a, b, c}))
	return combined(n, func(r node.Result) (t lo.Tuple3[A, B, C], err error) {
		err = joined(r, place(a, &t.A), place(b, &t.B), place(c, &t.C))
		return t, err
	})
}

// Join4 is [Join2] for four operations.
func Join4[A, B, C, D any](name string, a Op[A], b Op[B], c Op[C], d Op[D]) Op[lo.Tuple4[A, B, C, D]] {
	n := combinator[lo.Tuple4[A, B, C, D]]("Join4", name, operandsOf(node.Header{Name: name}, []Operation{a, b, c, d}))
	return combined(n, func(r node.Result) (t lo.Tuple4[A, B, C, D], err error) {
		err = joined(r, place(a, &t.A), place(b, &t.B), place(c, &t.C), place(d, &t.D))
		return t, err
	})
}

// Join5 is [Join2] for five operations.
func Join5[A, B, C, D, E any](name string, a Op[A], b Op[B], c Op[C], d Op[D], e Op[E]) Op[lo.Tuple5[A, B, C, D, E]] {
	n := combinator[lo.Tuple5[A, B, C, D, E]]("Join5", name, operandsOf(node.Header{Name: name}, []Operation{a, b, c, d, e}))
	return combined(n, func(r node.Result) (t lo.Tuple5[A, B, C, D, E], err error) {
		err = joined(r, place(a, &t.A), place(b, &t.B), place(c, &t.C), place(d, &t.D), place(e, &t.E))
		return t, err
	})
}

// place decodes the result of an operand into its place of a tuple.
func place[T any](o Op[T], v *T) func(node.Result) error {
	return func(r node.Result) (err error) {
		*v, err = o.result(r)
		return err
	}
}

// joined decodes the operands of a join, or returns the error that ended it.
func joined(r node.Result, decode ...func(node.Result) error) error {
	err := loser(r, func(it node.Item) error {
		_, err := decodeItem(it, func(r node.Result) (None, error) { return None{}, decode[it.Index](r) })
		return err
	})
	if err != nil {
		return err
	}
	for _, it := range r.Outcome.Items {
		if err := decode[it.Index](it.Result); err != nil {
			return err
		}
	}
	return nil
}
