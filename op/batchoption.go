package op

import "github.com/perdure/perdure/op/node"

// batchOption is an option of batches alone.
type batchOption func(n *node.Batch)

func (o batchOption) applyBatch(n *node.Batch) { o(n) }
func (o batchOption) applyMap(m *mapping)      { o(m.n) }

// WithMaxConcurrency bounds how many branches are open at once; a branch that waits stays open.
// n is at least one; without the option there is no bound.
func WithMaxConcurrency(n int) BatchOption {
	return batchOption(func(b *node.Batch) {
		if n < 1 && b.Err == nil {
			b.Err = misuse(b.Name, "op.WithMaxConcurrency(%d): want at least one; leave it out for no bound", n)
		}
		b.MaxOpen = n
	})
}

// WithMaxRunning bounds how many bodies of steps run at once in the batch and everything inside
// it. A branch that waits takes no part in it. n is at least one; without the option there is no
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
