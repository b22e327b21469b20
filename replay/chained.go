package replay

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
)

// callInvoke runs or starts the call of another function. Its input is encoded only if the log
// has no record; one that cannot be encoded ends the execution, for nothing could record it.
func (s *scope) callInvoke(ctx context.Context, n *node.Invoke, start bool) (node.Record, *operation) {
	s.inv.mu.Lock()
	c, err := s.claim(n, checkpoint.KindChainedInvoke)
	if err != nil {
		return node.Record{Err: err}, nil
	}
	o := s.operation(ctx, &n.Header, checkpoint.KindChainedInvoke, c)
	o.outside = true
	if c.rec == nil {
		s.inv.mu.Unlock() // a codec is user code; only this goroutine claims in the scope
		payload, err := o.input(n)
		s.inv.mu.Lock()
		if gone := s.alive(); gone != nil {
			return node.Record{Err: gone}, nil
		}
		if err != nil {
			return node.Record{Err: s.refuse(err)}, nil
		}
		u := o.update(checkpoint.ActionStart)
		u.Function, u.Tenant, u.Payload = n.Function, n.Tenant, checkpoint.NewPayload(payload)
		s.inv.writer.AddWait(u)
	}
	s.inv.mu.Unlock()
	return o.served(start)
}

// input encodes the input of an invoke.
func (o *operation) input(n *node.Invoke) ([]byte, error) {
	c := n.InputCodec
	if c == nil {
		c = o.s.inv.set.codec
	}
	payload, err := codec.Encode(o.ctx, c, o.meta(codec.Input), n.Input)
	if err != nil {
		return nil, fmt.Errorf("replay: invoke %s: %w", quote(o.path()), err)
	}
	return payload, nil
}
