package op

import (
	"slices"

	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// Map runs an operation for each item, concurrently, and results in a [Batch] with the outcomes
// by index.
//
// Each item is a branch with a scope of its own. Its place in the log is its index; if each
// carries a key ([Builder.Key]) it is the key, and items may be reordered and inserted while
// executions are under way: each keeps its result, and one that was not there when the batch ended
// is absent. One that has begun and is gone is a divergence. Keys must be different.
//
// By default all branches are open at once and the first failure ends the batch; see
// [WithMaxConcurrency], [WithMaxRunning], [WithCompletion]. A batch that ended because of failures
// returns the batch and a [*BatchError]. Branches that are under way when the batch ends are
// abandoned: their bodies' contexts are cancelled, and they write nothing more. Without items the
// batch is empty and complete.
//
// Limit: 3,000 operations per execution, of which a map takes one, each of its branches one unless
// it is [WithFlat], and everything inside them (Lambda quotas).
func Map[In, Out any](name string, items []In, each Builder[In, Out], opts ...MapOption) Op[Batch[Out]] {
	m := mapping{n: &node.Batch{
		Header: header[Batch[Out]](name, subtype.Map), N: len(items), Indexed: true, ItemSubType: subtype.MapItem,
	}}
	if each == nil {
		m.n.Err = nilBody(m.n.Err, "Map", name)
	}
	items = slices.Clone(items)
	item := func(i int) Op[Out] { return each(items[i]) }
	m.n.Child = func(i int) node.Node { return item(i).node() }
	m.n.Rule, _ = newCompletion(m.n.N, nil)
	for _, o := range opts {
		if o != nil {
			o.applyMap(&m)
		}
	}
	if m.chunks.given {
		return chunkedMap(m.n, m.chunks, items, each)
	}
	return batch(m.n, item)
}

// mapping is what options of a Map configure.
type mapping struct {
	n      *node.Batch
	chunks chunks
}

// Parallel runs operations concurrently and results in a [Batch] with the outcomes by index. Each
// is a branch that its name and key identify: they must be different. A plain [Group] is a branch
// as it stands. For the rest see [Map]; for branches of different types see [Join2] and
// [Transform].
func Parallel[T any](name string, branches []Op[T], opts ...BatchOption) Op[Batch[T]] {
	n := operands(header[Batch[T]](name, subtype.Parallel), branches)
	n.ItemSubType = subtype.ParallelBranch
	for _, o := range opts {
		if o != nil {
			o.applyBatch(n)
		}
	}
	return batch(n, func(i int) Op[T] { return branches[i] })
}

// batch is an operation whose result is a batch.
func batch[T any](n *node.Batch, item func(i int) Op[T]) Op[Batch[T]] {
	decode := func(r node.Result) (Batch[T], error) {
		b, err := decodeBatch(r, item)
		if err == nil {
			err = batchFailed(n, r, b)
		}
		return b, err
	}
	decodesTo(n, decode)
	return Op[Batch[T]]{n: n, decode: decode}
}

// operands is a batch of operations that were declared one by one.
func operands[T any](h node.Header, ops []Op[T]) *node.Batch {
	nodes := make([]Operation, len(ops))
	for i := range ops {
		nodes[i] = ops[i]
	}
	return operandsOf(h, nodes)
}

func operandsOf(h node.Header, ops []Operation) *node.Batch {
	n := &node.Batch{Header: h, N: len(ops), Child: func(i int) node.Node { return ops[i].node() }}
	n.Rule, _ = newCompletion(n.N, nil)
	if n.Err == nil {
		n.Err = checkOperands(h.Name, ops)
	}
	return n
}

// checkOperands reports operands that are invalid, or that the log could not distinguish: no side
// of a declared change may be what another operand is, or was.
func checkOperands(name string, ops []Operation) (err error) {
	type id struct{ name, key string }
	seen := make(map[id]int, len(ops))
	for i, o := range ops {
		n := o.node()
		if h := n.Head(); h.Err != nil {
			return misuse(name, "operand %d: %v", i, h.Err)
		}
		node.Walk(n, func(side node.Node, _ node.Sides, _ bool) bool {
			h := side.Head()
			first, again := seen[id{h.Name, h.Key}]
			switch err = operandError(name, i, n, side); {
			case err != nil:
				return false
			case again && first == i:
				err = misuse(name, "operand %d, %q: each side of the declared change is %q with the key %q, so that no log says which one was "+
					"begun: give one of them another name or key, or put the declaration into an op.Group of that name", i, h.Name, h.Name, h.Key)
				return false
			case again:
				err = misuse(name, "operands %d and %d are both %q with the key %q: give them names or keys (Op.Key) of their own",
					first, i, h.Name, h.Key)
				return false
			}
			seen[id{h.Name, h.Key}] = i
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// operandError reports an operation that cannot be a branch: side is n, or a side of it.
func operandError(name string, i int, n, side node.Node) error {
	h := side.Head()
	switch side.(type) {
	case *node.Callback:
		return misuse(name, "operand %d, %q: create the callback before and pass its Result()", i, h.Name)
	case *node.Inline:
		return misuse(name, "operand %d: the op.Inline %q has no record, so it is no branch: make it an op.Group", i, h.Name)
	case *node.Await:
		if _, declared := n.(*node.Choice); declared {
			return misuse(name, "operand %d, %q: a side of the declared change is a future: declare the change where the operation is started",
				i, h.Name)
		}
	case *node.Step, *node.Wait, *node.Invoke, *node.Group, *node.Batch, *node.Choice:
	}
	return nil
}
