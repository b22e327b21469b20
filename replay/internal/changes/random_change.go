package changes

import (
	"slices"
)

// places are where a program can be changed: ordered scopes and batches of the code of today.
type places struct {
	scopes  []scope
	batches []scopedBatch
}

// scope is a list of statements that a change can be made in.
type scope struct {
	list  *[]*Stmt
	depth int
	open  bool // an open parallel
}

// scopedBatch is a batch and how deep it is.
type scopedBatch struct {
	*Stmt

	depth int
}

func placesOf(list *[]*Stmt) *places {
	p := &places{}
	p.scope(scope{list: list})
	return p
}

func (p *places) scope(s scope) {
	p.scopes = append(p.scopes, s)
	p.inside(*s.list, s.depth)
}

// inside adds the places that are inside statements.
func (p *places) inside(list []*Stmt, depth int) {
	for _, s := range list {
		switch s.Kind {
		case Group, Open:
			p.scope(scope{&s.Body, depth + 1, s.Kind == Open})
		case Batch:
			p.batches = append(p.batches, scopedBatch{s, depth})
			for _, o := range s.Body {
				if !s.Rule.One() || wins(o) { // what loses is not to do more than it did
					p.inside([]*Stmt{o}, depth+1)
				}
			}
		case Future:
			p.inside(s.Body, depth)
		case Declared:
			if s.Form != Removed && s.Form != Gone && s.Form != WasUndone {
				p.inside(s.New, depth)
			}
		case Step, Flaky, Retry, Wait, Callback, Never, Invoke, Condition, Race, Map, Await:
		}
	}
}

// Change makes a random declared change.
func (m *Maker) Change(program []*Stmt) []*Stmt {
	for {
		changed := Clone(program)
		p := placesOf(&changed)
		if len(p.batches) > 0 && (m.theme >= beside && !m.one(4) || m.one(2)) {
			if m.operands(p.batches[m.r.IntN(len(p.batches))]) {
				return changed
			}
			continue
		}
		if at := p.scopes[m.r.IntN(len(p.scopes))]; m.change(at) {
			return changed
		}
	}
}

func (m *Maker) declare(f Form, newer, older []*Stmt) *Stmt {
	m.changes++
	return &Stmt{Kind: Declared, Change: m.changes, Form: f, New: newer, Old: older}
}

// drew counts a change that was made.
func (m *Maker) drew(what string, made bool) bool {
	if made {
		m.Drawn[what]++
	}
	return made
}

// change makes a change in a scope; false if the one that was drawn cannot be made there.
func (m *Maker) change(at scope) bool {
	list := *at.list
	draw := m.r.IntN(13)
	if draw == 0 || len(list) == 0 {
		return m.insert(at)
	}
	i := m.near(list)
	s := list[i]
	if fixed(s) {
		return false
	}
	switch draw {
	case 1:
		return m.drew("a loop changes", m.round(at, i))
	case 2, 3:
		return m.drew("removed", m.remove(at, i))
	case 4:
		return m.drew("renamed", m.rename(at, i))
	case 5:
		return m.drew("wrapped in a group", m.replace(at, i, m.end(list, i), func(old []*Stmt) []*Stmt {
			return []*Stmt{{Kind: Group, Name: m.name(), Body: Clean(old)}}
		}))
	case 6:
		if s.Kind != Group || s.Fails || s.Large || s.Undo || repeats(s.Body) || slices.ContainsFunc(s.Body, func(b *Stmt) bool {
			return b.Kind == Future || b.Kind == Await || b.Nth > 0
		}) {
			return false
		}
		return m.drew("unwrapped", m.replace(at, i, i+1, func([]*Stmt) []*Stmt { return Clean(s.Body) }))
	case 7:
		return m.drew("split", m.replace(at, i, i+1, func([]*Stmt) []*Stmt { return []*Stmt{m.plain(), m.plain()} }))
	case 8:
		return m.drew("merged", m.replace(at, i, m.end(list, i), func([]*Stmt) []*Stmt { return []*Stmt{m.plain()} }))
	case 9:
		return m.otherKind(at, i)
	case 10:
		return m.drew("run beside each other", m.replace(at, i, m.end(list, i), m.beside))
	case 11:
		if s.Kind != Open && s.Kind != Group || s.Large || slices.ContainsFunc(s.Body, endless) {
			return false
		}
		s.Most = m.r.IntN(3)
		return m.drew("another bound of what is open", true)
	default:
		if s.Undo && s.Nth == 0 && m.one(2) {
			list[i] = m.declare(WasUndone, nil, []*Stmt{s})
			return m.drew("an Undo is gone", true)
		}
		return m.drew("swapped", m.replace(at, i, i+2+m.r.IntN(2), func(old []*Stmt) []*Stmt {
			c := Clean(old)
			slices.Reverse(c)
			return c
		}))
	}
}

