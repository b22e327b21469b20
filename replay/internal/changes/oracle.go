package changes

import (
	"fmt"
	"slices"
)

// State is what an execution does at a declared change.
type State int

// The states.
const (
	// TakesNew: it had not come there when the change was deployed.
	TakesNew State = iota
	// TakesOld: it had begun what was there before, or had gone past it.
	TakesOld
	// TakesNeither: it had ended the scope, whose code does not run again.
	TakesNeither
)

// String is the state's name.
func (s State) String() string { return [...]string{"new", "old", "neither"}[s] }

// Taken is what an execution does at each declared change, by number.
type Taken map[int]State

// Decide says what an execution does, whose log was this when a program was deployed, at the
// changes that are new in it. It returns what kinds of cases these were.
func (t Taken) Decide(program []*Stmt, log Log) (cases []string) {
	d := decision{t: t, log: log}
	d.scope(program, place{all: program})
	return d.cases
}

// decision decides the changes that are new in a program.
type decision struct {
	t     Taken
	log   Log
	cases []string
}

// scope goes through statements of an ordered scope.
func (d *decision) scope(list []*Stmt, at place) {
	for i, s := range list {
		in := at
		in.after = slices.Concat(list[i+1:], at.after)
		switch s.Kind {
		case Group, Open:
			d.scope(s.Body, at.into(s, d.log))
		case Batch:
			d.batch(s, at)
		case Future:
			d.scope(s.Body, in)
		case Declared:
			d.scope(s.Old, in) // first: what it is decides what there was to begin
			if _, known := d.t[s.Change]; !known {
				d.t[s.Change] = d.inOrder(s, in)
				d.cases = append(d.cases, fmt.Sprintf("in order, %s: %s", s.Form, d.t[s.Change]))
			}
			d.scope(s.New, in)
		case Step, Flaky, Retry, Wait, Callback, Never, Invoke, Condition, Race, Map, Await:
		}
	}
}

// inOrder says what an execution does at a declared change of an ordered scope.
func (d *decision) inOrder(s *Stmt, at place) State {
	log := d.log
	if at.ended {
		return TakesNeither
	}
	is := map[bool]State{true: TakesOld, false: TakesNew}
	if s.Form == WasUndone {
		return is[log.Begun[at.scope+undoOf(s.Old[0])]]
	}
	if first, ok := d.t.first(s.Old); ok {
		return is[log.Begun[at.scope+first]]
	}
	if at.rerun {
		return TakesOld
	}
	passed := slices.ContainsFunc(claimed(at.after), func(s *Stmt) bool { return log.Begun[at.scope+s.ID()] })
	undone := slices.ContainsFunc(claimed(at.all), func(s *Stmt) bool { return log.Begun[at.scope+undoOf(s)] })
	return is[passed || undone]
}

// first is what statements begin with; false if that is nothing.
func (t Taken) first(list []*Stmt) (id string, ok bool) {
	for _, s := range list {
		switch {
		case s.Kind == Await:
		case s.Kind == Future:
			id, ok = t.first(s.Body)
		case s.Kind != Declared:
			return s.ID(), true
		case s.Form == WasUndone, t[s.Change] != TakesNew && s.Form != Added:
			id, ok = t.first(s.Old)
		case t[s.Change] == TakesNew && s.Form != Removed:
			id, ok = t.first(s.New)
		}
		if ok {
			return id, true
		}
	}
	return "", false
}

// batchAt is a batch and what the log holds of it.
type batchAt struct {
	place
	*Stmt
	path string
	// begun says that it has a record, decided that how it ends is in the log.
	begun, decided bool
}

// batch goes through the operands of a batch.
func (d *decision) batch(s *Stmt, at place) {
	b := batchAt{Stmt: s, place: at, path: at.scope + s.ID()}
	b.begun = d.log.Begun[b.path]
	b.decided = d.log.Ended[b.path] || d.log.Succeeded[b.path+"/outcome"]
	for i, o := range s.Body { // all of them first: it depends on them what is run again of each
		d.operand(o, i, b)
	}
	for i, o := range s.Body {
		d.inside(o, i, b)
	}
}

