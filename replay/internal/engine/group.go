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

// tooLargeInline reports whether a result is not kept in the record of its group, branch or batch,
// but computed again from what is inside: it is large, the execution has no room to store it twice,
// or it must not lose count of what is inside.
func tooLargeInline(inv *invocation, p checkpoint.Payload) bool {
	return p.Size() > maxInline || !inv.holds(p.Size()) || inv.usage.full
}

// callGroup runs or starts a group. A finished one is read from the log, unless its result was
// too large for it: then its body is run again, read-only, to compute it.
func callGroup(ctx context.Context, s *scope, n *node.Group, start bool) node.Result {
	c := s.claim(n, checkpoint.KindContext)
	if c.refused != nil {
		return callRefused(ctx, s, n, c, start)
	}
	if c.rec != nil && c.rec.Status.Terminal() && !c.rec.ReplayChildren {
		return finishedResult(ctx, s, n, c, start)
	}
	o := newOperation(ctx, s, &n.Header, checkpoint.KindContext, c)
	if c.rec == nil {
		beginContext(s, o)
	}
	if s.readOnly && !c.rec.Status.Terminal() {
		return unfinishedResult(s, o, start)
	}
	if start {
		o.spawn(func(f *fiber) node.Result { return o.group(f, n) })
		return node.Result{Target: o}
	}
	if c.rec != nil && !c.rec.Status.Terminal() {
		s.frontier(o)
	}
	return o.group(s.f, n)
}

// group runs the body of a group in a scope of its own and records how it ended.
func (o *operation) group(f *fiber, n *node.Group) node.Result {
	o.s.publish()
	in := o.inside(f, groupScope)
	in.most = n.MaxOpen
	passOn(o, n, in)
	in.saga.report = n.Report
	defer in.cancel(errEnded)
	if o.found != nil && o.found.Status.Terminal() {
		in.readOnly = true
	}
	at := f.at.Swap(o)
	var v any
	var err error
	if o.s.inv.Observer != nil && !f.logOnly {
		v, err = observedGroup(in.ctx, in, o.sight(), n.Body)
	} else {
		v, err = runScope(f, n.Body, &Handle{s: in, ctx: in.ctx})
	}
	err = in.close(regained(f, err))
	f.at.Store(at)
	return concludeGroup(o, f, n, in, v, err)
}

// observedGroup runs a function in a scope between the reports to the observer.
func observedGroup(ctx context.Context, s *scope, o Sight, body node.ScopeBody) (v any, err error) {
	flushed(s)
	s.f.observing(func() {
		s.inv.Observer.Group(ctx, o, func(ctx context.Context) error {
			v, err = runScope(s.f, body, &Handle{s: s, ctx: ctx})
			err = regained(s.f, err)
			s.f.calling = calling{role: ofObserver}
			return err
		})
	})
	return v, err
}

// concludeGroup records how a group ended and returns what user code gets of it.
func concludeGroup(o *operation, f *fiber, n *node.Group, in *scope, v any, err error) node.Result {
	var payload checkpoint.Payload
	if err == nil {
		payload, err = o.payload(f, v)
	}
	r := recordGroup(o, f, in, v, payload, err)
	if raw, ok := v.(node.Verbatim); ok && raw.Replayed {
		r.Replayed = true // what an earlier invocation has recorded, though the group ends now
	}
	return addBatchOutcome(o.s, n, o.path, r)
}

// recordGroup records how a group ended, or, if that is in the log already, sees whether the code
// has have the same end.
func recordGroup(o *operation, f *fiber, in *scope, v any, payload checkpoint.Payload, err error) node.Result {
	inv := o.s.inv
	if in.readOnly {
		return recomputedGroup(o, f, in, payload, err)
	}
	u := o.update(checkpoint.ActionSucceed)
	switch {
	case err != nil:
		u.Action = checkpoint.ActionFail
		u.Failure = encodeFailure(f, o.meta(codec.PartFailure), err, in.known)
	case tooLargeInline(inv, payload):
		u.ReplayChildren = true
		u.Payload = checkpoint.TextPayload(o.summary(v))
	default:
		u.Payload = payload
	}
	if f.logOnly {
		f.stop(o.s)
	}
	f.awaitEnd(o.s, o, inv.out.Add(u, time.Time{}))
	rec, _ := inv.log.Get(o.id)
	r := outcomeOf(o.s, f, o, rec)
	if u.ReplayChildren {
		return o.largeResult(payload.Bytes())
	}
	return r
}

// largeResult is the record of a result that is not in the log.
func (o *operation) largeResult(payload []byte) node.Result {
	p := checkpoint.NewPayload(payload)
	return node.Result{Payload: &p, Meta: o.meta(codec.PartResult), Codec: o.codec(), Source: o.s}
}

// recomputedGroup is the record of a finished group that was run again.
func recomputedGroup(o *operation, f *fiber, in *scope, payload checkpoint.Payload, err error) node.Result {
	rec, _ := in.inv.log.Get(o.id)
	if err != nil {
		in.diverge(refailed(rec, err))
	}
	f.becauseOf(rec, o.found)
	if !o.separate {
		o.s.observe(rec)
	}
	return o.largeResult(payload.Bytes())
}

// summary describes a result that is too large for the log.
func (o *operation) summary(v any) string {
	if o.head.Summary == nil {
		return ""
	}
	text, err := o.s.inv.running().call(ofSummary, o.head.Name, func() (any, error) { return o.head.Summary(v), nil })
	if err != nil {
		warn(o.s.inv, "the summary of a large result panicked", append(StackOf(err), pathAttr(o.path()), usersError(o.s.inv, err))...)
		return ""
	}
	s, _ := text.(string)
	return s
}