// near draws the place of a change: often where there has been one.
func (m *Maker) near(list []*Stmt) int {
	i := m.r.IntN(len(list))
	if before := slices.IndexFunc(list, func(s *Stmt) bool { return s.Kind == Declared }); before >= 0 && m.one(3) {
		return before
	}
	return i
}

// fixed reports whether a statement stays as it is, for something in it does.
func fixed(s *Stmt) bool {
	return s.Kind == Await || s.Fixed || s.Kind == Future && s.Body[0].Fixed ||
		s.Kind == Group && slices.ContainsFunc(s.Body, fixed) || s.Kind == Declared && slices.ContainsFunc(s.New, fixed)
}

// endless reports whether a statement does not end by itself.
func endless(s *Stmt) bool {
	return s.Kind == Never || slices.ContainsFunc(s.Body, endless) || slices.ContainsFunc(s.New, endless) || slices.ContainsFunc(s.Old, endless)
}

// beside has statements run beside each other: in a batch or in an open parallel.
func (m *Maker) beside(old []*Stmt) []*Stmt {
	c := Clean(old)
	if len(c) < 2 || repeats(c) || slices.ContainsFunc(c, func(s *Stmt) bool { return s.Nth > 0 }) {
		return nil
	}
	b := &Stmt{Kind: Batch, Name: m.name(), Rule: []Rule{All, Join, Parallel, FlatParallel}[m.r.IntN(4)], Body: c}
	if m.one(2) {
		return []*Stmt{b}
	}
	o := &Stmt{Kind: Open, Name: b.Name, Most: m.r.IntN(3)}
	for _, s := range c {
		o.Body = append(o.Body, &Stmt{Kind: Future, Body: []*Stmt{{Kind: Group, Name: m.name(), Branch: true, Body: []*Stmt{s}}}})
	}
	return []*Stmt{o}
}

// otherKind replaces a step by a group of its name, gives it a key, or replaces a batch by one of
// another kind.
func (m *Maker) otherKind(at scope, i int) bool {
	list := *at.list
	s := list[i]
	if s.Kind == Batch && s.Rule < Limit && !s.Rule.One() || s.Kind == Batch && s.Rule == Parallel {
		return m.drew("another kind of batch", m.replace(at, i, i+1, func([]*Stmt) []*Stmt {
			return []*Stmt{m.copyOf(s, func(c *Stmt) {
				c.Name, c.Rule = m.name(), []Rule{All, Join, Parallel, FlatParallel}[m.r.IntN(4)]
				if s.Rule == Settled {
					c.Rule = Settled
				}
			})}
		}))
	}
	if s.Kind != Step || s.Nth > 0 || repeated(list, s) {
		return false
	}
	if m.one(2) {
		return m.drew("another kind", m.replace(at, i, i+1, func([]*Stmt) []*Stmt {
			return []*Stmt{{Kind: Group, Name: s.Name, Key: s.Key, Body: []*Stmt{m.plain()}}}
		}))
	}
	keyed := m.replace(at, i, i+1, func([]*Stmt) []*Stmt {
		return []*Stmt{m.copyOf(s, func(c *Stmt) { c.Key = "k" + m.name() })}
	})
	if keyed && s.Key == "" {
		list[i].Short = m.one(2)
	}
	return m.drew("a key more", keyed)
}

// rename replaces the i-th statement by one of another name.
func (m *Maker) rename(at scope, i int) bool {
	s := (*at.list)[i]
	if !m.replace(at, i, i+1, func([]*Stmt) []*Stmt { return []*Stmt{m.copyOf(s, func(c *Stmt) { c.Name = m.name() })} }) {
		return false
	}
	if d := (*at.list)[i]; d.Kind == Declared {
		m.shorten(d)
	}
	return true
}

// shorten may have a declared change written as Was, which keeps what the body does.
func (m *Maker) shorten(d *Stmt) {
	newer, older := d.New[0], d.Old[0]
	switch older.Kind {
	case Step, Flaky, Wait, Invoke, Condition:
	case Retry, Callback, Never, Race, Map, Group, Open, Batch, Future, Await, Declared:
		return
	}
	if older.Kind != newer.Kind || older.Relaxed != newer.Relaxed || older.Undo != newer.Undo || older.Nth > 0 || m.one(2) {
		return
	}
	d.Short = true
	newer.Says, older.Says = older.Value(), older.Value()
}

