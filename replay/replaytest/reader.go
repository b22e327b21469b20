package replaytest

import (
	"context"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
)

// reader is an operation that reads the outcome of a callback.
type reader struct {
	codec codec.Codec // nil for the default
	name  string
}

func readerOf(n node.Node) reader { return reader{n.Head().Codec, n.Head().Name} }

// encode makes the payload of a result, as the operation reads it that waits for the callback: by
// its codec, which may bind a payload to its place.
func (c *Callback) encode(ctx context.Context, v any) ([]byte, error) {
	r, path := c.reader()
	if r.codec == nil {
		r.codec = codec.JSON()
	}
	return codec.Encode(ctx, r.codec, codec.Meta{ExecutionARN: c.arn, OperationID: c.k.idOf(path), OperationName: r.name}, v)
}

// reader is what waits for the callback, if that is known, or else the callback itself, and its
// path.
func (c *Callback) reader() (r reader, path string) {
	var waits bool
	c.k.note(func() {
		for _, at := range []string{c.outer, scopeOf(c.path)} {
			if !waits {
				r, waits = c.k.readers[at]
				path = at
			}
		}
	})
	if !waits {
		path = c.outer
		r, waits = c.k.branchReader(path)
	}
	if !waits {
		path = c.path
		c.k.note(func() { r = c.k.readers[path] })
	}
	return r, path
}

// branchReader is a branch that waits for a callback and whose operation was not seen by itself.
func (k *kit) branchReader(path string) (reader, bool) {
	batch, label, ok := splitItem(path)
	if !ok {
		return reader{}, false
	}
	var n *node.Batch
	k.note(func() { n = k.batches[batch] })
	for i := range itemsWith(n, label) {
		o := n.Child(i)
		if at, _ := itemPath(batch, n, o, i); at != path {
			continue
		}
		g, isGroup := o.(*node.Group)
		return readerOf(o), isGroup && g.Outside
	}
	return reader{}, false
}

// idOf is the ID of the operation at a path; empty if it was never reached.
func (k *kit) idOf(path string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, p := range k.paths {
		if p == path {
			return id
		}
	}
	return ""
}
