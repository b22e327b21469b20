package op

import (
	"time"

	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// All runs operations concurrently; its result is the slice of their results, by index. It fails
// with the first error; the others are then abandoned. Without operations the result is empty.
//
// The outcome of a combinator is recorded: it is the same on every replay, and so is the winner.
// Operands need different names or keys; they may change places while executions are under way, but
// one that is added or removed after the end is a divergence.
func All[T any](name string, ops ...Op[T]) Op[[]T] {
	n := combinator[[]T]("All", name, operands(node.Header{Name: name}, ops))
	return combined(n, func(r node.Result) ([]T, error) {
		if err := loser(r, func(it node.Item) error { _, err := decodeItem(it, ops[it.Index].result); return err }); err != nil {
			return nil, err
		}
		values := make([]T, len(ops))
		for _, it := range r.Outcome.Items {
			v, err := ops[it.Index].result(it.Result)
			if err != nil {
				return nil, err
			}
			values[it.Index] = v
		}
		return values, nil
	})
}

// AllSettled runs operations concurrently until all have ended, whatever becomes of them.
func AllSettled[T any](name string, ops ...Op[T]) Op[Batch[T]] {
	n := combinator[Batch[T]]("AllSettled", name, operands(node.Header{Name: name}, ops))
	n.Rule, _ = newCompletion(n.N, []Completion{AllCompleted()})
	return combined(n, func(r node.Result) (Batch[T], error) {
		return decodeBatch(r, func(i int) Op[T] { return ops[i] })
	})
}

// Any runs operations concurrently; its result is that of the first one that succeeds. The others
// are then abandoned. If all fail, the error is a [*BatchError]. Without operations it is an error
// to run it.
func Any[T any](name string, ops ...Op[T]) Op[T] {
	n := combinator[T]("Any", name, operands(node.Header{Name: name}, ops))
	n.Rule = anyRule
	refuseEmpty(n, "Any")
	return combined(n, func(r node.Result) (T, error) {
		if r.Outcome.Failed {
			b, err := decodeBatch(r, func(i int) Op[T] { return ops[i] })
			if err == nil {
				err = batchFailed(n, r, b)
			}
			var zero T
			return zero, err
		}
		return decodeWinner(r, ops)
	})
}

// Race runs operations concurrently and ends as the first of them that ends, with its result or
// its error; the others are then abandoned. Without operations it is an error to run it.
func Race[T any](name string, ops ...Op[T]) Op[T] {
	n := combinator[T]("Race", name, operands(node.Header{Name: name}, ops))
	n.Rule = raceRule
	refuseEmpty(n, "Race")
	return combined(n, func(r node.Result) (T, error) { return decodeWinner(r, ops) })
}

// Winner is the operation that was first in a [RaceWinner].
type Winner[T any] struct {
	// Index is the operation's place among the operands, Name its name.
	Index int
	Name  string
	Value T
}

// RaceWinner is [Race] with a result that says which operation was first. If that one failed, the
// error has its index and name.
func RaceWinner[T any](name string, ops ...Op[T]) Op[Winner[T]] {
	n := combinator[Winner[T]]("RaceWinner", name, operands(node.Header{Name: name}, ops))
	n.Rule = raceRule
	refuseEmpty(n, "RaceWinner")
	return combined(n, func(r node.Result) (Winner[T], error) {
		w := Winner[T]{Index: r.Outcome.Winner}
		v, err := decodeWinner(r, ops)
		if w.Index >= 0 && w.Index < len(ops) {
			w.Name = ops[w.Index].node().Head().Name
		}
		w.Value = v
		return w, err
	})
}

// Timeout limits an operation of any kind to d, rounded up to whole seconds: if it has not ended
// by then it is abandoned, and the error is an [ErrTimedOut]. It is a race of o with a wait.
// d is at least one second and at most [MaxWait]; zero does not mean that there is no limit.
//
// What times out by itself, such as a callback with [WithTimeout], has an ErrTimedOut too. Where
// code goes on after one and not after the other, as a loop that reminds, use [RaceWinner] with a
// [Wait]: its result says which of them ended.
//
// An Undo of o is kept: if the scope of the Timeout fails after o was in time, o is undone by the
// step "<name>-undo". Then the name has at most 251 bytes, and a codec for the result belongs to o.
func Timeout[T any](name string, o Op[T], d time.Duration) Op[T] {
	timer := Wait(inner(name, "-timer"), min(max(d, time.Second), MaxWait))
	n := combinator[T]("Timeout", name, operandsOf(node.Header{Name: name}, []Operation{o, timer}))
	n.Rule, n.NamesInside = raceRule, true
	if checkName(name) == nil {
		refuseLimit(n, o.node().Head().Err, d)
	}
	limited := combined(n, func(r node.Result) (T, error) {
		if r.Outcome.Winner == 0 {
			return decodeWinner(r, []Op[T]{o})
		}
		var zero T
		return zero, &timeoutError{name: name, after: d}
	})
	failed := n.Failure
	n.Failure = func(r node.Result) error {
		if r.Outcome.Winner == 0 {
			return failed(r)
		}
		return &timeoutError{name: name, after: d}
	}
	keepUndo(&n.Header, "Timeout", o.node(), operand)
	return limited
}

// refuseLimit reports what is wrong with a Timeout in words that do not name the timer inside.
func refuseLimit(n *node.Batch, inside error, d time.Duration) {
	switch {
	case inside != nil:
		n.Err = misuse(n.Name, "op.Timeout: %v", inside)
	case n.Err != nil:
	case d < time.Second:
		n.Err = misuse(n.Name, "op.Timeout after %v: a time limit is at least one second; to run the operation without one, leave op.Timeout out", d)
	case d > MaxWait:
		n.Err = misuse(n.Name, "op.Timeout after %v: a time limit is at most %v, the longest an execution can take", d, MaxWait)
	}
}

// combinator makes a flat batch of operands. It is recorded as a group.
func combinator[T any](as, name string, n *node.Batch) *node.Batch {
	err := n.Err
	n.Header = header[T](name, subtype.Group)
	if n.Err == nil {
		n.Err = err
	}
	n.Flat, n.Fixed, n.As = true, true, as
	return n
}

// combined is an operation whose result is computed from an outcome.
func combined[T any](n *node.Batch, from func(r node.Result) (T, error)) Op[T] {
	decode := func(r node.Result) (T, error) {
		if r.Outcome == nil {
			return decodeAs[T](r)
		}
		return from(r)
	}
	decodesTo(n, decode)
	return Op[T]{n: n, decode: decode}
}

// decodesTo shows interpreters how the results of a batch become its own.
func decodesTo[T any](n *node.Batch, decode func(r node.Result) (T, error)) {
	n.Whole = func(r node.Result) (any, error) { return decode(r) }
	n.Failure = func(r node.Result) error {
		if !r.Outcome.Failed {
			return nil
		}
		_, err := decode(r)
		return err
	}
	n.Check = nil
}

// decodeWinner decodes what the first operation to end ended with.
func decodeWinner[T any](r node.Result, ops []Op[T]) (T, error) {
	if r.Outcome.Gone != nil {
		var zero T
		return zero, r.Outcome.Gone
	}
	for _, it := range r.Outcome.Items {
		if it.Index == r.Outcome.Winner {
			return decodeItem(it, ops[it.Index].result)
		}
	}
	var zero T
	return zero, errNoOutcome
}

// loser is the error of the operation that failed a batch in which all must succeed; nil if it did
// not fail.
func loser(r node.Result, decode func(node.Item) error) error {
	if !r.Outcome.Failed || r.Outcome.Gone != nil {
		return r.Outcome.Gone
	}
	for _, it := range r.Outcome.Items {
		if it.Index == r.Outcome.Winner {
			return decode(it)
		}
	}
	return errNoOutcome
}

func refuseEmpty(n *node.Batch, constructor string) {
	if n.N == 0 && n.Err == nil {
		n.Err = misuse(n.Name, "op.%s of no operations would never end: pass at least one", constructor)
	}
}

// anyRule ends a batch at the first success, or fails it when all have failed.
func anyRule(p node.Progress) node.Verdict {
	switch {
	case p.Succeeded > 0:
		return node.Verdict{Done: true, Reason: string(ReasonMinSuccessful)}
	case p.Failed == p.Total:
		return node.Verdict{Done: true, Reason: string(ReasonToleranceExceeded), Failed: true}
	}
	return node.Verdict{}
}

// raceRule ends a batch at the first end.
func raceRule(p node.Progress) node.Verdict {
	switch {
	case p.Succeeded > 0:
		return node.Verdict{Done: true, Reason: string(ReasonMinSuccessful)}
	case p.Failed > 0:
		return node.Verdict{Done: true, Reason: string(ReasonToleranceExceeded), Failed: true}
	}
	return node.Verdict{}
}
