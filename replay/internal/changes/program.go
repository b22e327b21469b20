// Package changes has random programs, random declared changes of them, and how executions must end
// that begin with one and are ended by another. It is what tests judge the engine by, so it knows
// neither the engine nor the service: a program is data here, and so is what a log holds.
package changes

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is what a statement of a program is.
type Kind int

// The kinds of statements.
const (
	Step      Kind = iota // a step
	Flaky                 // a step whose first attempt fails
	Wait                  // a wait of an hour
	Callback              // a callback that is answered when it is submitted
	Invoke                // a call of another function
	Condition             // a condition that is met when it is checked for the second time
	Race                  // a race that a step wins against a wait
	Map                   // a map of three items with keys
	Group                 // a group of statements
	Future                // a statement that is started, and awaited at the end of the scope
	Declared              // a declared change
)

// Form is how a change is declared.
type Form int

// The forms.
const (
	Added Form = iota
	Removed
	Replaced
	WasUndone
)

// Stmt is a statement of a program.
type Stmt struct {
	Kind Kind
	// Name and Key identify it in its scope; Nth counts, from zero, those before it with the same
	// name.
	Name, Key string
	Nth       int
	// Undo compensates a step; Relaxed steps are not waited for.
	Undo, Relaxed bool
	// Body are the statements of a group, or the one of a future. Fails says that the group fails
	// at its end, Large that its result is too large for its record.
	Body         []*Stmt
	Fails, Large bool
	// Change is the number of a declared change, Form how it is declared; New and Old are its
	// sides.
	Change   int
	Form     Form
	New, Old []*Stmt
}

// String writes the program as a line.
func (s *Stmt) String() string {
	name := s.ID()
	if s.Undo {
		name += "u"
	}
	switch s.Kind {
	case Group:
		name += map[bool]string{true: "!"}[s.Fails] + map[bool]string{true: "*"}[s.Large]
		return name + "(" + Text(s.Body) + ")"
	case Future:
		return "go " + Text(s.Body)
	case Declared:
		return fmt.Sprintf("{%d: %s ← %s}", s.Change, orNothing(s.New), orNothing(s.Old))
	case Step, Flaky, Wait, Callback, Invoke, Condition, Race, Map:
	}
	return [...]string{"", "flaky:", "wait:", "callback:", "invoke:", "condition:", "race:", "map:"}[s.Kind] + name
}

func orNothing(list []*Stmt) string {
	if len(list) == 0 {
		return "∅"
	}
	return Text(list)
}

// Text writes a program as a line.
func Text(list []*Stmt) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = s.String()
	}
	return strings.Join(words, " ")
}

// ID is how the log names the statement in its scope.
func (s *Stmt) ID() string {
	id := s.Name
	if s.Key != "" {
		id += "[" + s.Key + "]"
	}
	if s.Nth > 0 {
		id += fmt.Sprintf("#%d", s.Nth)
	}
	return id
}

// Clone copies a program.
func Clone(list []*Stmt) []*Stmt {
	if list == nil {
		return nil
	}
	all := make([]*Stmt, len(list))
	for i, s := range list {
		c := *s
		c.Body, c.New, c.Old = Clone(s.Body), Clone(s.New), Clone(s.Old)
		all[i] = &c
	}
	return all
}

// Clean is the program without declarations: the code of today alone.
func Clean(list []*Stmt) []*Stmt {
	var all []*Stmt
	for _, s := range list {
		c := *s
		c.Body = Clean(s.Body)
		switch {
		case s.Kind == Future && len(c.Body) == 0: // what was started is removed
		case s.Kind != Declared:
			all = append(all, &c)
		case s.Form == WasUndone:
			for _, o := range Clean(s.Old) {
				o.Undo = false
				all = append(all, o)
			}
		default:
			all = append(all, Clean(s.New)...)
		}
	}
	return all
}

// Tolerant is the program before a change that endures what the program after it has begun: its
// sides are exchanged.
func Tolerant(list []*Stmt) []*Stmt {
	var all []*Stmt
	for _, s := range list {
		c := *s
		c.Body = Tolerant(s.Body)
		if s.Kind == Declared {
			switch s.Form {
			case WasUndone:
				all = append(all, Clone(s.Old)...)
				continue
			case Added:
				c.Form = Removed
			case Removed:
				c.Form = Added
			case Replaced:
			}
			c.New, c.Old = Clone(s.Old), Clone(s.New)
		}
		all = append(all, &c)
	}
	return all
}

// Nested reports whether a declared change is a side of another one.
func Nested(list []*Stmt) bool {
	in := func(side []*Stmt) bool {
		return Nested(side) || slices.ContainsFunc(side, func(s *Stmt) bool { return s.Kind == Declared })
	}
	return slices.ContainsFunc(list, func(s *Stmt) bool { return Nested(s.Body) || in(s.New) || in(s.Old) })
}
