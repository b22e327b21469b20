package engine

import (
	"context"
	"slices"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// look finds out which operation a function begins with: the function runs on a goroutine of its
// own, in a copy of the scope, which claims nothing and says nothing, until it reaches its first
// operation. There it is ended. Declared changes that claim nothing, and futures whose end is in
// the log, are passed.
type look struct {
	by    *fiber // who waits for what is found
	done  bool
	what  candidate
	panic *op.PanicError // of the function, before it reached an operation
}

// lookInto says what the code of n begins with.
func (s *scope) lookInto(ctx context.Context, n *node.Inline) candidate {
	l := &look{by: s.f}
	in := s.copied()
	f := s.f
	k := f.inv.spawn(f, f.batch, s.path(), funcs{func(k *fiber) {
		_, err := runScope(k, n.Body, &Handle{s: in, ctx: ctx})
		l.panic = panicHere(regained(k, err))
		l.found(candidate{})
	}, func(err error) {
		if err != nil { // the goroutine was ended by the function
			l.panic = panicHere(err)
		}
	}})
	k.logOnly, k.look = true, l
	in.sit(k)
	for !l.done {
		f.park(wait{why: waitLook, s: s})
	}
	k.End(false)
	f.awaitGone(k)
	if l.panic != nil {
		s.diverge(sideUnknown(s, n, l.panic))
	}
	return l.what
}

// panicHere is the panic that a function ended with; nil if it returned, for one thing the error of
// an operation that the log says has panicked.
func panicHere(err error) *op.PanicError {
	if p, ok := err.(*op.PanicError); ok && p != nil && len(p.Stack) > 0 { //nolint:errorlint // its own, not one that it has seen
		return p
	}
	return nil
}

// found notes what the function begins with.
func (l *look) found(c candidate) {
	if !l.done {
		l.done, l.what = true, c
		l.by.Wake()
	}
}

// copied returns a scope in the place of s that can be looked ahead in.
func (s *scope) copied() *scope {
	in := &scope{
		inv: s.inv, outer: s.outer, kind: s.kind, readOnly: s.readOnly, location: s.location, passing: s.passing,
		time: scopeTime{now: s.time.now, unseen: slices.Clip(s.time.unseen)},
	}
	in.number, in.seen = s.claimer(), s.seen.clone()
	in.past = past{any: s.past.any, inside: true}
	return in
}

// pass sees an operation that the function has reached. What claims nothing is passed, by its own
// call or with r; at any other the look ends.
func (l *look) pass(ctx context.Context, s *scope, n node.Node) (r node.Result, passes bool) {
	var c candidate
	switch n := n.(type) {
	case *node.Await, *node.Inline:
		return r, false
	case *node.Choice:
		if c = s.firstOf(ctx, n); c.state == claimsNothing {
			s.passOver(sidesOf(n, nil), newestOf(n), c.n)
			r = s.take(ctx, &c, false)
			r.Sides = c.sides
			return r, true
		}
	case *node.Batch:
		if c = s.find(n); c.state == unrecorded {
			if _, err := prepare(s, n, nil); err != nil {
				return node.Result{Err: err}, true
			}
		}
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Group:
		if c = s.first(ctx, n); c.state == claimsNothing {
			return r, false
		}
	}
	l.found(c)
	for {
		s.f.park(wait{why: waitStopped, s: s})
	}
}

// sideUnknown describes a side of which it is not known what it begins with.
func sideUnknown(s *scope, n *node.Inline, p *op.PanicError) *Divergence {
	return &Divergence{
		Reason: "a side of a declared change panicked before its first operation, so it is not known which side the execution has begun",
		Log:    unreachedRecords(s),
		Code:   "the op.Inline " + quote(n.Name) + ": " + p.Error(),
	}
}
