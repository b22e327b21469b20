package replay

import (
	"context"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/op/node"
)

// maxInline is the largest result of a group that is kept in its own record, in bytes. A larger one
// stays in the records of its operations.
const maxInline = limits.Inline

// callGroup starts a group, or returns it to be run. A finished one is read from the log, unless its result was
// too large for it: then its body is run again, read-only, to compute it.
func (s *scope) callGroup(ctx context.Context, n *node.Group, start bool) (node.Record, *operation) {
	s.inv.mu.Lock()
	c, err := s.claim(n, checkpoint.KindContext)
	if err != nil {
		return node.Record{Err: err}, nil
	}
	if c.rec != nil && c.rec.Status.Terminal() && !c.rec.ReplayChildren {
		return s.finished(ctx, n, c, start), nil
	}
	o := s.operation(ctx, &n.Header, checkpoint.KindContext, c)
	if c.rec == nil {
		s.begin(o)
	}
	if s.readOnly && !c.rec.Status.Terminal() {
		s.diverge(s.unfinished(o))
	}
	o.n = n
	if start {
		s.groups = append(s.groups, o)
		o.spawn(func(t *task) node.Record { return o.group(t, n) })
		s.inv.mu.Unlock()
		return node.Record{Target: o}, nil
	}
	if c.rec != nil {
		if err := s.owned(&n.Header); err != nil {
			return node.Record{Err: err}, nil
		}
		if !c.rec.Status.Terminal() {
			s.frontier(o)
		}
	}
	s.inv.mu.Unlock()
	return node.Record{}, o
}

// group runs the body of a group in a scope of its own and records how it ended. Called without
// the lock.
func (o *operation) group(t *task, n *node.Group) node.Record {
	in := o.s.newScope(t, o, true)
	defer in.cancel(errEnded)
	in.readOnly = o.found != nil && o.found.Status.Terminal()
	at := t.at.Swap(o)
	var v any
	var err error
	if o.s.inv.hooks != nil {
		v, err = o.reported(t, in, n)
	} else {
		v, err = t.guardScope(n.Body, &handle{s: in, ctx: in.ctx})
	}
	t.panicked = nil
	err = in.end(err)
	t.at.Store(at)
	return o.concluded(t, n, in, v, err)
}

// reported runs the body of a group between the reports to interceptors.
func (o *operation) reported(t *task, in *scope, n *node.Group) (v any, err error) {
	o.s.inv.hooks.group(in.ctx, o, func(ctx context.Context) error {
		v, err = t.guardScope(n.Body, &handle{s: in, ctx: ctx})
		return err
	})
	return v, err
}

// concluded records how a group ended and returns what user code gets of it.
func (o *operation) concluded(t *task, n *node.Group, in *scope, v any, err error) node.Record {
	var payload checkpoint.Payload
	if err == nil {
		payload, err = o.payload(v)
	}
	return o.s.dress(n, o.path(), o.settleGroup(t, in, v, payload, err))
}

// settleGroup records how a group ended, or, if that is in the log already, sees whether the code
// has come to the same end.
func (o *operation) settleGroup(t *task, in *scope, v any, payload checkpoint.Payload, err error) node.Record {
	inv := o.s.inv
	if in.readOnly {
		return o.recomputed(t, in, payload, err)
	}
	u := o.update(checkpoint.ActionSucceed)
	switch {
	case err != nil:
		u.Action = checkpoint.ActionFail
		u.Failure = inv.set.failure(err, in.known)
	case payload.Size() > maxInline:
		u.ReplayChildren = true
		u.Payload = checkpoint.TextPayload(o.summary(v))
	default:
		u.Payload = payload
	}
	inv.mu.Lock()
	t.check()
	inv.awaitAck(t, o.s, o, inv.writer.AddWait(u))
	rec, _ := inv.log.Get(o.id)
	r := o.s.outcome(o, rec)
	inv.mu.Unlock()
	if u.ReplayChildren {
		return o.large(payload.Bytes())
	}
	return r
}

// large is the record of a result that is not in the log.
func (o *operation) large(payload []byte) node.Record {
	p := checkpoint.NewPayload(payload)
	return node.Record{Payload: &p, Meta: o.meta(codec.Result), Codec: o.codec(), Source: o.s}
}

// recomputed is the record of a finished group that was run again.
func (o *operation) recomputed(t *task, in *scope, payload checkpoint.Payload, err error) node.Record {
	inv := in.inv
	inv.mu.Lock()
	t.check()
	rec, _ := inv.log.Get(o.id)
	if err != nil {
		in.diverge(refailed(rec, err))
	}
	if !o.own {
		o.s.observe(rec)
	}
	inv.mu.Unlock()
	return o.large(payload.Bytes())
}

// summary describes a result that is too large for the log.
func (o *operation) summary(v any) string {
	if o.head.Summary == nil {
		return ""
	}
	text, err := guard(func() (any, error) { return o.head.Summary(v), nil })
	if err != nil {
		o.s.inv.logger().Warn("the summary of a large result panicked", pathAttr(o.path()), errorAttr(err))
		return ""
	}
	s, _ := text.(string)
	return s
}
