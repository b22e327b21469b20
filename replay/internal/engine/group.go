package engine

import (
	"context"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/op/node"
)

// maxInline is the largest result of a group that is kept in its own record, in bytes. A larger one
// stays in the records of its operations.
const maxInline = limits.Inline

// callGroup runs or starts a group. A finished one is read from the log, unless its result was
// too large for it: then its body is run again, read-only, to compute it.
func (s *scope) callGroup(ctx context.Context, n *node.Group, start bool) node.Record {
	c := s.claim(n, checkpoint.KindContext)
	if c.rec != nil && c.rec.Status.Terminal() && !c.rec.ReplayChildren {
		return s.finished(ctx, n, c, start)
	}
	o := s.operation(ctx, &n.Header, checkpoint.KindContext, c)
	if c.rec == nil {
		s.begin(o)
	}
	if s.readOnly && !c.rec.Status.Terminal() {
		s.diverge(s.unfinished(o))
	}
	if start {
		o.spawn(func(f *fiber) node.Record { return o.group(f, n) })
		return node.Record{Target: o}
	}
	if c.rec != nil && !c.rec.Status.Terminal() {
		s.frontier(o)
	}
	return o.group(s.f, n)
}

// group runs the body of a group in a scope of its own and records how it ended.
func (o *operation) group(f *fiber, n *node.Group) node.Record {
	o.s.publish()
	in := o.inside(f, groupScope)
	defer in.cancel(errEnded)
	if o.found != nil && o.found.Status.Terminal() {
		in.readOnly = true
	}
	at := f.at.Swap(o)
	var v any
	var err error
	if o.s.inv.Observer != nil && !f.look {
		v, err = in.observed(o, n.Body)
	} else {
		v, err = f.runScope(n.Body, &Handle{s: in, ctx: in.ctx})
	}
	err = in.close(f.returned(err))
	f.at.Store(at)
	return o.concluded(f, n, in, v, err)
}

// observed runs the function of a scope between the reports to the observer.
func (s *scope) observed(o *operation, body node.ScopeBody) (v any, err error) {
	s.flushed()
	s.f.during(ofObserver, "", func() {
		s.inv.Observer.Group(s.ctx, o.sight(), func(ctx context.Context) error {
			v, err = s.f.runScope(body, &Handle{s: s, ctx: ctx})
			err = s.f.returned(err)
			s.f.calling = calling{role: ofObserver}
			return err
		})
	})
	return v, err
}

// concluded records how a group ended and returns what user code gets of it.
func (o *operation) concluded(f *fiber, n *node.Group, in *scope, v any, err error) node.Record {
	var payload checkpoint.Payload
	if err == nil {
		payload, err = o.payload(f, v)
	}
	return o.s.dress(n, o.path(), o.settleGroup(f, in, v, payload, err))
}

// settleGroup records how a group ended, or, if that is in the log already, sees whether the code
// has come to the same end.
func (o *operation) settleGroup(f *fiber, in *scope, v any, payload checkpoint.Payload, err error) node.Record {
	inv := o.s.inv
	if in.readOnly {
		return o.recomputed(f, in, payload, err)
	}
	u := o.update(checkpoint.ActionSucceed)
	switch {
	case err != nil:
		u.Action = checkpoint.ActionFail
		u.Failure = f.failure(err, in.known)
	case payload.Size() > maxInline:
		u.ReplayChildren = true
		u.Payload = checkpoint.TextPayload(o.summary(v))
	default:
		u.Payload = payload
	}
	if f.look {
		f.stop(o.s)
	}
	f.awaitEnd(o.s, o, inv.out.Add(u, time.Time{}))
	rec, _ := inv.log.Get(o.id)
	r := o.s.outcome(f, o, rec)
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
func (o *operation) recomputed(f *fiber, in *scope, payload checkpoint.Payload, err error) node.Record {
	rec, _ := in.inv.log.Get(o.id)
	if err != nil {
		in.diverge(refailed(rec, err))
	}
	f.becauseOf(rec, o.found)
	if !o.own {
		o.s.observe(rec)
	}
	return o.large(payload.Bytes())
}

// summary describes a result that is too large for the log.
func (o *operation) summary(v any) string {
	if o.head.Summary == nil {
		return ""
	}
	text, err := o.s.inv.running().call(ofSummary, o.head.Name, func() (any, error) { return o.head.Summary(v), nil })
	if err != nil {
		o.s.inv.warn("the summary of a large result panicked", pathAttr(o.path()), errorAttr(err))
		return ""
	}
	s, _ := text.(string)
	return s
}
