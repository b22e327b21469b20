package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/lossless"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// Rehearsal is what a rehearsed invocation has found. Such an invocation goes the way of any other
// one up to where something new would happen, and there it parks:
//
//  1. Updates are not sent. They count as accepted at once, so that code goes on that waits for
//     nothing but that.
//  2. No body begins; those of compensations, conditions, submitters and OnEnd neither.
//  3. What the service would finish is never finished.
//  4. When everything is at rest, branches that were not opened for want of room are opened if the
//     log holds anything of them, and results are decoded that no one has asked for yet. What does
//     not fit there is a doubt: whether the code reaches it depends on what has not happened yet.
//
// So up to its rest it is the invocation that would be made, and what diverges in it diverges
// there.
type Rehearsal struct {
	// Doubts are what the rehearsal could not decide.
	Doubts []Doubt
	// Losses are recorded values that the declared type does not keep.
	Losses []Loss
	// Unregistered are identities of recorded errors that nothing registers.
	Unregistered []Unregistered
	// Decisions are the sides of declared changes that were taken, in the order of the code.
	Decisions []Decision
	// Waiting is what new would happen, or what is waited for, in the order of the code.
	Waiting []Place

	scopes []*scope
	checks bool // results were decoded
}

// Doubt is something that a rehearsal cannot decide.
type Doubt struct {
	// Path is where; empty for the handler.
	Path string
	// Withheld is why a payload is not known; else empty.
	Withheld string
	// Err is what would end the execution if the code reaches it; nil if a payload is not known.
	Err error
}

// Loss is a recorded value that the declared type does not keep.
type Loss struct {
	// Path is that of the operation; empty for the input of the handler.
	Path string
	// Members are paths of members of the recorded JSON; none if there is nothing where the type
	// has something.
	Members []string
	// Type is the declared type.
	Type string
}

// Unregistered is an identity of a recorded error that nothing registers.
type Unregistered struct{ Path, Name string }

// Place is an operation that a rehearsal has reached.
type Place struct {
	Path string
	Kind checkpoint.Kind
	// New says that the log does not have it.
	New bool
}

// enter takes note of a scope.
func (r *Rehearsal) enter(s *scope) {
	if r != nil {
		r.scopes = append(r.scopes, s)
	}
}

// doubt notes what would end the execution if the code reaches it.
func (inv *invocation) doubt(err error) {
	path := ""
	if d, ok := err.(*diverged); ok { //nolint:errorlint // ours, never wrapped
		err, path = inv.cfg.Diverged(inv.advised(d.Divergence)), d.Scope
	}
	inv.Rehearsal.Doubts = append(inv.Rehearsal.Doubts, Doubt{Path: path, Err: err})
}

// complete makes a record of our own that of a service which has accepted it.
func (r *Rehearsal) complete(rec *checkpoint.Operation, now time.Time) {
	if r == nil {
		return
	}
	if rec.Status.Terminal() {
		rec.End = now.Truncate(time.Millisecond)
	}
	if rec.Kind == checkpoint.KindCallback && rec.CallbackID == "" {
		rec.CallbackID = "rehearsal:" + rec.ID
	}
}

// accept has the updates of a call accepted.
func (inv loop) accept(updates []checkpoint.Update) {
	inv.turn.Post(func() { onReply(inv.invocation, &reply{updates: updates}) })
}

// waitsForMore reports whether something waits that a real invocation could go on with, now or
// later.
func (inv *invocation) waitsForMore() bool {
	return inv.suspendable() || slices.ContainsFunc(inv.waits.bodies, func(w *bodyWait) bool { return !w.f.Dead() && !w.f.logOnly }) ||
		inv.end.root.any(func(f *fiber) bool { return !f.Dead() && !f.Gone() && f.wait.why == waitStopped })
}

// any reports whether something holds for the fiber or one that it has begun.
func (f *fiber) any(holds func(f *fiber) bool) bool {
	return holds(f) || slices.ContainsFunc(f.children, func(k *fiber) bool { return k.any(holds) })
}

// rehearsed is called when a rehearsal is at rest.
func (inv loop) rehearsed() {
	r := inv.Rehearsal
	if r.Waiting == nil {
		r.Waiting = placesOfRest(inv.invocation)
	}
	if inv.suppose() {
		return
	}
	if !r.checks {
		r.checks = true
		if inv.lookAhead() {
			return
		}
	}
	for _, s := range r.scopes {
		if !s.f.Dead() && s.compensated() {
			inv.doubt(divergence(s, notUndone(recordedUndo(s))))
		}
	}
	inv.endWith(Outcome{Status: checkpoint.OutcomePending})
}

