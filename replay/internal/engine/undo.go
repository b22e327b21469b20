package engine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// saga is what a scope must take back if it fails.
type saga struct {
	undos []undo   // in the order of claims
	inner []opened // scopes inside that have not ended, in the order in which they were opened
	// undoing says that the scope has failed and is being compensated.
	undoing bool
	// report says that the error names what was compensated, also if that was all.
	report bool
	ids    *oplog.Scope // of the compensations, made when they are needed
	// expected are the compensations that the code asks for; of the scope of compensations alone.
	expected []string
}

// opened is a scope inside another one that has not ended.
type opened struct {
	s  *scope
	b  *batch // whose inside it is; nil for a group
	at int    // how many undos the outer scope had then
}

func (g *saga) add(u undo) { g.undos = append(g.undos, u) }

// note takes in how a call has ended that claimed the operation of the n-th undo.
func (g *saga) note(n int, r node.Result, start bool) {
	u := &g.undos[n]
	if u.rec != nil || u.o != nil || isRemoved(r) {
		return // it is that of an operation inside a declared change, or the log alone has how it ended
	}
	if start {
		u.o, _ = r.Target.(*operation)
		return
	}
	rec := r // not &r, for which every call would allocate
	u.rec = &rec
}

func (g *saga) opens(in *scope) { g.inner = append(g.inner, opened{s: in, at: len(g.undos)}) }

func (g *saga) closes(in *scope) {
	g.inner = slices.DeleteFunc(g.inner, func(o opened) bool { return o.s == in })
}

// claimedIn lists what was claimed in the scope and in all that is open inside it and that may be
// compensated, in the order of the claims.
func claimedIn(s *scope) []undo {
	var list []undo
	from := 0
	for _, o := range s.saga.inner {
		list = append(list, s.saga.undos[from:o.at]...)
		from = o.at
		if s.inv.recorded(o.s.ids.ID()) {
			continue // it has ended, and its fiber was ended before it knew: what is inside stays, or was undone
		}
		if o.b != nil {
			list = append(list, undosOfBatch(o.b, func(*branch) bool { return true })...)
		} else {
			list = append(list, claimedIn(o.s)...)
		}
	}
	return append(list, s.saga.undos[from:]...)
}

// undo is an operation that is compensated if the scope that it belongs to fails.
type undo struct {
	s    *scope // where it was claimed, and where its compensation has its place
	head *node.Header
	n    node.Node
	id   string
	path string
	nth  int // occurrence
	// rec is how it ended, if that is known here; o stands for it if it was started.
	rec *node.Result
	o   *operation
	// boundTo is the ID that its payload is written under, if it is not that of its record.
	boundTo string
	// end is its record, if the log shows that of its branch in its place; else nil.
	end *checkpoint.Operation
}

var errLosers = errors.New("operations that lost could not be compensated")

// compensate undoes what completed in an ordered scope that failed with err.
func compensate(s *scope, err error) error {
	if s.readOnly {
		return err
	}
	f := s.f
	s.saga.undoing = true
	var futures []*fiber
	for _, o := range s.started {
		if o.f != nil && !o.f.Gone() {
			futures = append(futures, o.f)
		}
	}
	f.leaveBehind(s, futures)
	list := claimedIn(s)
	for _, k := range futures {
		k.End(false)
	}
	if len(list) == 0 {
		expectUndos(undoScopeOf(s), nil)
		return err
	}
	f.drain(s)
	list = claimedIn(s)
	if slices.ContainsFunc(list, func(u undo) bool { return u.mayBeRunning() }) {
		for _, k := range futures {
			f.awaitGone(k)
		}
	}
	result := &op.UndoError{Cause: err}
	undoAll(s, list, nil, result)
	if complete(result) && (!s.saga.report || len(result.Undone) == 0) {
		return err
	}
	return withInner(result)
}

