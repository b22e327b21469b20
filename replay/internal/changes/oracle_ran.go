package changes

import "maps"

// Ran is what the log of an execution must hold at its end, and must not hold.
type Ran struct{ Must, MustNot map[string]bool }

// Ran lists what must have succeeded, and what must not have begun: the sides of declared changes
// that were not taken.
func (t Taken) Ran(program []*Stmt) Ran {
	r := running{t: t, Ran: Ran{make(map[string]bool), make(map[string]bool)}}
	r.list(program, "", false)
	maps.DeleteFunc(r.MustNot, func(_ string, is bool) bool { return !is })
	return r.Ran
}

// running finds out what runs.
type running struct {
	Ran

	t Taken
}

// list goes through statements of a scope, which fails by itself, and not because of a future, if
// fails is true: then what it has not awaited may not have ended.
func (r *running) list(list []*Stmt, scope string, fails bool) {
	for _, s := range list {
		switch s.Kind {
		case Future:
			r.future(s, scope, fails)
		case Declared:
			ran, not := r.sides(s)
			r.list(ran, scope, fails)
			for _, o := range not {
				r.MustNot[scope+o.ID()] = true
			}
		case Step, Flaky, Retry, Wait, Callback, Never, Invoke, Condition, Race, Map, Group, Open, Batch:
			r.operation(s, scope+s.ID(), scope+s.ID()+"/")
		case Await:
		}
	}
}

// future goes through what is started. Of what nothing awaits, a scope that does not fail waits for
// steps and groups: what the service ends is left behind.
func (r *running) future(s *Stmt, scope string, fails bool) {
	if !s.Forgotten {
		r.list(s.Body, scope, fails)
		return
	}
	if o := r.t.side(s.Body[0]); fails || o == nil || o.Kind == Wait || o.Kind == Invoke {
		return
	}
	r.list(s.Body, scope, fails)
}

func (r *running) operation(s *Stmt, own, inside string) {
	if own != "" && !s.Fails {
		r.Must[own] = true
	}
	switch s.Kind {
	case Group, Open:
		r.list(s.Body, inside, s.Fails && !s.Late)
	case Batch:
		for i, o := range s.Body {
			r.operand(s, o, i, own)
		}
	case Step, Flaky, Retry, Wait, Callback, Never, Invoke, Condition, Race, Map, Future, Await, Declared:
	}
}

// operand goes through the i-th operand of a batch.
func (r *running) operand(b, o *Stmt, i int, path string) {
	if o.Kind == Declared {
		ran, not := r.sides(o)
		for _, side := range ran {
			r.operand(b, side, i, path)
		}
		has := make(map[string]bool)
		for _, side := range claimed(ran) {
			has[spotOf(b, side, i, path).own] = true
		}
		for _, side := range not {
			at := spotOf(b, side, i, path)
			if at.own != "" {
				r.MustNot[at.own] = !has[at.own] // it has another key, which only records of branches show
				continue
			}
			for _, in := range claimed(side.Body) {
				r.MustNot[at.inside+in.ID()] = true
			}
		}
		return
	}
	if b.Fails || b.Rule.One() && !wins(o) {
		return // it may have been left behind
	}
	at := spotOf(b, o, i, path)
	r.operation(o, at.own, at.inside)
}

// sides are what runs of a declared change, and the operations that only the other side has.
func (r *running) sides(s *Stmt) (ran, not []*Stmt) {
	newer := r.t[s.Change] == TakesNew
	switch s.Form {
	case WasUndone:
		return s.Old, nil
	case Added, Bare:
		if newer {
			return s.New, nil
		}
		return nil, claimed(s.New)
	case Removed, Gone:
		switch r.t[s.Change] {
		case TakesNew:
			return nil, claimed(s.Old)
		case TakesOld:
			return nil, nil
		case TakesNeither:
		}
		return s.Old, nil
	case Replaced:
	}
	if newer {
		return s.New, without(claimed(s.Old), claimed(s.New))
	}
	return s.Old, without(claimed(s.New), claimed(s.Old))
}

// without are the operations of all that no operation of others has the ID of.
func without(all, others []*Stmt) (rest []*Stmt) {
	has := make(map[string]bool)
	for _, s := range others {
		has[s.ID()] = true
	}
	for _, s := range all {
		if !has[s.ID()] {
			rest = append(rest, s)
		}
	}
	return rest
}