// placesOfRest lists how the invocation has ended.
func placesOfRest(inv *invocation) []Place {
	var waits []*operation
	inv.end.root.each(func(f *fiber) {
		if f.Dead() || f.Gone() || f.logOnly {
			return
		}
		switch f.wait.why {
		case waitBody, waitRecord, waitID:
			waits = append(waits, f.wait.op)
		case waitNone, waitAck, waitEnd, waitDone, waitGate, waitChild, waitUndone, waitGone, waitCatchUp, waitLook, waitStopped, waitRoom, waitLeft:
		}
	})
	sort.SliceStable(waits, func(i, j int) bool { return waits[i].order < waits[j].order })
	places := make([]Place, len(waits))
	for i, o := range waits {
		places[i] = Place{Path: o.path(), Kind: o.kind, New: o.found == nil}
	}
	return places
}

// suppose opens branches before their time of which the log holds something: the batch has no room
// for them yet. It reports whether there were any.
func (inv loop) suppose() bool {
	if inv.log.AllClaimed() && !inv.anyRecorded() {
		return false
	}
	var batches []*batch
	inv.end.root.each(func(f *fiber) {
		if b := f.wait.batch; b != nil && !f.Dead() && f.wait.why == waitChild && !b.decided && !f.logOnly {
			batches = append(batches, b)
		}
	})
	opened := false
	for _, b := range batches {
		for _, k := range b.branches[b.next:] {
			if k.f != nil || k.done || k.supposed || k.left || !inv.holds(k) {
				continue
			}
			k.supposed, opened = true, true
			b.beginSupposed(k)
		}
	}
	return opened
}

// anyRecorded reports whether a branch that is not open has a record of its own.
func (inv loop) anyRecorded() bool {
	return inv.end.root.any(func(f *fiber) bool {
		b := f.wait.batch
		return b != nil && slices.ContainsFunc(b.branches[b.next:], func(k *branch) bool { return k.rec != nil && !k.supposed && !k.left })
	})
}

// holds reports whether the log holds anything of a branch.
func (inv loop) holds(k *branch) bool {
	if k.rec != nil {
		return true
	}
	return k.b.n.Flat && inv.log.Unclaimed(oplog.NewScope(k.id)) > 0
}

// beginSupposed begins a branch that its batch has no room for.
func (b *batch) beginSupposed(k *branch) {
	inv := b.s.inv
	if k.rec != nil && k.rec.Status.Terminal() && !k.rec.ReplayChildren {
		k.payload, k.failure, k.done = k.rec.Payload, k.rec.Failure, true
		return
	}
	if _, plain := k.plain(); plain && inv.Substitute != nil {
		k.n = inv.Substitute(k.path(), k.n)
	}
	k.f = inv.spawn(b.f, b, k.path(), k)
	k.f.supposed = true
	k.s = scopeOfBranch(k, k.rec != nil && k.rec.Status.Terminal())
	k.f.cancel = k.s.cancel
}

// lookAhead decodes the results that the code has not asked for yet, on a strand of its own. It
// reports whether there are any.
func (inv loop) lookAhead() bool {
	var todo []func(f *fiber)
	for _, s := range inv.Rehearsal.scopes {
		if s.f.Dead() || s.f.logOnly {
			continue
		}
		for _, o := range s.started {
			if o.done && !o.read && o.head != nil && !o.rec.Outside && o.rec.Err == nil && o.found != nil {
				todo = append(todo, func(f *fiber) { f.check(o.head, o.what, o.rec) })
			}
		}
	}
	inv.end.root.each(func(f *fiber) {
		b := f.wait.batch
		if b == nil || f.Dead() || f.logOnly || f.wait.why != waitChild {
			return
		}
		for _, k := range b.branches {
			if !k.done || k.left || k.failure != nil || node.FromOutside(k.n) {
				continue
			}
			todo = append(todo, func(f *fiber) {
				stopIfWithheld(b.s, &k.payload, k.path)
				of := b.largeResult(nil)
				of.Replayed = true
				f.check(k.head, k.n, branchResult(b.s, b.n, k, b.path(), of, k.endingAs(wire.BranchSucceeded)))
			})
		}
	})
	if len(todo) == 0 {
		return false
	}
	inv.spawn(inv.end.root, nil, "", funcs{func(f *fiber) {
		f.supposed = true
		for _, next := range todo {
			// Each on a strand of its own: what cannot be read parks it.
			inv.spawn(f, nil, "", funcs{next, func(error) {}})
		}
	}, func(error) {}})
	return true
}

