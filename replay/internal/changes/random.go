package changes

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Maker makes random programs and random changes of them. All names that it gives are different,
// but those of statements that are meant to repeat one.
type Maker struct {
	r       *rand.Rand
	names   int
	changes int
}

// NewMaker returns a Maker that makes the same of the same seed.
func NewMaker(seed uint64) *Maker { return &Maker{r: rand.New(rand.NewPCG(seed, 18))} }

// Rand is what the Maker draws from.
func (m *Maker) Rand() *rand.Rand { return m.r }

func (m *Maker) name() string {
	m.names++
	return fmt.Sprintf("n%d", m.names)
}

// Program makes a program.
func (m *Maker) Program() []*Stmt { return m.list(2+m.r.IntN(5), 2, true) }

func (m *Maker) list(n, depth int, futures bool) []*Stmt {
	var list []*Stmt
	for range n {
		switch draw := m.r.IntN(100); {
		case draw < 20 && depth > 0:
			g := &Stmt{Kind: Group, Name: m.name(), Fails: m.r.IntN(3) == 0}
			g.Body = m.list(1+m.r.IntN(4), depth-1, true)
			if g.Fails {
				for _, s := range g.Body {
					s.Undo = s.Undo || s.Kind == Step && !m.repeated(g.Body, s)
				}
			} else {
				g.Large = m.r.IntN(12) == 0
			}
			list = append(list, g)
		case draw < 28 && futures:
			list = append(list, &Stmt{Kind: Future, Body: []*Stmt{m.plain()}})
		case draw < 38:
			name := m.name()
			for i := range 2 + m.r.IntN(2) {
				list = append(list, &Stmt{Kind: Step, Name: name, Nth: i})
			}
		default:
			list = append(list, m.plain())
		}
	}
	return list
}

// plain makes an operation that is no group.
func (m *Maker) plain() *Stmt {
	s := &Stmt{Kind: Step, Name: m.name()}
	switch draw := m.r.IntN(100); {
	case draw < 50:
		s.Undo, s.Relaxed = m.r.IntN(3) == 0, m.r.IntN(8) == 0
	case draw < 70:
		s.Kind = Wait
	default:
		s.Kind = []Kind{Flaky, Callback, Invoke, Condition, Race, Map}[m.r.IntN(6)]
	}
	return s
}

// scope is a list of statements that a change can be made in.
type scope struct {
	list  *[]*Stmt
	depth int
}

// scopesOf lists the scopes of a program that are code of today.
func scopesOf(list *[]*Stmt, depth int) []scope {
	all := []scope{{list, depth}}
	for _, s := range *list {
		switch {
		case s.Kind == Group:
			all = append(all, scopesOf(&s.Body, depth+1)...)
		case s.Kind == Declared && s.Form != Removed:
			for _, inner := range s.New {
				if inner.Kind == Group {
					all = append(all, scopesOf(&inner.Body, depth+1)...)
				}
			}
		}
	}
	return all
}

// Change makes a random declared change.
func (m *Maker) Change(program []*Stmt) []*Stmt {
	for {
		changed := Clone(program)
		scopes := scopesOf(&changed, 0)
		if at := scopes[m.r.IntN(len(scopes))]; m.change(at) {
			return changed
		}
	}
}

func (m *Maker) declare(f Form, newer, older []*Stmt) *Stmt {
	m.changes++
	return &Stmt{Kind: Declared, Change: m.changes, Form: f, New: newer, Old: older}
}

