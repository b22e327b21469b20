package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
)

// callInvoke runs or starts the call of another function. Its input is encoded only if the log
// has no record; one that cannot be encoded ends the execution, for nothing could record it. A codec may
// take time, so the input is encoded before anything is claimed: a claim and its START are one stretch.
func (s *scope) callInvoke(ctx context.Context, n *node.Invoke, start bool) node.Record {
	var payload []byte
	var err error
	if s.peek(&n.Header) == nil && !s.f.look {
		payload, err = s.input(ctx, n)
	}
	c := s.claim(n, checkpoint.KindChainedInvoke)
	o := s.operation(ctx, &n.Header, checkpoint.KindChainedInvoke, c)
	o.outside = true
	if c.rec == nil {
		if err != nil {
			s.f.fatal(fmt.Errorf("replay: invoke %s: %w", quote(o.path()), err))
		}
		u := o.update(checkpoint.ActionStart)
		u.Function, u.Tenant, u.Payload = n.Function, n.Tenant, checkpoint.NewPayload(payload)
		s.inv.out.Add(u, time.Time{})
	}
	if start {
		return node.Record{Target: o}
	}
	return s.serve(o)
}

// input encodes the input of an invoke.
func (s *scope) input(ctx context.Context, n *node.Invoke) (payload []byte, err error) {
	c := n.InputCodec
	if c == nil {
		c = s.inv.cfg.Codec
	}
	m := codec.Meta{ExecutionARN: s.inv.ARN, OperationID: s.nextID(&n.Header), OperationName: n.Name, Part: codec.Input}
	s.f.convert(c, func() {
		payload, err = guarded(func() ([]byte, error) { return codec.Encode(ctx, c, m, n.Input) })
	})
	return payload, err
}

// nextID is the ID of the next operation of this name and key.
func (s *scope) nextID(h *node.Header) string {
	var buf [maxID]byte
	return string(s.ids.AppendID(buf[:0], h.Name, h.Key, s.seen.of(identity{h.Name, h.Key})))
}

// peek returns the record of the next operation of this name and key, without claiming it.
func (s *scope) peek(h *node.Header) *checkpoint.Operation {
	rec, _ := s.inv.log.Get(s.nextID(h))
	return rec
}
