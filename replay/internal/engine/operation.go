package engine

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
// or something holds on to it.
type operation struct {
	s    *scope
	head *node.Header
	kind checkpoint.Kind
	id   string
	nth  int             // occurrence
	at   string          // the path, if it is not made of name and key
	ctx  context.Context //nolint:containedctx // with the values of the scope's context
	// found is the record when the operation was claimed; nil if there was none.
	found *checkpoint.Operation
	claimed
	// what is the operation as it was declared, of one that was started and whose result has its
	// own structure; else nil.
	what node.Node
	// outside says that the result is not ours.
	outside bool
	binding
	// polls is how often the service was asked whether it has finished the operation.
	polls int
	// left is the declaration of an operation that the code does not run any more; else nil.
	left node.Node
	// added are the sides that stand for it if the execution has gone past it without its end,
	// which passed says: not zero if it was started as op.Added, and the log had it.
	added  node.Sides
	passed bool

	future
}

// claimed is when an operation was claimed.
type claimed struct {
	// now and unseen are those of the scope then: what a scope inside begins with must not depend
	// on when its goroutine gets to run.
	now    time.Time
	unseen []*operation
	// order is its place among the claims of the invocation.
	order uint64
}

// future is how an operation ends that was started by Go.
type future struct {
	// own says that it is brought to its end by a fiber of its own, f, or is at its end. How it
	// ended is seen by the scope when it asks for it, never when it happens.
	separate bool
	f        *fiber
	// done says that rec is how it ended; read that someone has asked for it.
	done, read bool
	rec        node.Result
	joiners    []*fiber
}

func newOperation(ctx context.Context, s *scope, h *node.Header, kind checkpoint.Kind, c claim) *operation {
	return &operation{
		s: s, head: h, kind: kind, id: c.id, nth: c.occurrence, ctx: ctx, found: c.rec,
		binding: binding{boundTo: boundIn(s, kind, c.id)},
		claimed: claimedNow(s),
	}
}

func claimedNow(s *scope) claimed {
	return claimed{now: s.time.now, unseen: slices.Clip(s.time.unseen), order: s.inv.claims}
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

// beginContext queues the START of a group or batch.
func beginContext(s *scope, o *operation) {
	u := o.update(checkpoint.ActionStart)
	if attempted(o.head) {
		s.f.awaitAck(s, o, s.inv.out.Add(u, time.Time{}))
		return
	}
	s.inv.out.Add(u, s.inv.due(s.inv.trip.time()))
}

// codec returns what encodes the operation's result.
func (o *operation) codec() codec.Codec {
	if o.head.Codec != nil {
		return o.head.Codec
	}
	return o.s.inv.cfg.Codec
}

// finish ends the operation and wakes who waits for it.
func (o *operation) finish(r node.Result) {
	o.done, o.rec = true, r
	for _, f := range o.joiners {
		f.Wake()
	}
	o.joiners = nil
}

// unfinishedResult is that of an operation that had begun and not ended when the scope ended that
// is run again now. One that was started may have been left behind by a branch that failed; for any
// other the code does not fit.
func unfinishedResult(s *scope, o *operation, start bool) node.Result {
	if !start {
		s.diverge(unfinishedInside(o))
	}
	o.separate = true
	s.started = append(s.started, o)
	return node.Result{Target: o}
}

// spawn gives the operation a fiber of its own.
func (o *operation) spawn(body func(f *fiber) node.Result) {
	var rec node.Result
	var cancel context.CancelCauseFunc
	o.separate = true
	o.ctx, cancel = context.WithCancelCause(o.ctx)
	o.s.started = append(o.s.started, o)
	o.f = o.s.inv.spawn(o.s.f, o.s.f.batch, o.path(), funcs{func(f *fiber) {
		rec = body(f)
	}, func(p error) {
		if p != nil {
			rec = node.Result{Err: p}
		}
		o.finish(rec)
		cancel(errEnded)
	}})
	o.f.cancel = cancel
}

// payload makes the payload of a group's value.
func (o *operation) payload(f *fiber, v any) (checkpoint.Payload, error) {
	if raw, ok := v.(node.Verbatim); ok {
		if raw.Payload == nil {
			return checkpoint.Payload{}, nil
		}
		return checkpoint.NewPayload(raw.Payload.Bytes()), nil
	}
	b, err := o.encode(o.ctx, f, v)
	return checkpoint.NewPayload(b), err
}

// encode makes the payload of a result and sees whether it can be read again: what user code
// gets is always decoded, and a result that cannot be is a failure, not a record. A codec of the
// user's runs off the turn.
func (o *operation) encode(ctx context.Context, f *fiber, v any) ([]byte, error) {
	e := encoding{o: o, ctx: ctx, v: v}
	err := convertPatiently(ctx, f, o.codec(), untilDeadline, o.meta(codec.PartResult), func() error { return e.run(f) })
	return e.payload, err
}

// encoding is the making of a result's payload, which may take several attempts.
type encoding struct {
	o       *operation
	ctx     context.Context //nolint:containedctx // of all attempts
	v       any
	payload []byte
	made    bool
	checks  int // that have failed for now
}

// mostChecks is how often it may fail for now to read a payload that was made. It is recorded then:
// the result is there, and whoever needs it will read it, or see that this cannot be done.
const mostChecks = 3

func (e *encoding) run(f *fiber) error {
	_, err := f.call(ofCodec, e.o.head.Name, func() (any, error) { return nil, e.attempt() })
	return err
}

func (e *encoding) attempt() (err error) {
	if !e.made {
		if e.payload, err = codec.Encode(e.ctx, e.o.codec(), e.o.meta(codec.PartResult), e.v); err != nil {
			return err
		}
		e.made = true
	}
	if err = e.o.check(e.payload); codec.IsTransient(err) {
		if e.checks++; e.checks > mostChecks {
			return nil
		}
	}
	return err
}

// check sees whether the payload of a result can be read.
func (o *operation) check(payload []byte) error {
	if o.head.Check == nil {
		return nil
	}
	p := checkpoint.NewPayload(payload)
	_, err := guarded(func() (any, error) {
		return nil, o.head.Check.Check(node.Result{
			Payload: &p, Meta: o.meta(codec.PartResult), Codec: o.codec(), Source: plainSource{o.s},
		})
	})
	return err
}