// check decodes a result as far as its declared type says how: that of a batch by the types of its
// branches. n may be nil for an operation that is no batch.
func (f *fiber) check(h *node.Header, n node.Node, r node.Result) {
	if n != nil && r.Outcome != nil {
		if b, ok := node.Origin(n).(*node.Batch); ok {
			for _, it := range r.Outcome.Items {
				o := node.Side(childOf(f, b, it.Index), it.Result.Sides)
				if o != nil && it.Status == node.ItemSucceeded && it.Result.Target == nil && it.Result.Err == nil && !node.FromOutside(o) {
					f.check(o.Head(), o, it.Result)
				}
			}
			return
		}
	}
	if h.Check != nil {
		_, _ = f.call(ofResult, h.Name, func() (any, error) { return nil, h.Check.Check(r) })
	}
}

// stopIfWithheld parks for good if a payload is not known. path is asked for nothing else: most
// payloads are known.
func stopIfWithheld(s *scope, p node.Payload, path func() string) {
	payload, ok := p.(*checkpoint.Payload)
	if !ok {
		return
	}
	if why, unknown := payload.Withheld(); unknown {
		s.inv.Rehearsal.Doubts = append(s.inv.Rehearsal.Doubts, Doubt{Path: path(), Withheld: why})
		s.inv.running().stop(s)
	}
}

// stopIfClosed parks for good if a payload is sealed and its key is not to be had here: the
// execution may have it.
func stopIfClosed(s *scope, err error, m codec.Meta) {
	if err == nil {
		return
	}
	e, ok := errors.AsType[interface {
		error
		Closed() bool
	}](err)
	if !ok || !e.Closed() {
		return
	}
	s.inv.Rehearsal.Doubts = append(s.inv.Rehearsal.Doubts, Doubt{Path: pathOfMeta(s, m), Withheld: "it is sealed: " + err.Error()})
	s.inv.running().stop(s)
}

// stopIfUnknown parks for good if a batch is at its end and a result of its branches is not known.
func stopIfUnknown(b *batch) {
	for _, k := range b.branches {
		if k.counted {
			stopIfWithheld(b.s, &k.payload, k.path)
		}
	}
}

// decoded takes in what became of a payload. A strict codec refuses by itself what is lost.
func (r *Rehearsal) decoded(s *scope, c codec.Codec, m codec.Meta, payload []byte, v any) {
	plain, base, err := codec.Open(convertContext(s), c, m, payload)
	if err != nil || !codec.IsJSON(base) {
		return
	}
	var members []string
	for _, l := range lossless.Of(plain, v, lossless.Options{Nulls: m.Part == codec.PartInput}) {
		members = append(members, l.Path)
	}
	if len(members) > 0 || isNothing(bytes.TrimSpace(plain)) && lossless.Missing([]byte("{}"), v) != "" {
		r.lost(s, m, members, v)
	}
}

// isNothing reports whether a payload has nothing in it.
func isNothing(payload []byte) bool {
	text := string(payload[:min(len(payload), len("null")+1)])
	return text == "{}" || text == "null"
}

// lost notes what a value has lost; without members that nothing was recorded for it.
func (r *Rehearsal) lost(s *scope, m codec.Meta, members []string, v any) {
	loss := Loss{Path: pathOfMeta(s, m), Members: members, Type: fmt.Sprintf("%T", v)[1:]}
	if !slices.ContainsFunc(r.Losses, func(l Loss) bool {
		return l.Path == loss.Path && l.Type == loss.Type && slices.Equal(l.Members, loss.Members)
	}) {
		r.Losses = append(r.Losses, loss)
	}
}

// pathOfMeta is the path of an operation of the scope as far as a codec knows it.
func pathOfMeta(s *scope, m codec.Meta) string {
	name, key := m.OperationName, ""
	if rec, ok := s.inv.log.Get(m.OperationID); ok && name != "" {
		name, key = nameAndKey(rec)
	}
	if name == "" {
		return ""
	}
	return oplog.Path(s.path(), name, key, 0)
}

// unregistered takes in the identities of a recorded error.
func (r *Rehearsal) unregistered(cfg *Config, e *op.Error, known []codec.KnownError) {
	if !namesOwn(checkpoint.Kind(e.Kind)) {
		return
	}
	for _, id := range e.Identities {
		if _, ok := cfg.find(id.Name, known); !ok && !id.Passed {
			if u := (Unregistered{Path: e.Path, Name: id.Name}); !slices.Contains(r.Unregistered, u) {
				r.Unregistered = append(r.Unregistered, u)
			}
		}
	}
}

// Rehearse makes a rehearsal and returns how the invocation would have answered.
func Rehearse(ctx context.Context, cfg *Config, r Run) (Outcome, *Rehearsal) {
	c := *cfg
	c.Hold = true
	r.Rehearsal, r.Observer = &Rehearsal{}, nil
	o := Invoke(ctx, &c, r)
	r.Rehearsal.scopes = nil
	return o, r.Rehearsal
}