// operand decides which side of a declared change an operand is.
func (d *decision) operand(o *Stmt, i int, b batchAt) {
	if o.Kind != Declared {
		return
	}
	for _, old := range o.Old {
		d.operand(old, i, b)
	}
	if _, known := d.t[o.Change]; !known {
		d.t[o.Change] = d.beside(o, i, b)
		how := map[bool]string{true: "decided", false: "open"}[b.decided]
		if !b.begun {
			how = "not begun"
		}
		d.cases = append(d.cases, fmt.Sprintf("operand of a batch that is %s, %s: %s", how, o.Form, d.t[o.Change]))
	}
	for _, newer := range o.New {
		d.operand(newer, i, b)
	}
}

// inside goes through what is inside an operand of a batch.
func (d *decision) inside(o *Stmt, i int, b batchAt) {
	switch o.Kind {
	case Declared:
		for _, side := range slices.Concat(o.Old, o.New) {
			d.inside(side, i, b)
		}
	case Group:
		// The code of a branch runs again after the batch has ended if its result is needed, and
		// neither the record of the batch nor that of the branch holds it.
		at := spotOf(b.Stmt, o, i, b.path)
		again := d.t.large(b.Stmt) && (b.Rule.Flat() || o.Large)
		d.scope(o.Body, place{
			scope: at.inside, all: o.Body,
			ended: b.ended || d.log.Ended[at.own] && !o.Large || b.decided && !again,
			rerun: b.rerun || d.log.Ended[at.own] || b.decided,
		})
	case Open:
		at := spotOf(b.Stmt, o, i, b.path)
		d.scope([]*Stmt{at.bare}, place{scope: at.scope, all: []*Stmt{at.bare}, ended: b.ended || b.decided, rerun: b.rerun || b.decided})
	case Batch: // how it ended is decoded by the code of today wherever it is passed on
		at := spotOf(b.Stmt, o, i, b.path)
		d.scope([]*Stmt{at.bare}, place{scope: at.scope, all: []*Stmt{at.bare}, ended: b.ended, rerun: b.rerun})
	case Step, Flaky, Retry, Wait, Callback, Never, Invoke, Condition, Race, Map, Future, Await:
	}
}

// beside says what an execution does at a declared change of an operand.
func (d *decision) beside(o *Stmt, i int, b batchAt) State {
	is := map[bool]State{true: TakesOld, false: TakesNew}
	switch {
	case b.ended, o.Form == WasUndone && d.log.Ended[b.path]:
		return TakesNeither
	case o.Form == WasUndone:
		return is[d.log.Begun[spotOf(b.Stmt, o.Old[0], i, b.path).undo]]
	case !b.begun:
		return TakesNew
	case b.decided:
		return TakesOld
	}
	for _, old := range o.Old {
		if side := d.t.side(old); side != nil && d.log.holds(b.Stmt, side, i, b.path) {
			return TakesOld
		}
	}
	return TakesNew
}

// side is the operation that a statement is, given what an execution does; nil if it is none.
func (t Taken) side(s *Stmt) *Stmt {
	if s.Kind != Declared {
		return s
	}
	list := s.Old
	switch state := t[s.Change]; {
	case s.Form == WasUndone:
		c := *s.Old[0]
		c.Undo = state != TakesNew
		return &c
	case s.Form == Removed, s.Form == Gone, (s.Form == Added || s.Form == Bare) && state != TakesNew:
		return nil
	case state == TakesNew:
		list = s.New
	}
	if len(list) != 1 {
		return nil
	}
	return t.side(list[0])
}

// large reports whether the result of an operand is too large for the record of its batch.
func (t Taken) large(s *Stmt) bool {
	switch {
	case s.Kind == Group:
		return s.Large
	case s.Kind != Batch:
		return false
	}
	return slices.ContainsFunc(s.Body, func(o *Stmt) bool {
		side := t.side(o)
		return side != nil && (!s.Rule.One() || wins(o)) && t.large(side)
	})
}

// wins reports whether an operand, or a side of it, ends a batch that ends as one of them.
func wins(o *Stmt) bool {
	return o.Wins || slices.ContainsFunc(o.New, wins) || slices.ContainsFunc(o.Old, wins)
}
