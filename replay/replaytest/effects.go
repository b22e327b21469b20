package replaytest

import (
	"context"
	"errors"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// effects is what Explore notes of an execution to judge what became of each operation with an
// Undo. The kit's lock guards it.
type effects struct {
	// undoable are the operations that were declared with an Undo, by path: that of the branch of a
	// batch if the operation is one, for then the batch compensates it.
	undoable map[string]*effect
	// made are the compensations that the kit has put in place of those that were declared.
	made     map[*node.Undo]bool
	branches map[string]branch
	batches  map[string]*batch
	groups   map[string]*group
	// ended are the operations of a scope whose end the code knows, past those of them after which
	// it has gone on.
	ended map[string][]string
	past  map[string]bool
	// undoes is how many compensations have succeeded.
	undoes int
	// failures are those that the log was given, texts the payloads that report a compensation.
	failures []report
	texts    []string
	// decided is the invocation in which a group or a batch ended, by ID.
	decided map[string]int
}

// effect is an operation with an Undo.
type effect struct {
	// path is where its Undo is registered, op where it runs itself, owner the scope or the batch
	// that compensates it.
	path, op, owner string
	attempted       bool
	// place is where it comes among those of its owner.
	place int
	// tried are the steps that have begun to compensate it, by ID, undone the runs of them that
	// succeeded.
	tried  []string
	undone []undone
}

// undone is a run of a compensation that succeeded.
type undone struct {
	id string
	// turn is where it comes among all that were undone.
	turn int
	gave []given
}

// given is what a compensation was given of an operation: of one of several if it undoes a batch.
type given struct {
	path    string
	payload string
	present bool
	// plain is the value as JSON, if the kit knows of which type it is.
	plain string
}

// branch is one operation of a batch.
type branch struct {
	batch string
	index int
	op    string
	// plain says that it is a group that runs in the branch itself, flat that the branch leaves no
	// record.
	plain, flat bool
}

// batch is what was seen of a batch.
type batch struct {
	branches map[int]string
	// limit says that it is an op.Timeout.
	limit bool
	// outcome is how it has ended, as the code that makes its result was last given it; nil if it
	// was not.
	outcome *node.Outcome
}

// group is what was seen of a group.
type group struct {
	// again says that it is an op.Retry.
	again bool
	// returned are the invocations in which its function returned a result, value the last one.
	returned []int
	value    any
}

func newEffects() *effects {
	return &effects{
		undoable: make(map[string]*effect), made: make(map[*node.Undo]bool), branches: make(map[string]branch),
		batches: make(map[string]*batch), groups: make(map[string]*group),
		ended: make(map[string][]string), past: make(map[string]bool), decided: make(map[string]int),
	}
}

// watch notes an operation that the code runs, and returns one that says what becomes of it. Nil
// notes nothing.
func (f *effects) watch(k *kit, c *course, path string, n node.Node) node.Node {
	if f == nil {
		return n
	}
	k.note(func() {
		scope := scopeOf(path)
		for _, earlier := range f.ended[scope] {
			f.past[earlier] = true
		}
		f.ended[scope] = nil
	})
	n = f.undo(k, n, &effect{path: path, op: path, owner: scopeOf(path)})
	switch n := n.(type) {
	case *node.Group:
		return f.group(k, c, path, n)
	case *node.Batch:
		return f.batch(k, path, n)
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Await, *node.Choice, *node.Inline:
	}
	return n
}

// undo has the Undo of an operation report when it runs, and what it is given.
func (f *effects) undo(k *kit, n node.Node, e *effect) node.Node {
	u := n.Head().Undo
	if _, await := n.(*node.Await); await || u == nil {
		return n // an Await claims nothing that could be undone
	}
	var made bool
	k.note(func() {
		if made = f.made[u]; made {
			return // in the branch of a batch, which compensates it
		}
		if was := f.undoable[e.path]; was != nil {
			e = was
			return
		}
		e.attempted = u.Attempted
		if _, isBranch := f.branches[e.path]; !isBranch {
			e.place = len(f.undoable)
		}
		f.undoable[e.path] = e
	})
	if made {
		return n
	}
	watched := &node.Undo{Attempted: u.Attempted, Step: func(r node.Result) *node.Step {
		st := u.Step(r)
		c := *st
		c.Body = &compensation{e: e, r: r, inner: st.Body}
		return &c
	}}
	k.note(func() { f.made[watched] = true })
	return node.With(n, func(h *node.Header) { h.Undo = watched })
}

// compensation is the body of an Undo.
type compensation struct {
	e     *effect
	r     node.Result
	inner node.Body
}

// Run implements node.Body.
func (c *compensation) Run(ctx context.Context) (any, error) { return c.inner.Run(ctx) }

// group has the function of a group report what it returns.
func (f *effects) group(k *kit, c *course, path string, n *node.Group) node.Node {
	k.note(func() {
		if f.groups[path] == nil {
			f.groups[path] = &group{again: n.SubType == subTypeRetry}
		}
	})
	told := *n
	told.Body = scopeBody(func(s node.Scope) (any, error) {
		v, err := n.Body.Run(s)
		if err == nil {
			k.note(func() {
				g := f.groups[path]
				g.returned, g.value = append(g.returned, c.invocation), v
			})
		}
		return v, err
	})
	return &told
}

// The sub-types of operations that are groups or batches, and that people think of as one
// operation.
const (
	subTypeRetry = "WithRetry"
	subTypeGroup = "RunInChildContext"
)

type scopeBody func(s node.Scope) (any, error)

// Run implements node.ScopeBody.
func (f scopeBody) Run(s node.Scope) (any, error) { return f(s) }

// batch has the branches of a batch report what becomes of them.
func (f *effects) batch(k *kit, path string, n *node.Batch) node.Node {
	k.note(func() {
		if f.batches[path] == nil {
			f.batches[path] = &batch{branches: make(map[int]string), limit: limits(n)}
		}
	})
	told := *n
	told.Child = func(i int) node.Node { return f.branch(k, path, n, i) }
	if n.Whole != nil {
		told.Whole = func(r node.Result) (any, error) {
			if r.Outcome != nil {
				k.note(func() { f.batches[path].outcome = r.Outcome })
			}
			return n.Whole(r)
		}
	}
	return &told
}

// limits reports whether a batch is an op.Timeout: an operation and its timer.
func limits(n *node.Batch) bool {
	const both = 2
	if n.N != both || !n.Flat || n.SubType != subTypeGroup {
		return false
	}
	w, ok := n.Child(1).(*node.Wait)
	return ok && strings.HasSuffix(w.Name, "-timer")
}

// branch makes the i-th operation of a batch.
func (f *effects) branch(k *kit, path string, n *node.Batch, i int) node.Node {
	o := n.Child(i)
	if o.Head().Err != nil {
		return o
	}
	at, inside := itemPath(path, n, o, i)
	k.note(func() {
		f.branches[at] = branch{batch: path, index: i, op: inside, plain: plainGroup(o), flat: n.Flat}
		f.batches[path].branches[i] = at
	})
	return f.undo(k, o, &effect{path: at, op: inside, owner: path, place: i})
}

// over notes an operation of which the code knows that it has ended. Called with the lock held.
func (f *effects) over(path string) {
	if f != nil {
		f.ended[scopeOf(path)] = append(f.ended[scopeOf(path)], path)
	}
}

// compensating notes the runs of a compensation.
func (f *effects) compensating(
	k *kit, c *compensation, inner func(context.Context) (any, error),
) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		info, _ := op.InfoFrom(ctx)
		gave := f.given(k, c.e.op, c.r)
		k.note(func() { c.e.tried = append(c.e.tried, info.ID) })
		v, err := inner(ctx)
		if err == nil {
			k.note(func() {
				f.undoes++
				c.e.undone = append(c.e.undone, undone{id: info.ID, turn: f.undoes, gave: gave})
			})
		}
		return v, err
	}
}

