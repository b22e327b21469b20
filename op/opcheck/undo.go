package opcheck

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// checkUndo reports a compensation that reads a variable which is assigned more than once.
func (m *model) checkUndo(c ssa.CallInstruction) {
	for _, a := range c.Common().Args {
		if _, ok := a.Type().Underlying().(*types.Signature); !ok {
			continue
		}
		for _, src := range m.flow.sources(a) {
			mc, ok := src.(*ssa.MakeClosure)
			if !ok {
				continue
			}
			for i, b := range mc.Bindings {
				alloc, ok := b.(*ssa.Alloc)
				if !ok || !m.varies(alloc, mc) {
					continue
				}
				free := functionOf(mc).FreeVars[i]
				if !m.readElsewhere(free, reading{counts: func(*ssa.Function) bool { return true }}) {
					continue
				}
				m.report(ruleUndo, usePos(free, mc.Pos()), free.Name()+" is read in a compensation and changes after it was declared: the compensation sees another value than the operation did; use the operation's result, which it is given")
			}
		}
	}
}

func usePos(v ssa.Value, otherwise token.Pos) token.Pos {
	for _, use := range *v.Referrers() {
		if use.Pos().IsValid() {
			return use.Pos()
		}
		if x, ok := use.(ssa.Value); ok && x.Referrers() != nil {
			for _, u := range *x.Referrers() {
				if u.Pos().IsValid() {
					return u.Pos()
				}
			}
		}
	}
	return otherwise
}

// varies reports whether a variable is assigned after a closure captured it.
func (m *model) varies(a *ssa.Alloc, mc *ssa.MakeClosure) bool {
	l := m.loopsOf(mc.Parent())
	var writes func(v ssa.Value) bool
	writes = func(v ssa.Value) bool {
		for _, use := range *v.Referrers() {
			switch use := use.(type) {
			case *ssa.Store:
				if use.Addr == v && (use.Parent() != mc.Parent() || l.after(mc, use) && use.Block() != a.Block()) {
					return true
				}
				if use.Addr == v && use.Parent() == mc.Parent() && use.Block() == a.Block() && l.after(mc, use) && !l.reaches(use.Block(), use.Block()) {
					return true
				}
			case *ssa.MakeClosure:
				for i, b := range use.Bindings {
					if fn := functionOf(use); b == v && use != mc && i < len(fn.FreeVars) && writes(fn.FreeVars[i]) {
						return true
					}
				}
			}
		}
		return false
	}
	return writes(a)
}
