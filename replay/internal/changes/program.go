// Package changes has random programs, random declared changes of them, and how executions must end
// that begin with one and are ended by another. It is what tests judge the engine by, so it knows
// neither the engine nor the service: a program is data here, and so is what a log holds.
package changes

import (
	"cmp"
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
	Retry                 // a retried operation whose first round fails
	Wait                  // a wait of an hour
	Callback              // a callback that is answered when it is submitted
	Never                 // a callback that is not answered
	Invoke                // a call of another function
	Condition             // a condition that is met when it is checked for the second time
	Race                  // a race that a step wins against a wait
	Map                   // a map of three items with keys
	Group                 // a group of statements
	Open                  // an open parallel of statements
	Batch                 // a batch of operands, see [Rule]
	Future                // a statement that is started, and awaited later
	Await                 // waits for what was started in the scope so far
	Declared              // a declared change
)

// String is the kind's name.
func (k Kind) String() string {
	return [...]string{
		"step", "step that is retried", "retry", "wait", "callback", "callback that is not answered", "invoke",
		"condition", "race", "map", "group", "open parallel", "batch", "future", "await", "declared change",
	}[k]
}

// Rule is what kind of batch a batch is.
type Rule int

// The rules of batches.
const (
	All Rule = iota
	Join
	Settled
	Any
	First  // a race
	Winner // a race that says who won
	Limit  // a time limit around its only operand
	Parallel
	FlatParallel
	Keyed // a map of items with keys
	FlatKeyed
	Indexed // a map of items without keys
)

// String is the rule's name.
func (r Rule) String() string {
	return [...]string{"All", "Join", "AllSettled", "Any", "Race", "RaceWinner", "Timeout", "Parallel", "flat Parallel", "Map with keys", "flat Map with keys", "Map without keys"}[r]
}

// Flat reports whether the branches of the batch have no records.
func (r Rule) Flat() bool { return r != Parallel && r != Keyed && r != Indexed }

// Fixed reports whether the batch must have a result of each operand.
func (r Rule) Fixed() bool { return r <= Limit }

// One reports whether the batch ends as one of its operands does.
func (r Rule) One() bool { return r == Any || r == First || r == Winner }

// OfItems reports whether an item's key, and not its name, identifies it.
func (r Rule) OfItems() bool { return r >= Keyed }

// Form is how a change is declared.
type Form int

// The forms.
const (
	Added Form = iota
	Removed
	Replaced
	WasUndone
	Gone // an operand that is an op.WithRemoved of the batch
	Bare // a branch that was added without a declaration, which a Map or Parallel permits
)

// String is the form's name.
func (f Form) String() string {
	return [...]string{"added", "removed", "replaced", "undone before", "gone", "added without a declaration"}[f]
}

// Stmt is a statement of a program.
type Stmt struct {
	Kind Kind
	// Name and Key identify it in its scope; Nth counts, from zero, those before it with the same
	// name. Says is what its body results in, if that is not its name.
	Name, Key, Says string
	Nth             int
	// Undo compensates what it has done; Relaxed steps are not waited for. Fixed ones are not to be
	// changed: how the scope ends depends on them.
	Undo, Relaxed, Fixed bool
	// Body are the statements of a group, the operands of a batch, or the one of a future. Fails
	// says that it fails at its end, Late that it does so because of a future that nothing awaits,
	// Loud that nothing catches that. Large says that its result is too large for its record,
	// Branch that it is a branch of an open parallel.
	Body                             []*Stmt
	Fails, Late, Loud, Large, Branch bool
	// Rule is that of a batch. Most is how many things may be open in it, or in an open parallel,
	// at once; zero is no bound. Wins says that an operand ends a batch that ends as one of them.
	Rule Rule
	Most int
	Wins bool
	// Forgotten says that nothing awaits a future.
	Forgotten bool
	// Change is the number of a declared change, Form how it is declared; New and Old are its
	// sides. Short says that it is written as Was or WasKey.
	Change   int
	Form     Form
	Short    bool
	New, Old []*Stmt
}

// String writes the program as a line.
func (s *Stmt) String() string {
	name := s.ID()
	if s.Undo {
		name += "u"
	}
	if s.Most > 0 {
		name += fmt.Sprintf("/%d", s.Most)
	}
	name += marks(map[string]bool{"!": s.Fails, "?": s.Late, "^": s.Loud, "*": s.Large, "+": s.Wins, "~": s.Relaxed})
	switch s.Kind {
	case Group:
		return name + "(" + Text(s.Body) + ")"
	case Open:
		return "open:" + name + "(" + Text(s.Body) + ")"
	case Batch:
		return strings.ReplaceAll(s.Rule.String(), " ", "-") + ":" + name + "(" + Text(s.Body) + ")"
	case Future:
		return map[bool]string{true: "forgotten ", false: "go "}[s.Forgotten] + Text(s.Body)
	case Await:
		return "await"
	case Declared:
		return fmt.Sprintf("{%d%s: %s ← %s}", s.Change, [...]string{"", "", "", " undone", " gone", " bare"}[s.Form], orNothing(s.New), orNothing(s.Old))
	case Step, Flaky, Retry, Wait, Callback, Never, Invoke, Condition, Race, Map:
	}
	return [...]string{"", "flaky:", "retry:", "wait:", "callback:", "never:", "invoke:", "condition:", "race:", "map:"}[s.Kind] + name
}

func marks(of map[string]bool) string {
	var has []string
	for mark, is := range of {
		if is {
			has = append(has, mark)
		}
	}
	slices.Sort(has)
	return strings.Join(has, "")
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

// Value is what the statement's body results in.
func (s *Stmt) Value() string { return cmp.Or(s.Says, s.Name) }

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
			case Removed, Gone:
				c.Form = Added
			case Bare:
				c.Form = Gone
			case Replaced:
			}
			c.New, c.Old = Clone(s.Old), Clone(s.New)
		}
		all = append(all, &c)
	}
	return all
}

// Tolerable reports whether Tolerant is for a program: no change is a side of another one, whose
// side before that change is not for Tolerant to say, no item without a key comes or goes, and no
// operand that loses and is undone returns: it may begin when its batch ends, and is unknown then.
func Tolerable(list []*Stmt) (is bool) {
	is = true
	Each(list, func(s *Stmt) {
		for _, o := range s.Body {
			is = is && (s.Rule != Indexed || s.Kind != Batch || o.Kind != Declared || o.Form == Replaced)
			if s.Kind == Batch && s.Rule.One() && o.Kind == Declared && o.Form == Gone {
				Each(o.Old, func(in *Stmt) { is = is && !in.Undo })
			}
		}
		declared := 0
		Each(s.New, func(o *Stmt) { declared += map[bool]int{true: 1}[o.Kind == Declared] })
		Each(s.Old, func(o *Stmt) { declared += map[bool]int{true: 1}[o.Kind == Declared] })
		is = is && declared == 0
	})
	return is
}

// Each calls f for each statement of a program, sides of declared changes included.
func Each(list []*Stmt, f func(*Stmt)) {
	for _, s := range list {
		f(s)
		Each(s.Body, f)
		Each(s.New, f)
		Each(s.Old, f)
	}
}