// change makes a change in a scope; false if the one that was drawn cannot be made there.
func (m *Maker) change(at scope) bool {
	list := *at.list
	draw := m.r.IntN(11)
	if draw == 0 || len(list) == 0 {
		return m.insert(at)
	}
	i := m.r.IntN(len(list))
	s := list[i]
	switch draw {
	case 1:
		return m.round(at, i)
	case 2, 3:
		return m.remove(at, i)
	case 4:
		return m.replace(at, i, i+1, func([]*Stmt) []*Stmt { return []*Stmt{m.copyOf(s, func(c *Stmt) { c.Name = m.name() })} })
	case 5: // wrapped
		return m.replace(at, i, m.end(list, i), func(old []*Stmt) []*Stmt { return []*Stmt{{Kind: Group, Name: m.name(), Body: Clean(old)}} })
	case 6: // unwrapped
		if s.Kind != Group || s.Fails || s.Large || slices.ContainsFunc(s.Body, func(b *Stmt) bool { return b.Kind == Future || b.Nth > 0 }) || repeats(s.Body) {
			return false
		}
		return m.replace(at, i, i+1, func([]*Stmt) []*Stmt { return Clean(s.Body) })
	case 7: // split
		return m.replace(at, i, i+1, func([]*Stmt) []*Stmt { return []*Stmt{m.plain(), m.plain()} })
	case 8: // merged
		return m.replace(at, i, m.end(list, i), func([]*Stmt) []*Stmt { return []*Stmt{m.plain()} })
	case 9: // another kind, or a key
		if s.Kind != Step || s.Nth > 0 || m.repeated(list, s) {
			return false
		}
		return m.replace(at, i, i+1, func([]*Stmt) []*Stmt {
			if m.r.IntN(2) == 0 {
				return []*Stmt{m.copyOf(s, func(c *Stmt) { c.Key = "k" + m.name() })}
			}
			return []*Stmt{{Kind: Group, Name: s.Name, Key: s.Key, Body: []*Stmt{m.plain()}}}
		})
	default: // swapped, or an Undo removed
		if s.Undo && s.Kind == Step && s.Nth == 0 && m.r.IntN(2) == 0 {
			list[i] = m.declare(WasUndone, nil, []*Stmt{s})
			return true
		}
		return m.replace(at, i, i+2, func(old []*Stmt) []*Stmt {
			c := Clean(old)
			slices.Reverse(c)
			return c
		})
	}
}

// copyOf is the operation that is code of today with another identity; nil if it is no single step.
func (m *Maker) copyOf(s *Stmt, change func(*Stmt)) *Stmt {
	c := Clean([]*Stmt{s})
	if len(c) != 1 {
		return m.plain()
	}
	change(c[0])
	c[0].Nth = 0
	return c[0]
}

func repeats(list []*Stmt) bool {
	return slices.ContainsFunc(list, func(s *Stmt) bool {
		return slices.ContainsFunc(list, func(o *Stmt) bool { return o != s && o.Name != "" && o.Name == s.Name })
	})
}

// repeated reports whether the name of s is that of another statement.
func (m *Maker) repeated(list []*Stmt, s *Stmt) bool {
	return slices.ContainsFunc(list, func(o *Stmt) bool { return o != s && o.Name == s.Name })
}

// end is how far a change of several statements from i on goes.
func (m *Maker) end(list []*Stmt, i int) int { return min(len(list), i+1+m.r.IntN(3)) }

// again inserts a step that has the name of another one, which was inserted before it.
func (m *Maker) again(at scope) bool {
	list := *at.list
	for i, s := range list {
		if s.Kind != Declared || s.Form != Added || s.New[0].Kind != Step || s.New[0].Key != "" || looped(s) || m.shares(list, s) || i+1 == len(list) {
			continue
		}
		to := i + 2 + m.r.IntN(len(list)-i-1)
		if to > len(list) || to < len(list) && list[to].Nth > 0 {
			continue
		}
		*at.list = slices.Insert(list, to, m.declare(Added, []*Stmt{{Kind: Step, Name: s.New[0].Name, Nth: 1}}, nil))
		return true
	}
	return false
}

// shares reports whether a declared change has the name of another statement.
func (m *Maker) shares(list []*Stmt, s *Stmt) bool {
	return slices.ContainsFunc(list, func(o *Stmt) bool {
		return o != s && slices.ContainsFunc(slices.Concat(s.New, s.Old), func(in *Stmt) bool { return in.Name != "" && (o.Name == in.Name || names(o, in.Name)) })
	})
}

func (m *Maker) insert(at scope) bool {
	if m.r.IntN(3) == 0 && m.again(at) {
		return true
	}
	s := m.list(1, max(0, 2-at.depth), false)
	if len(s) != 1 {
		return false
	}
	i := m.r.IntN(len(*at.list) + 1)
	if i < len(*at.list) && (*at.list)[i].Nth > 0 {
		return false
	}
	added := m.declare(Added, s, nil)
	if m.r.IntN(5) == 0 && s[0].Kind != Group {
		added = &Stmt{Kind: Future, Body: []*Stmt{added}}
	}
	*at.list = slices.Insert(*at.list, i, added)
	return true
}

