package changes

import (
	"slices"
)

// operands changes an operand of a batch; false if the change that was drawn cannot be made there.
func (m *Maker) operands(at scopedBatch) bool {
	b := at.Stmt
	draw := m.r.IntN(11)
	if m.theme == bounded && m.one(3) {
		draw = 3
	}
	if m.theme == weighty && m.one(2) {
		draw = []int{0, 5, 7}[m.r.IntN(3)]
	}
	switch draw {
	case 0, 1:
		return m.insertOperand(at)
	case 2:
		if slices.ContainsFunc(b.Body, endless) || b.Rule == Limit || b.Rule.One() { // one that loses might begin when the batch ends
			return false
		}
		b.Most = m.r.IntN(3)
		return m.drew("a batch has another bound", true)
	case 3:
		if b.Rule == Indexed || len(b.Body) < 2 {
			return false
		}
		m.r.Shuffle(len(b.Body), func(i, j int) { b.Body[i], b.Body[j] = b.Body[j], b.Body[i] })
		return m.drew("operands change places", true)
	case 4:
		return m.giveKeys(b)
	}
	if len(b.Body) == 0 {
		return false
	}
	i := m.r.IntN(len(b.Body))
	o := b.Body[i]
	if o.Loud || o.Kind == Declared && (o.Form == Removed || o.Form == Gone || o.Form == WasUndone) {
		return false
	}
	switch draw {
	case 5, 6:
		return m.removeOperand(b, i)
	case 7:
		return m.renameOperand(b, i)
	case 8:
		return m.drew("an operand is of another kind", m.replaceOperand(b, i, m.other(at, o)))
	case 9:
		if o.Kind == Never || b.Rule == Indexed || b.Rule == Limit || b.Rule.One() && !wins(o) {
			return false
		}
		c := Clean([]*Stmt{o})
		if len(c) != 1 {
			return false
		}
		c[0].Wins, c[0].Key, c[0].Says = false, "", ""
		if b.Rule.Flat() { // what is in a branch without a record stands beside the other branches
			c[0].Name = m.name()
		}
		return m.drew("an operand is wrapped", m.replaceOperand(b, i, m.as(b, &Stmt{Kind: Group, Name: m.name(), Body: c})))
	default:
		if o.Kind == Declared || !o.Undo {
			return false
		}
		b.Body[i] = m.declare(WasUndone, nil, []*Stmt{o})
		return m.drew("the Undo of an operand is gone", true)
	}
}

// other makes an operand in the place of o.
func (m *Maker) other(at scopedBatch, o *Stmt) *Stmt {
	if at.Rule.One() && !wins(o) {
		loser := m.loser(at.Stmt) // it may begin when the batch ends: what it does then is not known to be undone
		Each(loser.Body, func(s *Stmt) { s.Undo = false })
		return loser
	}
	if at.Rule.One() {
		return m.winner(at.Stmt, max(0, 2-at.depth))
	}
	c := m.operand(at.Stmt, max(0, 2-at.depth))
	if at.Fails {
		m.undone([]*Stmt{c})
	}
	return c
}

// insertOperand adds an operand to a batch.
func (m *Maker) insertOperand(at scopedBatch) bool {
	b := at.Stmt
	if b.Rule == Limit || b.Rule == Join && len(operandsOf(b)) > 4 || len(b.Body) > 6 {
		return false
	}
	o, to := m.other(at, &Stmt{}), m.r.IntN(len(b.Body)+1)
	if b.Rule == Indexed {
		to = len(b.Body)
	}
	if endless(o) {
		b.Most = 0
	}
	if !b.Rule.Fixed() && m.one(2) {
		b.Body = slices.Insert(b.Body, to, m.declare(Bare, []*Stmt{o}, nil))
		return m.drew("a branch more, which is not declared", true)
	}
	b.Body = slices.Insert(b.Body, to, m.declare(Added, []*Stmt{o}, nil))
	return m.drew("an operand more", true)
}

// operandsOf are the operands that a batch has, without those that it had.
func operandsOf(b *Stmt) (all []*Stmt) {
	for _, o := range b.Body {
		if o.Kind != Declared || o.Form != Gone {
			all = append(all, o)
		}
	}
	return all
}

// removeOperand removes the i-th operand of a batch: it is gone, or leaves its place to an
// op.Removed.
func (m *Maker) removeOperand(b *Stmt, i int) bool {
	o := b.Body[i]
	large := false // such a result is computed again whether or not it is left
	Each([]*Stmt{o}, func(s *Stmt) { large = large || s.Large })
	if large || wins(o) || b.Rule == Indexed || b.Rule == Limit || b.Rule == Join && len(operandsOf(b)) < 3 {
		return false
	}
	if m.one(2) {
		b.Body[i] = m.declare(Gone, nil, []*Stmt{o})
		return m.drew("an operand is gone", true)
	}
	if b.Rule.One() { // it would be the first one that ends
		return false
	}
	b.Body[i] = m.declare(Removed, nil, []*Stmt{o})
	return m.drew("an operand is removed in its place", true)
}

// renameOperand gives the i-th operand of a batch another name, or another key.
func (m *Maker) renameOperand(b *Stmt, i int) bool {
	o := b.Body[i]
	c := Clean([]*Stmt{o})
	if len(c) != 1 || b.Rule == Indexed && o.Key == "" {
		return false
	}
	newer, key := c[0], b.Rule.OfItems() || m.one(3)
	newer.Says = ""
	if key {
		newer.Key = "k" + m.name()
	} else {
		newer.Name = m.name()
	}
	if !m.replaceOperand(b, i, newer) {
		return false
	}
	m.shorten(b.Body[i])
	return m.drew(map[bool]string{true: "an operand has another key", false: "an operand is renamed"}[key], true)
}

// replaceOperand declares that another operand stands where the i-th one stood.
func (m *Maker) replaceOperand(b *Stmt, i int, newer *Stmt) bool {
	o := b.Body[i]
	if b.Rule == Indexed && newer.Key == "" || b.Rule == Limit && endless(newer) {
		return false
	}
	newer.Wins = wins(o)
	if b.Rule.Flat() && newer.Kind == Group {
		m.otherNames(newer.Body)
	}
	if b.Fails {
		newer.Large = false
	}
	b.Body[i] = m.declare(Replaced, []*Stmt{newer}, []*Stmt{o})
	return true
}

// giveKeys gives the items of a map without keys some.
func (m *Maker) giveKeys(b *Stmt) bool {
	if b.Rule != Indexed || slices.ContainsFunc(b.Body, func(o *Stmt) bool { return o.Kind == Declared || o.Key != "" || o.Loud }) {
		return false
	}
	for i, o := range b.Body {
		c := Clean([]*Stmt{o})
		c[0].Key = "k" + m.name()
		b.Body[i] = m.declare(Replaced, c, []*Stmt{o})
	}
	return m.drew("items have keys", true)
}

// otherNames gives statements other names: in a batch whose branches have no records the log has
// what is in them beside each other.
func (m *Maker) otherNames(list []*Stmt) {
	given := make(map[string]string)
	Each(list, func(s *Stmt) {
		if s.Name == "" {
			return
		}
		if given[s.Name] == "" {
			given[s.Name] = m.name()
		}
		s.Name, s.Says = given[s.Name], ""
	})
}
