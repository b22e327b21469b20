package changes

import (
	"slices"
	"strings"
)

// Result is how an execution of the program ends.
func (t Taken) Result(program []*Stmt) string { return strings.Join(t.words(program), " ") }

func (t Taken) words(list []*Stmt) []string {
	var now, later []string
	for _, s := range list {
		switch {
		case s.Kind == Await:
			now, later = append(now, later...), nil
		case s.Kind == Future && s.Forgotten:
		case s.Kind == Future:
			later = append(later, t.words(s.Body)...)
		default:
			now = append(now, t.word(s)...)
		}
	}
	return append(now, later...)
}

// Skipped is how an added operation ends that an execution has gone past.
const Skipped = "~"

func (t Taken) word(s *Stmt) []string {
	if s.Kind != Declared {
		return []string{Value(s, func() []string {
			if s.Kind == Batch {
				return t.operands(s)
			}
			return t.words(s.Body)
		})}
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
	case Bare:
		if state == TakesNew {
			return t.words(s.New)
		}
		return nil
	case Removed, Gone:
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

// operands are how the operands of a batch ended, each with what it is, sorted: that they change
// places is no change of the result, that one gets the result of another one is.
func (t Taken) operands(b *Stmt) []string {
	var all []string
	for _, o := range b.Body {
		if b.Rule.One() && !wins(o) {
			continue
		}
		all = append(all, t.word(o)...)
	}
	if !b.Rule.Fixed() { // what was not there is absent
		all = slices.DeleteFunc(all, func(word string) bool { return word == Skipped })
	}
	slices.Sort(all)
	return all
}

// Value is how an operation ends; inner says it of the inside.
func Value(s *Stmt, inner func() []string) string {
	switch {
	case s.Fails:
		return s.Value() + "!"
	case s.Kind == Group, s.Kind == Open, s.Kind == Batch:
		return s.Value() + "(" + strings.Join(inner(), " ") + ")"
	case s.Kind == Map:
		return s.Value() + "(1 2 3)"
	}
	return s.Value()
}
