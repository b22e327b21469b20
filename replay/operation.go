package replay

import (
	"context"
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op/node"
)

// operation is an operation of the code that is not simply read from the log: it runs, it waits,
// or somebody holds on to it.
type operation struct {
	s    *scope
	head *node.Header
	n    node.Node // set for groups
	kind checkpoint.Kind
	id   string
	nth  int             // occurrence
	at   string          // the path, if it is not made of name and key
	ctx  context.Context //nolint:containedctx // with the values of the scope's context
	// found is the record when the operation was claimed; nil if there was none.
	found *checkpoint.Operation
	// now and unseen are those of the scope when the operation was claimed: what a scope inside
	// begins with must not depend on when its goroutine gets to run.
	now    time.Time
	unseen []*operation
	// own says that a goroutine of its own brings the operation to its end. What it comes to is
	// seen by the scope when it asks for it, never when it happens.
	own bool
	t   *task // that goroutine, if it is not the scope's
	// outside says that the result is not ours.
	outside bool
	// polls is how often the service was asked whether it has finished the operation.
	polls int

	done    bool
	rec     node.Record
	read    bool // somebody has asked for the result
	joiners []*waiter
}

func (s *scope) operation(ctx context.Context, h *node.Header, kind checkpoint.Kind, c claim) *operation {
	return &operation{
		s: s, head: h, kind: kind, id: c.id, nth: c.occurrence, ctx: ctx, found: c.rec,
		now: s.now, unseen: slices.Clip(s.unseen),
	}
}

// path names the operation for people.
func (o *operation) path() string {
	if o.at != "" {
		return o.at
	}
	return o.s.pathOf(o.head, o.nth)
}

// update returns an update of the operation. Kind, sub-type, name and parent are the same on all.
func (o *operation) update(a checkpoint.Action) checkpoint.Update {
	return checkpoint.Update{
		ID: o.id, ParentID: o.s.real, Name: oplog.WireName(o.head.Name, o.head.Key),
		SubType: o.head.SubType, Kind: o.kind, Action: a,
	}
}

// begin queues the START of a group or batch. Called with the lock held.
func (s *scope) begin(o *operation) {
	u := o.update(checkpoint.ActionStart)
	if attempted(o.head) {
		s.inv.awaitAck(s.t, s, o, s.inv.writer.AddWait(u))
		return
	}
	s.inv.writer.Add(u, s.inv.writer.RoundTrip())
}

// codec returns what encodes the operation's result.
func (o *operation) codec() codec.Codec {
	if o.head.Codec != nil {
		return o.head.Codec
	}
	return o.s.inv.set.codec
}

func (o *operation) meta(p codec.Part) codec.Meta {
	return codec.Meta{ExecutionARN: o.s.inv.arn, OperationID: o.id, OperationName: o.head.Name, Part: p}
}

// finish ends the operation and wakes who waits for it. Called with the lock held.
func (o *operation) finish(r node.Record) {
	o.done, o.rec = true, r
	for _, w := range o.joiners {
		w.wake()
	}
	o.joiners = nil
}

// spawn gives the operation a goroutine of its own, counted before it runs.
func (o *operation) spawn(body func(t *task) node.Record) {
	var rec node.Record
	var cancel context.CancelCauseFunc
	o.own = true
	o.ctx, cancel = context.WithCancelCause(o.ctx)
	o.s.fibres = append(o.s.fibres, o)
	o.t = o.s.inv.spawn(o.s.t, o.path(), funcs{func(t *task) {
		rec = body(t)
	}, func(p error) {
		if p != nil {
			rec = node.Record{Err: p}
		}
		o.finish(rec)
		cancel(errEnded)
	}})
	o.t.cancel = cancel
}

// payload makes the payload of a group's value.
func (o *operation) payload(v any) (checkpoint.Payload, error) {
	if raw, ok := v.(node.Verbatim); ok {
		if raw.Payload == nil {
			return checkpoint.Payload{}, nil
		}
		return checkpoint.NewPayload(raw.Payload.Bytes()), nil
	}
	b, err := o.encode(o.ctx, v)
	return checkpoint.NewPayload(b), err
}

// finished returns what user code gets of an operation whose end is in the log: as something to
// wait for if it was to be started. Called with the lock held, which it gives back.
func (s *scope) finished(ctx context.Context, n node.Node, c claim, start bool) node.Record {
	h := n.Head()
	r := s.terminal(h, c.occurrence, c.rec, true)
	var o *operation
	if start {
		o = s.operation(ctx, h, c.rec.Kind, c)
		o.own, o.done = true, true
		s.fibres = append(s.fibres, o)
	} else {
		s.passed(c.rec)
	}
	s.inv.mu.Unlock()
	if _, step := n.(*node.Step); !step {
		r = s.dress(n, s.pathOf(h, c.occurrence), r)
	}
	if o == nil {
		return r
	}
	o.rec = r // nobody but the caller knows of it yet
	return node.Record{Target: o}
}

// terminal builds what user code gets of a terminal record. Called with the lock held.
func (s *scope) terminal(h *node.Header, nth int, rec *checkpoint.Operation, replayed bool) node.Record {
	r := node.Record{
		Meta:  codec.Meta{ExecutionARN: s.inv.arn, OperationID: rec.ID, OperationName: h.Name},
		Codec: h.Codec, Replayed: replayed, Source: s,
		CallbackID: rec.CallbackID,
	}
	if rec.Status != checkpoint.StatusSucceeded {
		r.Err = s.failed(h, nth, rec)
		return r
	}
	if rec.Payload.Present() {
		r.Payload = &rec.Payload
	}
	return r
}

// Decode decodes a payload of one of the scope's operations. What we wrote and cannot read any
// more has been written by other code.
func (s *scope) Decode(r node.Record, payload []byte, v any) error {
	c := r.Codec
	if c == nil {
		c = s.inv.set.codec
	}
	err := codec.Decode(s.ctx, c, r.Meta, payload, v)
	if err != nil && r.Replayed && !r.Outside {
		s.inv.mu.Lock()
		if err := s.alive(); err != nil {
			return err
		}
		s.diverge(s.undecodable(r, err))
	}
	return err
}