// withInner adds to what came of the compensations of a scope what came of those of the scopes
// inside whose errors made it fail: what was undone there came first.
func withInner(e *op.UndoError) *op.UndoError {
	all := &op.UndoError{Cause: e.Cause}
	add := func(inner *op.UndoError) {
		for _, err := range inner.Failed {
			if !slices.ContainsFunc(all.Failed, func(have error) bool { return sameFailure(have, err) }) {
				all.Failed = append(all.Failed, err)
			}
		}
		all.Undone = addNew(all.Undone, inner.Undone)
		all.Unknown = addNew(all.Unknown, inner.Unknown)
	}
	walk(e.Cause, func(e error, _ []error) {
		if inner, ok := e.(*op.UndoError); ok { //nolint:errorlint // the walk looks at each error by itself
			add(inner)
		}
	})
	add(e)
	return all
}

func addNew(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// sameFailure reports whether two errors are that of one compensation.
func sameFailure(a, b error) bool {
	x, ok := a.(*op.Error)   //nolint:errorlint // of a compensation itself
	y, also := b.(*op.Error) //nolint:errorlint // as above
	return ok && also && x.Path == y.Path && x.Message == y.Message
}

// leaveBehind lets fibers that are about to be ended go as far as the log reaches: what an earlier
// invocation has done in them is to be undone, too.
func (f *fiber) leaveBehind(s *scope, fs []*fiber) {
	if len(fs) == 0 || f.inv.log.AllClaimed() {
		return
	}
	for _, k := range fs {
		k.each(func(k *fiber) { k.logOnly = true })
	}
	f.catchUp(s, fs)
	f.catchUp(s, openIn(s))
}

// openIn begins to go into branches that batches inside the scope have not admitted this time: a
// batch whose bound or order has changed may have had no room for one that the log holds. It
// returns the fibers that do; what is inside the scope is about to be left behind.
func openIn(s *scope) (fs []*fiber) {
	for _, o := range s.saga.inner {
		switch {
		case o.b == nil:
			fs = append(fs, openIn(o.s)...)
		case o.b.decided, o.b.leaving, o.b.recomputing, o.b.f == nil:
		default:
			o.b.leaving = true
			for _, k := range o.b.branches {
				if k.s != nil && !k.done {
					fs = append(fs, openIn(k.s)...)
				}
			}
			fs = append(fs, o.b.look()...)
		}
	}
	return fs
}

// catchUp parks until fibers that only look have gone as far as the log reaches.
func (f *fiber) catchUp(s *scope, fs []*fiber) {
	if len(fs) > 0 {
		f.inv.waits.catchUps = append(f.inv.waits.catchUps, f)
		f.park(wait{why: waitCatchUp, s: s, behind: fs})
	}
}

// unsettled reports whether the fiber, or one that it has begun, will go on by itself.
func (f *fiber) unsettled() bool {
	if f.Dead() || f.Gone() {
		return false
	}
	return f.moving || f.wait.why == waitCatchUp || slices.ContainsFunc(f.children, (*fiber).unsettled)
}

// complete reports whether everything was taken back.
func complete(e *op.UndoError) bool { return len(e.Failed) == 0 && len(e.Unknown) == 0 }

// undoAll runs the compensations of a scope, the last operation first, each as a step of a virtual
// scope below the scope of its operation, and adds what came of them to result. Those of later may
// be in the log as well.
//
// What is to be undone is decided by the log. An operation that was abandoned may have ended since
// the last invocation, so the virtual scopes are not ordered: what has a record is not run again,
// and a record of a compensation that the code does not ask for is a divergence.
func undoAll(s *scope, list, later []undo, result *op.UndoError) {
	places := map[string]*scope{s.ids.ID(): undoScopeOf(s)}
	steps := make([]*node.Step, len(list))
	for i := range slices.Backward(list) {
		u := &list[i]
		if steps[i] = u.step(); steps[i] != nil {
			expectUndo(undoPlace(s, places, u), steps[i], u.nth)
		} else if u.unknown() {
			result.Unknown = append(result.Unknown, u.path)
		}
	}
	for i := range later {
		if st := later[i].step(); st != nil {
			expectUndo(undoPlace(s, places, &later[i]), st, later[i].nth)
		}
	}
	for _, in := range places {
		expectUndos(in, in.saga.expected)
	}
	ctx, cancel := s.untilTheInvocationEnds()
	defer cancel()
	for i := range slices.Backward(list) {
		if steps[i] == nil {
			continue
		}
		in := undoPlace(s, places, &list[i])
		if other := s.inv.waits.undoing[undoID(in, steps[i], list[i].nth)]; other != nil {
			s.f.awaitGone(other)
			s.f.drain(s)
		}
		claimNextAs(in, steps[i], list[i].nth)
		if r := in.call(ctx, steps[i], false); r.Err != nil {
			result.Failed = append(result.Failed, placed(in, steps[i], list[i].nth, r.Err))
			continue
		}
		result.Undone = append(result.Undone, list[i].path)
	}
}

// placed is the error of a compensation with its path, as the log keeps it.
func placed(s *scope, st *node.Step, nth int, err error) error {
	e, ok := err.(*op.Error) //nolint:errorlint // one that it wraps is that of another operation
	if ok && e.Path != "" {
		return err
	}
	path := s.pathOf(&st.Header, nth)
	return &op.Error{
		Name: st.Name, Path: path, Kind: string(checkpoint.KindStep), Type: TypeName(err), Message: err.Error(), Known: []error{err},
	}
}

// untilTheInvocationEnds returns the context of the scope without its end: what takes back is not
// asked to stop when the scope is left behind, for it goes on then.
func (s *scope) untilTheInvocationEnds() (ctx context.Context, cancel func()) {
	ctx, end := context.WithCancelCause(context.WithoutCancel(s.ctx))
	stop := context.AfterFunc(s.inv.ctx, func() { end(context.Cause(s.inv.ctx)) })
	return ctx, func() { stop(); end(errEnded) }
}

// undoPlace returns the virtual scope of the compensation of u, which s carries out.
func undoPlace(s *scope, places map[string]*scope, u *undo) *scope {
	id := u.s.ids.ID()
	in := places[id]
	if in == nil {
		in = undoScopeOf(u.s)
		in.ctx, in.cancel, in.outer = s.ctx, s.cancel, s
		in.sit(s.f)
		places[id] = in
	}
	return in
}

// expectUndo notes that the code asks for a compensation.
func expectUndo(s *scope, st *node.Step, nth int) {
	s.saga.expected = append(s.saga.expected, undoID(s, st, nth))
}

// undoScopeOf is the virtual scope of the scope's compensations.
func undoScopeOf(s *scope) *scope {
	in := &scope{inv: s.inv, outer: s, kind: undoScope, location: s.location, time: scopeTime{now: s.time.now, unseen: slices.Clip(s.time.unseen)}}
	in.ids = undoIDs(s)
	in.sit(s.f)
	return in
}

// undoIDs is the scope of the IDs of the scope's compensations.
func undoIDs(s *scope) oplog.Scope {
	if s.saga.ids == nil {
		ids := oplog.NewScope(oplog.UndoScope(s.ids.ID()))
		s.saga.ids = &ids
	}
	return *s.saga.ids
}

// undoID is the ID of a compensation. Its occurrence is that of its operation: it must not depend
// on what else is compensated.
func undoID(s *scope, st *node.Step, nth int) string {
	return string(s.ids.AppendID(nil, st.Name, st.Key, nth))
}

// claimNextAs has the next operation of this name and key claimed as the nth.
func claimNextAs(s *scope, st *node.Step, nth int) {
	s.seen.set(identity{st.Name, st.Key}, nth)
}

// expectUndos sees whether the log holds compensations that are not among the expected ones.
func expectUndos(s *scope, expected []string) {
	if s.unclaimed() == 0 {
		return
	}
	for _, rec := range s.inv.log.UnclaimedRecords(s.ids) {
		if !slices.Contains(expected, rec.ID) {
			s.diverge(notUndone(recorded(&rec)))
		}
	}
}

// step is the step that compensates an operation; nil if there is nothing to compensate.
func (u *undo) step() *node.Step {
	rec := u.find()
	if rec == nil || neverBegan(rec, u.id) || u.lost(rec) || (rec.Status != checkpoint.StatusSucceeded && !u.head.Undo.Attempted) {
		return nil
	}
	r := node.Result{}
	if rec.Status == checkpoint.StatusSucceeded {
		r = u.record(rec)
	}
	if r.Err != nil && !u.head.Undo.Attempted { // a batch that failed: its own affair
		return nil
	}
	st := u.head.Undo.Step(r)
	st.Key = u.head.Key
	if u.head.Undo.Past && !u.begun(st) {
		return nil
	}
	if r := u.s.inv.Rehearsal; r != nil && u.head.Undo.Past {
		r.Decisions = append(r.Decisions, Decision{Path: u.path, As: "WasUndone", Side: OldSide, Name: st.Name})
	}
	return st
}

// begun reports whether the log holds the compensation.
func (u *undo) begun(st *node.Step) bool {
	ids := undoIDs(u.s)
	_, ok := u.s.inv.log.Get(string(ids.AppendID(nil, st.Name, st.Key, u.nth)))
	return ok
}

// lost reports whether the result of an operation is needed that is not in the log and was not
// computed again.
func (u *undo) lost(rec *checkpoint.Operation) bool {
	return rec.Status == checkpoint.StatusSucceeded && rec.ReplayChildren && u.rec == nil && (u.o == nil || !u.o.done)
}

// neverBegan reports whether a record says that the body of a step never began, or that there was
// no room for the operation with this ID: the failure of what is inside another operation may say
// so of itself.
func neverBegan(rec *checkpoint.Operation, id string) bool {
	if rec.Status != checkpoint.StatusFailed || rec.Failure == nil {
		return false
	}
	var refused countError
	return slices.ContainsFunc(identitiesOf(rec.Failure), func(known op.Identity) bool {
		switch known.Name {
		case builtinName("NotBegun"):
			return true
		case builtinName("Refused"):
			return json.Unmarshal([]byte(known.Data), &refused) == nil && refused.Operation == id
		}
		return false
	})
}

// mayBeRunning reports whether the body of an operation that will be undone may be running.
func (u *undo) mayBeRunning() bool {
	rec := u.find()
	return u.head.Undo.Attempted && rec != nil && rec.Status == checkpoint.StatusStarted
}

// find returns the record of the operation; nil if there is none.
func (u *undo) find() *checkpoint.Operation {
	if u.end != nil {
		return u.end
	}
	rec, ok := u.s.inv.log.Get(u.id)
	if !ok {
		return nil
	}
	return rec
}

// record is how the operation ended.
func (u *undo) record(rec *checkpoint.Operation) node.Result {
	switch {
	case u.rec != nil:
		return *u.rec
	case u.o != nil && u.o.done:
		return u.o.rec
	}
	return addBatchOutcome(u.s, u.n, func() string { return u.path }, resultOf(u.s, u.head, u.meta(rec), u.nth, rec, true))
}

// meta says which payload codecs are given of how the operation ended.
func (u *undo) meta(rec *checkpoint.Operation) codec.Meta {
	m := metaIn(u.s, u.n, rec)
	if u.boundTo != "" {
		m.OperationID = u.boundTo
	}
	return m
}

// unknown reports whether it is not known if an operation had its effect.
func (u *undo) unknown() bool {
	rec := u.find()
	if rec == nil || u.head.Undo.Past {
		return false
	}
	if u.lost(rec) {
		return true
	}
	if u.head.Undo.Inner && rec.Kind == checkpoint.KindContext {
		return false // what is inside says it itself
	}
	switch rec.Status {
	case checkpoint.StatusStarted:
		return rec.Kind == checkpoint.KindStep || rec.Kind == checkpoint.KindChainedInvoke
	case checkpoint.StatusTimedOut, checkpoint.StatusStopped, checkpoint.StatusCancelled:
		return rec.Kind == checkpoint.KindChainedInvoke
	case checkpoint.StatusFailed, checkpoint.StatusPending, checkpoint.StatusReady:
		return errors.Is(failureOf(u.s, u.head, u.meta(rec), u.nth, rec), op.ErrInterrupted)
	case checkpoint.StatusSucceeded:
	}
	return false
}
