package replay

import (
	"errors"
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// undo is an operation that is compensated if the scope that it belongs to fails.
type undo struct {
	s    *scope // where it was claimed, and where its compensation has its place
	head *node.Header
	n    node.Node
	id   string
	path string
	nth  int // occurrence
	// rec is what it came to, if that is known here; o stands for it if it was started.
	rec *node.Record
	o   *operation
	// end is its record, if the log shows that of its branch in its place; else nil.
	end *checkpoint.Operation
	// k is the branch whose operation it is; nil if it is that of a scope.
	k *branch
	// lost says that its result is not in the log and cannot be computed again.
	lost bool
}

var errLosers = errors.New("operations that lost could not be compensated")

// note takes in what a call has come to that claimed the operation.
func (u *undo) note(r node.Record, start bool) {
	if !start {
		u.rec = &r
		return
	}
	u.o, _ = r.Target.(*operation)
}

// compensate undoes what completed in an ordered scope that failed with err. Called without the
// lock, on the scope's goroutine.
func (s *scope) compensate(err error) error {
	if s.readOnly {
		return err
	}
	inv := s.inv
	inv.mu.Lock()
	s.t.check()
	s.undoing = true
	if len(s.undos) == 0 && len(s.groups) == 0 {
		s.undoScope().expect(nil)
		inv.mu.Unlock()
		return err
	}
	inv.drain(s.t, s)
	list := slices.Clone(s.undos)
	for _, o := range s.groups {
		if rec, ok := inv.log.Get(o.id); ok && !rec.Status.Terminal() {
			list = append(list, s.inside(s.t, o)...)
		}
	}
	inv.fetch(s.t, list)
	if anyOpen(list) {
		for _, o := range s.fibres {
			if o.t != nil {
				o.t.outlast(s.t)
			}
		}
	}
	inv.mu.Unlock()
	result := &op.UndoError{Cause: err}
	if s.undoAll(list, nil, result); complete(result) {
		return err
	}
	return result
}

// inside lists what completed inside a group or batch that was abandoned. Called with the lock
// held, by the goroutine t.
func (s *scope) inside(t *task, o *operation) []undo {
	switch n := o.n.(type) {
	case *node.Group:
		return s.inv.probe(t, s.newScope(nil, o, true), func(h *handle) (any, error) { return n.Body.Run(h) }).found
	case *node.Batch:
		kids, err := prepare(n)
		if err != nil {
			return nil
		}
		b := &batch{operation: o, n: n, kids: kids, t: t, in: s.newScope(t, o, false)}
		b.declare()
		b.settlement()
		return b.undos(func(*branch) bool { return true })
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Await, nil:
	}
	return nil
}

// compensate undoes what a batch must take back before its end is recorded: all that completed if
// it failed, else what its losers did. How the batch has ended is recorded before: the next
// invocation must not find another winner when this one has begun to undo the losers. Called
// without the lock, on the batch's goroutine.
//
// A batch that succeeded without losers takes nothing back, and its end travels with those of its last
// branches: only what is to be undone must be durable first.
func (b *batch) compensate(e *envelope) error {
	if !b.settled && !e.Failed && !slices.ContainsFunc(b.kids, func(k *branch) bool { return !k.counted }) {
		return nil
	}
	inv := b.s.inv
	inv.mu.Lock()
	b.t.check()
	inv.drain(b.t, b.s)
	lost := func(k *branch) bool { return e.Failed || !k.counted }
	list := b.undos(lost)
	inv.fetch(b.t, list)
	if !b.settled && slices.ContainsFunc(list, func(u undo) bool { return u.step() != nil || u.unknown() }) {
		inv.awaitAck(b.t, b.s, b.operation, b.settle(e))
	}
	if anyOpen(list) {
		for _, k := range b.kids {
			if k.t != nil {
				k.t.outlast(b.t)
			}
		}
	}
	rest := b.undos(func(k *branch) bool { return !lost(k) })
	inv.fetch(b.t, rest)
	inv.mu.Unlock()
	if !b.settled {
		return nil
	}
	result := &op.UndoError{Cause: errLosers}
	if e.Failed {
		result.Cause = b.cause(e)
	}
	b.in.undoAll(list, rest, result)
	if complete(result) {
		return nil
	}
	b.in.undoAll(rest, nil, result) // now the batch has failed: nothing of it stays
	return result
}

// complete reports whether everything was taken back.
func complete(e *op.UndoError) bool { return len(e.Failed) == 0 && len(e.Unknown) == 0 }

// cause is the error that a failed batch gives its caller.
func (b *batch) cause(e *envelope) error {
	r := b.s.dress(b.n, b.path(), b.large(e.encode()))
	_, err := guard(func() (any, error) { return b.n.Whole(r) })
	return err
}

// undos lists what may be compensated in branches. Called with the lock held.
func (b *batch) undos(of func(k *branch) bool) []undo {
	var list []undo
	for _, k := range b.kids {
		if k.b == nil { // never started
			k.b = b
		}
		if of(k) {
			list = append(list, k.undos()...)
		}
	}
	return list
}

// undos lists what a branch did that may be compensated: its operation, and, if that was
// abandoned, what completed inside. Called with the lock held.
func (k *branch) undos() []undo {
	inv := k.b.s.inv
	_, plain := k.plain()
	flat := k.b.n.Flat
	id := k.id
	if !plain || flat {
		id = string(checkpoint.NewScope(k.id).AppendID(nil, k.n.Head().Name, "", 0))
	}
	end := k.over()
	own := undo{s: k.b.in, head: k.head, n: k.n, id: id, path: k.path(), end: end, k: k}
	if k.indexed {
		own.nth = k.index
	}
	if flat && !plain {
		own.k = nil // it has a record of its own
	}
	var list []undo
	recorded := end != nil || !plain || !flat // a flat group has no record
	if k.head.Undo != nil && recorded {
		list = append(list, own)
	}
	rec, ok := inv.log.Get(k.id)
	if k.counted || (!flat && (!ok || rec.Status.Terminal())) {
		return list
	}
	p := inv.probe(k.b.t, k.scope(false), k.look)
	if k.head.Undo == nil || recorded {
		return append(list, p.found...)
	}
	if p.ended && p.err == nil && !inv.undone(k.id) {
		// It has done all that it does, though the batch did not count it: now its own Undo stands for it.
		if payload, err := k.encoded(k.b.t, p.v); err == nil {
			own.end = &checkpoint.Operation{ID: k.id, Kind: checkpoint.KindContext, Status: checkpoint.StatusSucceeded, Payload: payload}
			return append(list, own)
		}
	}
	if k.head.Undo.Attempted && (k.b.n.MaxOpen == 0 || k.index < k.b.next) {
		own.end = &checkpoint.Operation{ID: k.id, Kind: checkpoint.KindContext, Status: checkpoint.StatusStarted}
		list = append(list, own)
	}
	return append(list, p.found...)
}

// over is how the branch ended, as a record of its operation: the log does not show what is below
// a branch that has ended. It is nil for a branch that has not, or that the batch did not count
// although it leaves no record.
func (k *branch) over() *checkpoint.Operation {
	end := &checkpoint.Operation{ID: k.id, Kind: kindOf(k.n), Status: checkpoint.StatusSucceeded}
	rec, ok := k.b.s.inv.log.Get(k.id)
	switch {
	case k.counted, k.done && !k.b.n.Flat:
		end.Payload, end.Failure = k.payload, k.failure
	case ok && rec.Status.Terminal():
		end.Payload, end.Failure, end.ReplayChildren = rec.Payload, rec.Failure, rec.ReplayChildren
		if rec.Status != checkpoint.StatusSucceeded && end.Failure == nil {
			end.Failure = &checkpoint.Failure{}
		}
	default:
		return nil
	}
	if end.Failure != nil {
		end.Status = checkpoint.StatusFailed
	}
	return end
}

// drain parks until everything that is queued is durable. Called with the lock held.
func (inv *invocation) drain(t *task, s *scope) {
	inv.writer.Flush()
	inv.awaitAck(t, s, nil, inv.writer.Added())
}

// undoAll runs the compensations of a scope, the last operation first, each as a step of a virtual
// scope below the scope of its operation, and adds what came of them to result. Those of later may
// be in the log as well. Called without the lock, on the scope's goroutine.
//
// What is to be undone is decided by the log. An operation that was abandoned may have ended since
// the last invocation, so the virtual scopes are not ordered: what has a record is not run again,
// and a record of a compensation that the code does not ask for is a divergence.
func (s *scope) undoAll(list, later []undo, result *op.UndoError) {
	places := map[string]*scope{s.ids.ID(): s.undoScope()}
	steps := make([]*node.Step, len(list))
	s.inv.mu.Lock()
	for i := range slices.Backward(list) {
		u := &list[i]
		if steps[i] = u.step(); steps[i] != nil {
			s.place(places, u).ask(steps[i], u.nth)
		} else if u.unknown() {
			result.Unknown = append(result.Unknown, u.path)
		}
	}
	for i := range later {
		if st := later[i].step(); st != nil {
			s.place(places, &later[i]).ask(st, later[i].nth)
		}
	}
	for _, in := range places {
		in.expect(in.expected)
	}
	s.inv.mu.Unlock()
	for i := range slices.Backward(list) {
		if steps[i] == nil {
			continue
		}
		in := s.place(places, &list[i])
		in.next(steps[i], list[i].nth)
		if r := (&handle{s: in, ctx: s.ctx}).Run(steps[i]); r.Err != nil {
			result.Failed = append(result.Failed, r.Err)
			continue
		}
		result.Undone = append(result.Undone, list[i].path)
	}
}

// place returns the virtual scope of the compensation of u, which s carries out.
func (s *scope) place(places map[string]*scope, u *undo) *scope {
	id := u.s.ids.ID()
	in := places[id]
	if in == nil {
		in = u.s.undoScope()
		in.t, in.ctx, in.cancel, in.parent = s.t, s.ctx, s.cancel, s
		places[id] = in
	}
	return in
}

// ask notes that the code asks for a compensation.
func (s *scope) ask(st *node.Step, nth int) { s.expected = append(s.expected, s.undoID(st, nth)) }

// undoScope is the virtual scope of the scope's compensations.
func (s *scope) undoScope() *scope {
	return &scope{
		inv: s.inv, parent: s, t: s.t, ids: checkpoint.NewScope(checkpoint.UndoScope(s.ids.ID())), real: s.real,
		path: s.path, ctx: s.ctx, cancel: s.cancel, known: s.known, slots: s.slots, now: s.now, virtual: true,
		unseen: slices.Clip(s.unseen),
	}
}

// undoID is the ID of a compensation. Its occurrence is that of its operation: it must not depend
// on what else is compensated.
func (s *scope) undoID(st *node.Step, nth int) string {
	return string(s.ids.AppendID(nil, st.Name, st.Key, nth))
}

// next has the next operation of this name and key claimed as the nth.
func (s *scope) next(st *node.Step, nth int) {
	s.seen.set(identity{st.Name, st.Key}, nth)
}

// expect sees whether the log holds compensations that are not among the expected ones.
func (s *scope) expect(expected []string) {
	if s.unclaimed() == 0 {
		return
	}
	for _, rec := range s.inv.log.UnclaimedRecords(s.ids) {
		if !slices.Contains(expected, rec.ID) {
			s.diverge(notUndone(recorded(&rec)))
		}
	}
}

// notUndone describes a compensation that is in the log and that the code has no reason for.
func notUndone(what string) *DivergedError {
	return &DivergedError{
		Reason: "the scope had failed and was being compensated, but now the code does not come to that failure: " +
			"an error or panic that does not come again on a replay is not deterministic",
		Log:  what,
		Code: "no such compensation",
	}
}

// step is the step that compensates an operation; nil if there is nothing to compensate. Called
// with the lock held.
func (u *undo) step() *node.Step {
	rec := u.find()
	if rec == nil || u.lost || (rec.Status != checkpoint.StatusSucceeded && !u.head.Undo.Attempted) {
		return nil
	}
	r := node.Record{}
	if rec.Status == checkpoint.StatusSucceeded {
		r = u.record(rec)
	}
	if r.Err != nil && !u.head.Undo.Attempted { // a batch that failed: its own affair
		return nil
	}
	st := u.head.Undo.Step(r)
	st.Key = u.head.Key
	return st
}

// open reports whether the body of an operation that will be undone may be running.
func (u *undo) open() bool {
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

// record is what the operation came to.
func (u *undo) record(rec *checkpoint.Operation) node.Record {
	switch {
	case u.rec != nil:
		return *u.rec
	case u.o != nil && u.o.done:
		return u.o.rec
	}
	return u.s.dress(u.n, u.path, u.s.terminal(u.head, u.nth, rec, true))
}

// unknown reports whether nobody knows if an operation had its effect.
func (u *undo) unknown() bool {
	rec := u.find()
	if rec == nil {
		return false
	}
	if u.lost {
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
		return errors.Is(u.s.failed(u.head, u.nth, rec), op.ErrInterrupted)
	case checkpoint.StatusSucceeded:
	}
	return false
}
