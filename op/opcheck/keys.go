package opcheck

import (
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// checkKey reports keys that are a position in a list, or an address.
func (m *model) checkKey(c *ssa.Call) {
	if len(c.Call.Args) < 2 {
		return
	}
	if m.checkKeyValue(c.Pos(), c.Call.Args[1]) {
		return
	}
	made := []ssa.Value{c.Call.Args[1]}
	if _, ok := c.Call.Args[1].Type().Underlying().(*types.Signature); ok {
		made = nil
		for _, src := range m.flow.sources(c.Call.Args[1]) {
			for _, t := range m.sourceFuncs(src) {
				if t.fn != nil {
					made = append(made, results(t.fn, 0)...)
				}
			}
		}
	}
	if slices.ContainsFunc(made, m.address) {
		m.report(ruleKey, c.Pos(), "the key is made of an address, which differs on each replay: use what identifies the item")
	}
}

// checkKeyValue reports a key that is a position in a list.
func (m *model) checkKeyValue(pos token.Pos, key ssa.Value) bool {
	if !m.position(key, 0) {
		return false
	}
	m.report(ruleKey, pos, "the key is a position in a list: if an item is inserted, the others take its records; use what identifies the item")
	return true
}

// position reports whether a string is made of the index of a range over a list, and of nothing
// else that differs from item to item.
func (m *model) position(v ssa.Value, depth int) bool {
	if depth > 6 {
		return false
	}
	switch v := v.(type) {
	case *ssa.BinOp:
		if m.fixedIn(v.X, v) {
			return m.position(v.Y, depth+1)
		}
		if m.fixedIn(v.Y, v) {
			return rangeIndex(v) || m.position(v.X, depth+1)
		}
	case *ssa.Phi:
		return rangeIndex(v)
	case *ssa.Convert:
		return m.position(v.X, depth+1)
	case *ssa.MakeInterface:
		return m.position(v.X, depth+1)
	case *ssa.UnOp:
		return slices.ContainsFunc(m.flow.loaded(v.X), rangeIndex)
	case *ssa.Call:
		obj := calleeObject(v)
		if obj == nil || obj.Pkg() == nil {
			return false
		}
		switch obj.Pkg().Path() + "." + obj.Name() {
		case "strconv.Itoa", "strconv.FormatInt":
			return m.position(v.Call.Args[0], depth+1)
		case "fmt.Sprint", "fmt.Sprintf":
			s, ok := v.Call.Args[len(v.Call.Args)-1].(*ssa.Slice)
			if !ok {
				return false
			}
			args := slices.DeleteFunc(variadic(s), func(a ssa.Value) bool { return m.fixedIn(a, v) })
			return len(args) > 0 && !slices.ContainsFunc(args, func(a ssa.Value) bool { return !m.position(a, depth+1) })
		}
	}
	return false
}

// fixedIn reports whether a value is the same in each round of the loop around an instruction.
func (m *model) fixedIn(v ssa.Value, i ssa.Instruction) bool {
	if _, ok := unwrap(v).(*ssa.Const); ok {
		return true
	}
	b := i.Block()
	return m.loopsOf(b.Parent()).reaches(b, b) && m.invariant(v, b, 0)
}

// rangeIndex reports whether a value is the index of a range over a list.
func rangeIndex(v ssa.Value) bool {
	if phi, ok := v.(*ssa.Phi); ok {
		return counter(phi) || countsItems(phi)
	}
	b, ok := v.(*ssa.BinOp)
	if !ok {
		return false
	}
	phi, ok := b.X.(*ssa.Phi)
	return ok && (phi.Comment == "rangeindex" || countsItems(phi))
}

// countsItems reports whether a variable counts the rounds of a range over a list.
func countsItems(phi *ssa.Phi) bool {
	counted := slices.ContainsFunc(phi.Edges, func(e ssa.Value) bool {
		b, ok := e.(*ssa.BinOp)
		if !ok || b.Op != token.ADD || b.X != ssa.Value(phi) {
			return false
		}
		_, constant := b.Y.(*ssa.Const)
		return constant
	})
	return counted && slices.ContainsFunc(phi.Block().Instrs, func(i ssa.Instruction) bool {
		other, ok := i.(*ssa.Phi)
		return ok && other.Comment == "rangeindex"
	})
}

// counter reports whether a variable of a loop is counted up, and is an index.
func counter(phi *ssa.Phi) bool {
	up, index := false, false
	for _, use := range *phi.Referrers() {
		switch use := use.(type) {
		case *ssa.BinOp:
			up = up || use.Op == token.ADD && slices.Contains(phi.Edges, ssa.Value(use))
		case *ssa.IndexAddr:
			index = index || use.Index == ssa.Value(phi)
		case *ssa.Index:
			index = index || use.Index == ssa.Value(phi)
		}
	}
	return up && index
}

// address reports whether a string is formatted from a pointer with %p.
func (m *model) address(v ssa.Value) bool {
	for _, src := range m.flow.sources(v) {
		c, ok := src.(*ssa.Call)
		if !ok || calleeObject(c) == nil || calleeObject(c).Name() != "Sprintf" {
			continue
		}
		if strings.Contains(constantString(c.Call.Args[0]), "%p") {
			return true
		}
	}
	return false
}
