package op

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/perdure/perdure/op/node"
)

// chunks is what WithChunks says.
type chunks struct {
	items, bytes int
	given        bool
}

type chunkOption chunks

func (o chunkOption) applyMap(m *mapping) {
	if (o.items < 0 || o.bytes < 0 || o.items+o.bytes == 0) && m.n.Err == nil {
		m.n.Err = misuse(m.n.Name, "op.WithChunks(%d, %d): want a number of items or of bytes of at least one; zero is no limit", o.items, o.bytes)
	}
	m.chunks = chunks(o)
}

// WithChunks puts consecutive items together into branches of at most that many items and that many
// bytes of JSON; zero is no limit for one of them. The items of a branch run one after the other.
// Many small items then cost fewer operations and goroutines, and [WithMaxConcurrency] bounds
// open chunks. The outcomes stay those of the items; the completion rules count items and are
// asked when a chunk has ended. An item larger than the limit is a chunk of its own.
//
// Chunks are distinguished by their number, items in them by key or index. If items have an Undo,
// those of a chunk are compensated together, as one step.
func WithChunks(items, bytes int) MapOption {
	return chunkOption(chunks{items: items, bytes: bytes, given: true})
}

// chunkedMap is a map whose branches are maps of consecutive items.
func chunkedMap[In, Out any](n *node.Batch, c chunks, items []In, each Builder[In, Out]) Op[Batch[Out]] {
	bounds := split(c, items)
	n.Total, n.N, n.Flat = len(items), len(bounds), true
	if len(n.Gone) > 0 && n.Err == nil {
		n.Err = misuse(n.Name, "op.WithRemoved: chunks are distinguished by their number: write op.Replaces(new, old) around the map, "+
			"with another name for the new one")
	}
	chunk := func(i int) Op[Batch[Out]] {
		in := items[bounds[i].from:bounds[i].to]
		o := Map("chunk", in, each, WithFlat(), WithMaxConcurrency(1), WithCompletion(AllCompleted()))
		return o.with(func(h *node.Header) { h.Undo = undoTogether(in, each) })
	}
	n.Child = func(i int) node.Node { return chunk(i).node() }
	decode := func(r node.Result) (Batch[Out], error) {
		var b Batch[Out]
		if r.Outcome == nil {
			return decodeAs[Batch[Out]](r)
		}
		b.Reason = Reason(r.Outcome.Reason)
		for _, it := range r.Outcome.Items {
			at := bounds[it.Index]
			if it.Status == node.ItemSucceeded {
				in, err := chunk(it.Index).result(it.Result)
				if err != nil {
					return b, err
				}
				for _, item := range in.Items {
					item.Index += at.from
					b.Items = append(b.Items, item)
				}
				continue
			}
			for i := at.from; i < at.to; i++ {
				h := each(items[i]).node().Head()
				item := Item[Out]{Index: i, Name: h.Name, Key: h.Key, Status: StatusStarted, Err: it.Result.Err}
				if it.Status == node.ItemFailed {
					item.Status = StatusFailed
				}
				b.Items = append(b.Items, item)
			}
		}
		return b, batchFailed(n, r, b)
	}
	decodesTo(n, decode)
	return Op[Batch[Out]]{n: n, decode: decode}
}

type span struct{ from, to int }

// split puts consecutive items together.
func split[In any](c chunks, items []In) []span {
	var spans []span
	size := 0
	for i := range items {
		bytes := 0
		if c.bytes > 0 {
			if text, err := json.Marshal(items[i]); err == nil {
				bytes = len(text)
			}
		}
		last := len(spans) - 1
		if last < 0 || c.items > 0 && i-spans[last].from == c.items || c.bytes > 0 && size+bytes > c.bytes {
			spans = append(spans, span{i, i})
			last, size = last+1, 0
		}
		spans[last].to = i + 1
		size += bytes
	}
	return spans
}

// undoTogether is the compensation of a chunk: those of its items, the last one first; nil if they
// have none.
func undoTogether[In, Out any](items []In, each Builder[In, Out]) *node.Undo {
	if len(items) == 0 || each == nil {
		return nil
	}
	some, _ := undosOf(each(items[0]).node())
	if some == nil {
		return nil
	}
	return &node.Undo{Attempted: some.Attempted, Step: func(r node.Result) *node.Step {
		body := func(ctx context.Context) error {
			if r.Outcome == nil {
				return nil
			}
			var errs []error
			for _, it := range slices.Backward(r.Outcome.Items) {
				side := node.Side(each(items[it.Index]).node(), it.Result.Sides)
				if side == nil {
					continue
				}
				u := side.Head().Undo
				if u == nil || !undoneTogether(it, u) {
					continue
				}
				_, err := u.Step(it.Result).Body.Run(ctx)
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		}
		s := some.Step(node.Result{})
		undo, _ := Do(s.Name, body).node().(*node.Step)
		undo.Config = s.Config
		return undo
	}}
}

// undoneTogether reports whether an item is compensated with its chunk. One that completed and
// counts as failed is not: the chunk has taken it back when it ended.
func undoneTogether(it node.Item, u *node.Undo) bool {
	failed := it.Result.Err != nil
	switch it.Status {
	case node.ItemSucceeded:
		return !failed || u.Attempted
	case node.ItemFailed:
		return failed && u.Attempted
	case node.ItemStarted:
	}
	return u.Attempted
}
