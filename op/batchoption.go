package op

import (
	"cmp"

	"github.com/perdure/perdure/op/node"
)

// batchOption is an option of batches alone.
type batchOption func(n *node.Batch)

func (o batchOption) applyBatch(n *node.Batch) { o(n) }
func (o batchOption) applyMap(m *mapping)      { o(m.n) }

// WithMaxConcurrency bounds how many branches are open at once; a branch that waits stays open. In
// a [Group] or [OpenParallel] the steps, groups and batches count that replay.Go has started there:
// replay.Go waits until there is room. n is at least one; without the option there is no bound.
func WithMaxConcurrency(n int) ConcurrencyOption { return concurrencyOption(n) }

// concurrencyOption is how many operations may be open at once.
type concurrencyOption int

func (o concurrencyOption) applyBatch(n *node.Batch) { n.MaxOpen = o.of(&n.Header) }
func (o concurrencyOption) applyMap(m *mapping)      { o.applyBatch(m.n) }
func (o concurrencyOption) applyGroup(n *node.Group) { n.MaxOpen = o.of(&n.Header) }

func (o concurrencyOption) of(h *node.Header) int {
	if o < 1 && h.Err == nil {
		h.Err = misuse(h.Name, "op.WithMaxConcurrency(%d): want at least one; leave it out for no bound", int(o))
	}
	return int(o)
}

// WithMaxRunning bounds how many bodies of steps run at once in the batch and everything inside
// it. A branch that waits takes no part in it, and neither does one whose body has returned: others
// run while its outcome is being recorded. So a crash may repeat more than n bodies;
// [WithMaxConcurrency] bounds those as well. n is at least one; without the option there is no
// bound.
func WithMaxRunning(n int) BatchOption {
	return batchOption(func(b *node.Batch) {
		if n < 1 && b.Err == nil {
			b.Err = misuse(b.Name, "op.WithMaxRunning(%d): want at least one; leave it out for no bound", n)
		}
		b.MaxRunning = n
	})
}

// WithCompletion says when the batch ends; the default is [AllSuccessful]. It is for [Map] and
// [Parallel]: the combinators have rules of their own.
func WithCompletion(rules ...Completion) BatchOption {
	return batchOption(func(b *node.Batch) {
		rule, err := newCompletion(b.N, rules)
		switch {
		case b.Err != nil:
		case b.Fixed:
			b.Err = misuse(b.Name, "op.WithCompletion: this operation has a rule of its own; use op.Map or op.Parallel")
		case err != nil:
			b.Err = misuse(b.Name, "%v", err)
		}
		b.Rule = rule
	})
}

// WithFlat leaves out the records of the branches: a branch then costs no operation, and its
// result is kept in the record of the batch. The combinators are flat always.
func WithFlat() BatchOption {
	return batchOption(func(b *node.Batch) { b.Flat = true })
}

// WithCancelLosers cancels waits that the batch leaves behind when it ends early, if they last
// for another minute at least: otherwise each ends in an invocation that finds nothing to do.
// With [Op.With] it is for [Race], [Any], [RaceWinner] and [Timeout].
func WithCancelLosers() BatchOption {
	return batchOption(func(b *node.Batch) { b.CancelLosers = true })
}

// WithRemoved declares operations that the batch had and has no more: see [Removed]. What an
// execution has begun of them is left as it is, and counts for nothing: the results and the
// completion rules are those of the other operations. If one has an Undo and completed, it is
// undone if the batch fails.
//
// The operations have the names and keys that they had; items of a [Map] that had no key cannot be
// declared so. A [Map] of chunks does not take the option. The zero Op is an error.
func WithRemoved(ops ...Operation) BatchOption {
	return batchOption(func(b *node.Batch) {
		gone := make([]node.Node, 0, len(b.Gone)+len(ops))
		gone = append(gone, b.Gone...)
		for _, o := range ops {
			n := invalid(errZeroOp)
			if o != nil {
				n = o.node()
			}
			gone = append(gone, n)
			if b.Err == nil {
				b.Err = cmp.Or(removedError(b, n), keptError(b, gone))
			}
		}
		b.Gone = gone
	})
}

// removedError reports an operation that cannot be one that a batch had.
func removedError(b *node.Batch, n node.Node) error {
	h := n.Head()
	if h.Err != nil {
		return misuse(b.Name, "op.WithRemoved: %v", h.Err)
	}
	switch n.(type) {
	case *node.Choice:
		return misuse(b.Name, "op.WithRemoved(%q): it is a declared change: pass the operation that it was", h.Name)
	case *node.Await:
		return misuse(b.Name, "op.WithRemoved(%q): a future is not begun by the batch: declare op.Removed where it was started", h.Name)
	case *node.Inline, *node.Callback:
		return misuse(b.Name, "op.WithRemoved(%q): it was never a branch: pass an operation that was", h.Name)
	case *node.Step, *node.Wait, *node.Invoke, *node.Group, *node.Batch:
	}
	if b.Indexed && h.Key == "" {
		return misuse(b.Name, "op.WithRemoved(%q): the item had no key, so its index identifies it, and others have that now: "+
			"write op.Replaces(new, old) around the map, with another name for the new one", h.Name)
	}
	return nil
}

// keptError reports that the last one of the operations that a batch had is one that it still has,
// or another one of them. Of items only their keys say it, when they are made.
func keptError(b *node.Batch, gone []node.Node) (err error) {
	last := gone[len(gone)-1].Head()
	alike := func(side node.Node, _ node.Sides, _ bool) bool {
		if h := side.Head(); h.Name == last.Name && h.Key == last.Key {
			err = misuse(b.Name, "op.WithRemoved(%q): the batch still has it, or it is named twice: name what is no operand of the batch, "+
				"and no side of one, by the name and key that it had", last.Name)
		}
		return err == nil
	}
	for _, n := range gone[:len(gone)-1] {
		node.Walk(n, alike)
	}
	for i := 0; i < b.N && !b.Indexed; i++ {
		node.Walk(b.Child(i), alike)
	}
	return err
}

// With configures a combinator, such as a [Race], or any other batch after it was declared. For an
// operation that is not a batch, [Validate] reports an error.
func (o Op[T]) With(opts ...BatchOption) Op[T] {
	b, ok := o.n.(*node.Batch)
	if !ok {
		return o.with(func(h *node.Header) {
			if h.Err == nil {
				h.Err = misuse(h.Name, "Op.With: only batches (op.Map, op.Parallel, op.Race and the like) take these options")
			}
		})
	}
	c := *b
	for _, opt := range opts {
		if opt != nil {
			opt.applyBatch(&c)
		}
	}
	o.n = &c
	return o
}