// copyOf is the operation that is code of today with another identity; another one if it is no
// single step.
func (m *Maker) copyOf(s *Stmt, change func(*Stmt)) *Stmt {
	c := Clean([]*Stmt{s})
	if len(c) != 1 {
		return m.plain()
	}
	change(c[0])
	c[0].Nth, c[0].Says = 0, ""
	return c[0]
}

// end is how far a change of several statements from i on goes.
func (m *Maker) end(list []*Stmt, i int) int { return min(len(list), i+1+m.r.IntN(3)) }

// again inserts a step that has the name of another one, which was inserted before it.
func (m *Maker) again(at scope) bool {
	list := *at.list
	for i, s := range list {
		if s.Kind != Declared || s.Form != Added || s.New[0].Kind != Step || s.New[0].Key != "" || looped(s) || shares(list, s) || i+1 == len(list) {
			continue
		}
		to := i + 2 + m.r.IntN(len(list)-i-1)
		if to > len(list) || to < len(list) && list[to].Nth > 0 {
			continue
		}
		*at.list = slices.Insert(list, to, m.declare(Added, []*Stmt{{Kind: Step, Name: s.New[0].Name, Nth: 1}}, nil))
		return m.drew("inserted under a name that repeats", true)
	}
	return false
}

// shares reports whether a declared change has the name of another statement.
func shares(list []*Stmt, s *Stmt) bool {
	return slices.ContainsFunc(list, func(o *Stmt) bool {
		return o != s && slices.ContainsFunc(slices.Concat(s.New, s.Old), func(in *Stmt) bool { return in.Name != "" && (o.Name == in.Name || names(o, in.Name)) })
	})
}

func (m *Maker) insert(at scope) bool {
	if m.one(3) && m.again(at) {
		return true
	}
	i := m.r.IntN(len(*at.list) + 1)
	if m.one(4) {
		i = len(*at.list)
	}
	if i < len(*at.list) && (*at.list)[i].Nth > 0 {
		return false
	}
	if at.open && m.one(2) {
		branch := &Stmt{Kind: Future, Forgotten: m.one(4), Body: []*Stmt{m.declare(Added, []*Stmt{m.branch(1)}, nil)}}
		*at.list = slices.Insert(*at.list, i, branch)
		return m.drew("a branch of an open parallel more", true)
	}
	s := m.list(1, max(0, 2-at.depth), false)
	if len(s) != 1 {
		return false
	}
	added := m.declare(Added, s, nil)
	if m.one(5) && s[0].Kind != Group {
		added = &Stmt{Kind: Future, Body: []*Stmt{added}, Forgotten: m.one(3)}
	}
	*at.list = slices.Insert(*at.list, i, added)
	if m.one(3) {
		m.again(at)
	}
	return m.drew("inserted", true)
}

// round changes how often a name repeats, which stands at i.
func (m *Maker) round(at scope, i int) bool {
	list := *at.list
	s := list[i]
	if s.Kind != Step || s.Key != "" || !repeated(list, s) || slices.ContainsFunc(list, func(o *Stmt) bool { return names(o, s.Name) && o.Kind == Declared }) {
		return false
	}
	last := i
	for last+1 < len(list) && list[last+1].Name == s.Name {
		last++
	}
	if m.one(2) {
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
		return s.Kind != Future && s.Kind != Await && s.Nth == 0
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
	if !single(s) || repeated(list, s) && s.Kind != Declared || s.Kind == Declared && s.Form != Added && s.Form != Replaced || looped(s) || shares(list, s) {
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
		if fixed(s) {
			return false
		}
		if s.Kind == Future {
			return len(old) == 1 && m.renameFuture(s)
		}
		if looped(s) || shares(list, s) || repeated(list, s) && s.Kind != Declared {
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

// renameFuture replaces what is started by the same under another name.
func (m *Maker) renameFuture(s *Stmt) bool {
	if !single(s.Body[0]) || s.Body[0].Kind == Group && !s.Body[0].Branch {
		return false
	}
	c := Clean(s.Body)
	if len(c) != 1 {
		return false
	}
	c[0].Name, c[0].Key, c[0].Nth, c[0].Says = m.name(), "", 0, ""
	s.Body = []*Stmt{m.declare(Replaced, c, s.Body)}
	return true
}

// sameBegin reports whether the sides of a declared change may begin with the same operation, which
// the log could not distinguish.
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