// given lists what a compensation is given: of a batch, the results of its branches.
func (f *effects) given(k *kit, path string, r node.Result) []given {
	if r.Outcome == nil {
		g := given{path: path}
		if r.Payload != nil {
			g.payload, g.present = string(recorded(r.Payload)), true
		}
		var value any
		k.note(func() {
			if seen := f.groups[path]; seen != nil {
				value = seen.value
			}
		})
		g.plain = plainOf(r, value)
		return []given{g}
	}
	var list []given
	for _, it := range r.Outcome.Items {
		var at string
		k.note(func() {
			if b := f.batches[path]; b != nil {
				at = f.branches[b.branches[it.Index]].op
			}
		})
		if at != "" && it.Status == node.ItemSucceeded {
			list = append(list, f.given(k, at, it.Result)...)
		}
	}
	return list
}

// recorded is a payload as it stands in the log.
func recorded(p node.Payload) []byte {
	if o, ok := p.(node.Opened); ok {
		return o.Recorded()
	}
	return p.Bytes()
}

// noted notes an update, as far as it reports compensations or of the end of a group. Called with
// the lock held.
func (f *effects) told(u checkpoint.Update, invocation int) {
	if u.Failure != nil {
		f.failures = append(f.failures, report{id: u.ID, name: u.Name, parent: u.ParentID, failure: *u.Failure})
	}
	if text := u.Payload.String(); strings.Contains(text, notKnown()) {
		f.texts = append(f.texts, text)
	}
	id := u.ID
	switch {
	case u.Kind == checkpoint.KindContext && u.Action != checkpoint.ActionStart:
	case u.Kind == checkpoint.KindStep && u.Name == settlement && u.ID == settlementOf(u.ParentID):
		id = u.ParentID // a batch says how it ends before it undoes what its losers did
	default:
		return
	}
	if f.decided[id] == 0 {
		f.decided[id] = invocation
	}
}

// settlement is the name of the record in which a batch says how it ends before it compensates.
const settlement = "outcome"

func settlementOf(batch string) string {
	return string(oplog.NewScope(oplog.UndoScope(batch)).AppendID(nil, settlement, "", 0))
}

// notKnown is how the message of an op.UndoError begins to list what it does not know of, as
// package op writes it: around the error, and in the result of code that has made a text of it, the
// message is all that is left.
func notKnown() string {
	const path = "\x00"
	before, _, _ := strings.Cut((&op.UndoError{Cause: errors.New(""), Unknown: []string{path}}).Error(), path)
	return before
}
