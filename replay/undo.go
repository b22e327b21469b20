package replay

import (
	"errors"
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// undo is an operation that is compensated if its scope fails.
type undo struct {
	s    *scope // where it was claimed
	n    node.Node
	id   string
	path string
}

// errLargeUndo is the error of an undo that needs a result which is not in the log.
var errLargeUndo = errors.New("replay: the result to undo was too large for the log: " +
	"use UndoAttempted, which needs none, or keep the result below 256 KiB")

var errLosers = errors.New("operations that lost could not be compensated")

// compensate undoes what completed in an ordered scope that failed with err. Called without the
// lock, on the scope's goroutine.
func (s *scope) compensate(err error) error {
	if s.readOnly || len(s.undos) == 0 && len(s.groups) == 0 {
		return err
	}
	s.inv.mu.Lock()
	s.t.check()
	s.inv.drain(s.t, s)
	list := s.undos
	for _, g := range s.groups {
		list = append(list, s.inside(g)...)
	}
	s.inv.mu.Unlock()
	return s.undoAll(list, err)
}

// inside lists what completed inside an abandoned group that the scope had started.
func (s *scope) inside(o *operation) []undo {
	rec, ok := s.inv.log.Get(o.id)
	g, group := o.n.(*node.Group)
	if !ok || rec.Status.Terminal() || !group {
		return nil
	}
	in := s.newScope(nil, o, true)
	return s.inv.probe(s.t, in, func(h *handle) { _, _ = g.Body.Run(h) })
}

// compensate undoes what a batch must take back before its end is recorded: all that completed if
// it failed, else what its losers did. Called without the lock, on the batch's goroutine.
func (b *batch) compensate(e *envelope) error {
	inv := b.s.inv
	inv.mu.Lock()
	b.t.check()
	inv.drain(b.t, b.s)
	var list []undo
	for _, k := range b.kids {
		if k.b == nil { // never started
			k.b = b
		}
		if e.Failed || !k.counted {
			list = append(list, k.undos()...)
		}
	}
	inv.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	cause := errLosers
	if e.Failed {
		cause = b.cause(e)
	}
	err := b.in.undoAll(list, cause)
	if err == cause { //nolint:errorlint // unchanged: everything was undone
		return nil
	}
	return err
}

// cause is the error that a failed batch gives its caller.
func (b *batch) cause(e *envelope) error {
	r := b.s.dress(b.n, b.path(), b.large(e.encode()))
	_, err := guard(func() (any, error) { return b.n.Whole(r) })
	return err
}

// undos lists what a branch did that may be compensated: its operation, and, if that is a group
// which was abandoned, what completed inside. Called with the lock held.
func (k *branch) undos() []undo {
	inv := k.b.s.inv
	var list []undo
	id := k.id
	if _, plain := k.plain(); !plain || k.b.n.Flat {
		id = string(checkpoint.NewScope(k.id).AppendID(nil, k.n.Head().Name, "", 0))
	}
	if k.head.Undo != nil {
		n := node.With(k.n, func(h *node.Header) { *h = *k.head })
		list = append(list, undo{s: k.b.in, n: n, id: id, path: k.path()})
	}
	g, plain := k.plain()
	rec, ok := inv.log.Get(k.id)
	if !plain || k.counted || (!k.b.n.Flat && (!ok || rec.Status.Terminal())) {
		return list
	}
	in := k.scope(false)
	return append(list, inv.probe(k.b.t, in, func(h *handle) { _, _ = g.Body.Run(h) })...)
}

// drain parks until everything that is queued is durable. Called with the lock held.
func (inv *invocation) drain(t *task, s *scope) {
	inv.writer.Flush()
	inv.awaitAck(t, s, nil, inv.writer.Added())
}

// undoAll runs the compensations of a scope, the last operation first, each as a step of a virtual
// scope below it. It returns err, or, if not all was taken back, an [op.UndoError]. Called without
// the lock, on the scope's goroutine.
//
// What is to be undone is decided by the log. An operation that was abandoned may have ended since
// the last invocation, so the virtual scope is not ordered: what has a record is not run again,
// and a record of a compensation that the code does not ask for is a divergence.
func (s *scope) undoAll(list []undo, err error) error {
	us := s.undoScope()
	var steps []*node.Step
	var paths []string
	result := &op.UndoError{Cause: err}
	s.inv.mu.Lock()
	for _, u := range slices.Backward(list) {
		switch step := s.undoStep(u); {
		case step != nil:
			steps, paths = append(steps, step), append(paths, u.path)
		case s.unknown(u):
			result.Unknown = append(result.Unknown, u.path)
		}
	}
	us.expect(steps)
	s.inv.mu.Unlock()
	for i, step := range steps {
		if r := (&handle{s: us, ctx: s.ctx}).Run(step); r.Err != nil {
			result.Failed = append(result.Failed, r.Err)
			continue
		}
		result.Undone = append(result.Undone, paths[i])
	}
	s.inv.mu.Lock()
	s.now = us.now
	s.inv.mu.Unlock()
	if len(result.Failed) == 0 && len(result.Unknown) == 0 {
		return err
	}
	return result
}

// undoScope is the virtual scope of the scope's compensations.
func (s *scope) undoScope() *scope {
	return &scope{
		inv: s.inv, parent: s, t: s.t, ids: checkpoint.NewScope(checkpoint.UndoScope(s.ids.ID())), real: s.real,
		path: s.path, ctx: s.ctx, cancel: s.cancel, known: s.known, slots: s.slots, now: s.now,
	}
}

// expect sees whether the log holds compensations that are not among the steps.
func (s *scope) expect(steps []*node.Step) {
	if s.unclaimed() == 0 {
		return
	}
	expected := make(map[string]bool, len(steps))
	seen := make(map[identity]int)
	for _, st := range steps {
		key := identity{st.Name, st.Key}
		expected[string(s.ids.AppendID(nil, st.Name, st.Key, seen[key]))] = true
		seen[key]++
	}
	for _, rec := range s.inv.log.UnclaimedRecords(s.ids) {
		if !expected[rec.ID] {
			s.diverge(&DivergedError{
				Reason: "the scope was being compensated, and the code does not ask for a compensation that has been recorded",
				Log:    recorded(&rec), Code: "other compensations",
			})
		}
	}
}

// undoStep is the step that compensates an operation; nil if there is nothing to compensate.
// Called with the lock held.
func (s *scope) undoStep(u undo) *node.Step {
	rec, ok := s.inv.log.Get(u.id)
	h := u.n.Head()
	switch {
	case !ok, rec.Status != checkpoint.StatusSucceeded && !h.Undo.Attempted:
		return nil
	case rec.Status != checkpoint.StatusSucceeded:
		return h.Undo.Step(node.Record{})
	case rec.ReplayChildren:
		return h.Undo.Step(node.Record{Err: errLargeUndo})
	}
	return h.Undo.Step(u.s.dress(u.n, u.path, u.s.terminal(h, 0, rec, true)))
}

// unknown reports whether nobody knows if an operation had its effect.
func (s *scope) unknown(u undo) bool {
	rec, ok := s.inv.log.Get(u.id)
	if !ok {
		return false
	}
	switch rec.Status {
	case checkpoint.StatusStarted:
		return rec.Kind == checkpoint.KindStep || rec.Kind == checkpoint.KindChainedInvoke
	case checkpoint.StatusTimedOut, checkpoint.StatusStopped, checkpoint.StatusCancelled:
		return rec.Kind == checkpoint.KindChainedInvoke
	case checkpoint.StatusFailed:
		return errors.Is(s.failed(u.n.Head(), 0, rec), op.ErrInterrupted)
	case checkpoint.StatusPending, checkpoint.StatusReady, checkpoint.StatusSucceeded:
	}
	return false
}