// round changes how often a name repeats, which stands at i.
func (m *Maker) round(at scope, i int) bool {
	list := *at.list
	s := list[i]
	if s.Kind != Step || s.Key != "" || !m.repeated(list, s) || slices.ContainsFunc(list, func(o *Stmt) bool { return names(o, s.Name) && o.Kind == Declared }) {
		return false
	}
	last := i
	for last+1 < len(list) && list[last+1].Name == s.Name {
		last++
	}
	if m.r.IntN(2) == 0 {
		*at.list = slices.Insert(list, last+1, m.declare(Added, []*Stmt{{Kind: Step, Name: s.Name, Nth: list[last].Nth + 1}}, nil))
		return true
	}
	list[last] = m.declare(Removed, nil, []*Stmt{list[last]})
	return true
}

// names reports whether a declared change is one of a name.
func names(s *Stmt, name string) bool {
	of := func(o *Stmt) bool { return o.Name == name || names(o, name) }
	return slices.ContainsFunc(s.New, of) || slices.ContainsFunc(s.Old, of)
}

// single reports whether a statement is one operation, or a declared change of such.
func single(s *Stmt) bool {
	if s.Kind != Declared {
		return s.Kind != Future && s.Nth == 0
	}
	ok := func(side []*Stmt) bool {
		return len(side) <= 1 && !slices.ContainsFunc(side, func(o *Stmt) bool { return !single(o) })
	}
	return ok(s.New) && ok(s.Old) && (s.Form != Replaced || len(s.New) == 1 && len(s.Old) == 1)
}

func (m *Maker) remove(at scope, i int) bool {
	list := *at.list
	s := list[i]
	if s.Kind == Future {
		if !single(s.Body[0]) || s.Body[0].Kind == Declared && s.Body[0].Form == Removed {
			return false
		}
		s.Body = []*Stmt{m.declare(Removed, nil, s.Body)}
		return true
	}
	if !single(s) || m.repeated(list, s) && s.Kind != Declared || s.Kind == Declared && s.Form != Added && s.Form != Replaced || looped(s) || m.shares(list, s) {
		return false
	}
	list[i] = m.declare(Removed, nil, []*Stmt{s})
	return true
}

// looped reports whether a statement has to do with a name that repeats.
func looped(s *Stmt) bool {
	return s.Nth > 0 || slices.ContainsFunc(s.New, looped) || slices.ContainsFunc(s.Old, looped)
}

// replace declares that something else stands where the statements from i to end stood.
func (m *Maker) replace(at scope, i, end int, by func(old []*Stmt) []*Stmt) bool {
	list := *at.list
	if end > len(list) {
		return false
	}
	old := list[i:end]
	for _, s := range old {
		if s.Kind == Future {
			if len(old) > 1 || !single(s.Body[0]) || s.Body[0].Kind == Group {
				return false
			}
			c := Clean(s.Body)
			if len(c) != 1 {
				return false
			}
			c[0].Name, c[0].Key, c[0].Nth = m.name(), "", 0
			s.Body = []*Stmt{m.declare(Replaced, c, s.Body)}
			return true
		}
		if looped(s) || m.shares(list, s) || m.repeated(list, s) && s.Kind != Declared {
			return false
		}
	}
	c := slices.Clone(old)
	newer := by(c)
	if newer == nil || repeats(newer) {
		return false
	}
	d := m.declare(Replaced, newer, Clone(c))
	if len(newer) == 0 && len(c) == 0 || sameBegin(d) {
		return false
	}
	*at.list = slices.Replace(list, i, end, d)
	return true
}

// sameBegin reports whether the sides of a declared change may begin with the same operation, which
// the log could not tell apart.
func sameBegin(d *Stmt) bool {
	older, _ := begins(d.Old)
	newer, _ := begins(d.New)
	return slices.ContainsFunc(newer, func(s *Stmt) bool {
		return slices.ContainsFunc(older, func(o *Stmt) bool { return o.ID() == s.ID() && o.Kind == s.Kind })
	})
}

// begins lists what a list of statements may begin with; surely says that it begins with one of
// them.
func begins(list []*Stmt) (all []*Stmt, surely bool) {
	for _, s := range list {
		if s.Kind != Declared {
			return append(all, s), true
		}
		newer, n := begins(s.New)
		older, o := begins(s.Old)
		if all = append(append(all, newer...), older...); s.Form == WasUndone || n && o {
			return all, true
		}
	}
	return all, false
}
