package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op/node"
)

// callInvoke runs or starts the call of another function. Its input is encoded only if the log
// has no record; one that cannot be encoded or sent is refused before anything is claimed, as it is
// on each replay: the protocol has no record of a call that was not made. A codec may take time, so
// that a claim and its START are one stretch only after it.
func callInvoke(ctx context.Context, s *scope, n *node.Invoke, start bool) (r node.Result, waits *operation) {
	var payload []byte
	var trace string
	var err error
	if peek(s, &n.Header) == nil && !s.f.logOnly {
		if payload, err = invokeInput(ctx, s, n); err != nil {
			return refusedResult(s, fmt.Errorf("replay: invoke %s: %w", quote(nextPath(s, &n.Header)), err), start), nil
		}
		trace = invokeTrace(s, n)
	}
	c := s.claimFor(n, checkpoint.KindChainedInvoke, refusal{takes: 1, bytes: len(payload)})
	if c.refused != nil {
		return callRefused(ctx, s, n, c, start), nil
	}
	o := newOperation(ctx, s, &n.Header, checkpoint.KindChainedInvoke, c)
	o.outside, o.function = true, n.Function
	if c.rec == nil {
		u := o.update(checkpoint.ActionStart)
		u.Function, u.Tenant, u.TraceHeader, u.Payload = n.Function, n.Tenant, trace, checkpoint.NewPayload(payload)
		s.inv.out.Add(u, time.Time{})
	}
	if start {
		return node.Result{Target: o}, nil
	}
	return r, o
}

// invokeInput encodes the input of an invoke.
func invokeInput(ctx context.Context, s *scope, n *node.Invoke) (payload []byte, err error) {
	c := n.InputCodec
	if c == nil {
		c = s.inv.cfg.Codec
	}
	m := codec.Meta{
		ExecutionARN: s.inv.ARN, ForkedFrom: s.inv.ForkedFrom, OperationID: boundIn(s, checkpoint.KindChainedInvoke, nextID(s, &n.Header)),
		OperationName: n.Name, Part: codec.PartInput, Function: n.Function,
	}
	err = convertPatiently(ctx, s.f, c, untilDeadline, m, func() (err error) {
		payload, err = guarded(func() ([]byte, error) { return codec.Encode(ctx, c, m, n.Input) })
		return err
	})
	if err == nil && len(payload) > limits.Payload {
		err = &sizeError{fmt.Sprintf("the input has %s bytes, and the service takes at most %s (Lambda API, OperationUpdate.Payload); "+
			"store it where the function finds it, and pass where that is", thousands(len(payload)), thousands(limits.Payload))}
	}
	return payload, err
}

// invokeTrace is the X-Ray trace header that the target of an invoke is started with: that of the
// invocation, unless the observer replaces it. A code of the user's is called, and so nothing may
// be claimed yet.
func invokeTrace(s *scope, n *node.Invoke) (header string) {
	header = s.inv.TraceHeader
	if s.inv.Observer == nil {
		return header
	}
	h := &n.Header
	o := Sight{
		ID: nextID(s, h), ParentID: s.real, Name: oplog.WireName(h.Name, h.Key), SubType: h.SubType, Path: nextPath(s, h),
		Kind: checkpoint.KindChainedInvoke,
	}
	s.inv.running().observing(func() { header = s.inv.Observer.TraceHeader(o, header) })
	return header
}

// nextID is the ID of the next operation of this name and key.
func nextID(s *scope, h *node.Header) string {
	var buf [maxID]byte
	return string(s.ids.AppendID(buf[:0], h.Name, h.Key, s.next(h)))
}

// peek returns the record of the next operation of this name and key, without claiming it.
func peek(s *scope, h *node.Header) *checkpoint.Operation {
	rec, _ := s.inv.log.Get(nextID(s, h))
	return rec
}
