package changes

import (
	"slices"
	"strings"
)

// Log is what a log holds: paths of operations. A path is made of the IDs of statements.
type Log struct {
	// Begun are all operations, Ended those that have ended, Succeeded those that succeeded.
	Begun, Ended, Succeeded map[string]bool
}

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

// Taken is what an execution does at each declared change, by number.
type Taken map[int]State

// Decide says what an execution does, whose log was this when a program was deployed, at the
// changes that are new in it.
func (t Taken) Decide(program []*Stmt, log Log) { t.decide(program, place{log: log}) }

// place is where in a program statements are.
type place struct {
	log   Log
	scope string  // the path of the scope, with a slash
	after []*Stmt // those behind them
	// ended says that the scope's code does not run again, rerun that it does so only to compute a
	// large result.
	ended, rerun bool
}

// decide goes through statements of a scope.
func (t Taken) decide(list []*Stmt, at place) {
	for i, s := range list {
		in := at
		in.after = slices.Concat(list[i+1:], at.after)
		switch s.Kind {
		case Group:
			path := at.scope + s.ID()
			in.scope, in.after = path+"/", nil
			in.ended = at.ended || at.log.Ended[path] && !s.Large
			in.rerun = at.rerun || at.log.Ended[path]
			t.decide(s.Body, in)
		case Future:
			t.decide(s.Body, in)
		case Declared:
			t.decide(s.Old, in) // first: what it is decides what there was to begin
			if _, known := t[s.Change]; !known {
				t[s.Change] = t.stateOf(s, in)
			}
			t.decide(s.New, in)
		case Step, Flaky, Wait, Callback, Invoke, Condition, Race, Map:
		}
	}
}

// stateOf says what an execution does at a declared change that is deployed now.
func (t Taken) stateOf(s *Stmt, at place) State {
	scope, log := at.scope, at.log
	if at.ended {
		return TakesNeither
	}
	is := map[bool]State{true: TakesOld, false: TakesNew}
	if s.Form == WasUndone {
		return is[log.Begun[scope+undoOf(s.Old[0])]]
	}
	if first, ok := t.first(s.Old); ok {
		return is[log.Begun[scope+first]]
	}
	if at.rerun {
		return TakesOld
	}
	for id := range claimed(at.after) {
		if log.Begun[scope+id] {
			return TakesOld
		}
	}
	for path := range log.Begun {
		if rest, ok := strings.CutPrefix(path, scope); ok && !strings.Contains(rest, "/") && strings.HasSuffix(rest, undoSuffix) {
			return TakesOld
		}
	}
	return TakesNew
}

// first is what statements begin with; false if that is nothing.
func (t Taken) first(list []*Stmt) (id string, ok bool) {
	for _, s := range list {
		switch {
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

// claimed are the operations that statements may begin in their scope.
func claimed(list []*Stmt) map[string]bool {
	all := make(map[string]bool)
	var add func([]*Stmt)
	add = func(list []*Stmt) {
		for _, s := range list {
			switch s.Kind {
			case Future:
				add(s.Body)
			case Declared:
				add(s.New)
				add(s.Old)
			case Step, Flaky, Wait, Callback, Invoke, Condition, Race, Map, Group:
				all[s.ID()] = true
			}
		}
	}
	add(list)
	return all
}

const undoSuffix = "-undo"

func undoOf(s *Stmt) string {
	c := *s
	c.Name += undoSuffix
	return c.ID()
}

// Result is how an execution of the program ends.
func (t Taken) Result(program []*Stmt) string { return strings.Join(t.words(program), " ") }

func (t Taken) words(list []*Stmt) []string {
	var now, later []string
	for _, s := range list {
		if s.Kind == Future {
			later = append(later, t.words(s.Body)...)
			continue
		}
		now = append(now, t.word(s)...)
	}
	return append(now, later...)
}

// Skipped is how an added operation ends that an execution has gone past.
const Skipped = "~"

func (t Taken) word(s *Stmt) []string {
	if s.Kind != Declared {
		return []string{Value(s, func() string { return t.Result(s.Body) })}
	}
	state := t[s.Change]
	switch s.Form {
	case Added:
		switch state {
		case TakesNew:
			return t.words(s.New)
		case TakesOld:
			return []string{Skipped}
		case TakesNeither:
			return nil
		}
	case Removed:
		if state == TakesNeither {
			return t.words(s.Old)
		}
		return nil
	case Replaced:
		if state == TakesNew {
			return t.words(s.New)
		}
	case WasUndone:
	}
	return t.words(s.Old)
}

// Value is how an operation ends; inner says it of the inside of a group.
func Value(s *Stmt, inner func() string) string {
	switch {
	case s.Kind == Group && s.Fails:
		return s.Name + "!"
	case s.Kind == Group:
		return s.Name + "(" + inner() + ")"
	case s.Kind == Map:
		return s.Name + "(1 2 3)"
	}
	return s.Name
}

// Undone lists the compensations of an execution, whose log is this at its end.
func (t Taken) Undone(program []*Stmt, log Log) map[string]bool {
	all := make(map[string]bool)
	t.undone(program, "", false, log, all)
	return all
}

func (t Taken) undone(list []*Stmt, scope string, fails bool, log Log, all map[string]bool) {
	for _, s := range list {
		state := t[s.Change]
		switch s.Kind {
		case Group:
			t.undone(s.Body, scope+s.ID()+"/", s.Fails, log, all)
		case Future:
			t.undone(s.Body, scope, fails, log, all)
		case Declared:
			switch {
			case s.Form == WasUndone && state == TakesNew:
			case s.Form == Removed && state == TakesOld:
				o := t.leaf(s.Old)
				if o != nil && o.Kind == Group {
					kept(scope+o.ID()+"/", log, all)
				}
				if fails && o != nil && o.Undo && log.Succeeded[scope+o.ID()] {
					all[scope+undoOf(o)] = true
				}
			case s.Form == Removed && state == TakesNew, s.Form == Added && state != TakesNew:
			case state == TakesNew && s.Form != WasUndone:
				t.undone(s.New, scope, fails, log, all)
			default:
				t.undone(s.Old, scope, fails, log, all)
			}
		case Step, Flaky, Wait, Callback, Invoke, Condition, Race, Map:
			if fails && s.Undo && s.Kind == Step {
				all[scope+undoOf(s)] = true
			}
		}
	}
}

// kept adds the compensations inside a group that does not run any more: those that there are.
func kept(scope string, log Log, all map[string]bool) {
	for path, ok := range log.Succeeded {
		if last := path[strings.LastIndex(path, "/")+1:]; ok && strings.HasPrefix(path, scope) && strings.Contains(last, undoSuffix) {
			all[path] = true
		}
	}
}

// leaf is the operation that an old side is; nil if it is none.
func (t Taken) leaf(list []*Stmt) *Stmt {
	if len(list) != 1 {
		return nil
	}
	s := list[0]
	switch {
	case s.Kind != Declared:
		return s
	case s.Form == Added && t[s.Change] != TakesNew, s.Form == Removed:
		return nil
	case s.Form == WasUndone:
		c := *s.Old[0]
		c.Undo = t[s.Change] != TakesNew
		return &c
	case t[s.Change] == TakesNew:
		return t.leaf(s.New)
	}
	return t.leaf(s.Old)
}
