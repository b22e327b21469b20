package opcheck

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// This file is about what takes the order of a map in another way than a list that is appended to:
// a text that is written, the first that is found, a function that is called for each.

// updateInOrder finds the parameters that a function calls in the order of a map.
func (m *model) updateInOrder(fn *ssa.Function, s *sum) {
	note := func(v ssa.Value) {
		for _, src := range m.flow.sources(v) {
			if p, ok := src.(*ssa.Parameter); ok {
				s.inOrder[p] = true
			}
		}
	}
	for _, c := range s.sites {
		for i, arg := range c.instr.Common().Args {
			if _, ok := arg.Type().Underlying().(*types.Signature); !ok || c.instr.Common().IsInvoke() {
				continue
			}
			if slices.ContainsFunc(c.targets, func(t target) bool { return m.callsInOrder(t, i) }) {
				note(arg)
			}
		}
	}
	for _, blocks := range m.mapLoops(fn) {
		for _, b := range blocks {
			for _, i := range b.Instrs {
				if c, ok := i.(ssa.CallInstruction); ok && !c.Common().IsInvoke() && c.Common().StaticCallee() == nil {
					note(c.Common().Value)
				}
			}
		}
	}
}

// callsInOrder reports whether a callee calls its i-th argument in the order of a map.
func (m *model) callsInOrder(t target, i int) bool {
	switch o := m.sums[t.fn]; {
	case o != nil:
		return i < len(t.fn.Params) && o.inOrder[t.fn.Params[i]]
	case t.fact != nil:
		return slices.Contains(t.fact.InOrder, i)
	}
	return false
}

// mapLoops are the blocks of the loops over maps in a function, those over iterators in the order
// of one included.
func (m *model) mapLoops(fn *ssa.Function) [][]*ssa.BasicBlock {
	var all [][]*ssa.BasicBlock
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		switch i := i.(type) {
		case *ssa.Range:
			if isMap(i.X.Type()) {
				all = append(all, m.loopBody(i))
			}
		case *ssa.Call:
			if len(i.Call.Args) == 1 && i.Call.StaticCallee() == nil && !i.Call.IsInvoke() && m.sequence(i.Call.Value) {
				if y := functionOf(i.Call.Args[0]); y != nil {
					all = append(all, y.Blocks)
				}
			}
		}
	})
	return all
}

// checkInOrder reports functions that run operations and are passed to a helper that calls them in
// the order of a map.
func (m *model) checkInOrder(fn *ssa.Function, say string) {
	for _, s := range m.sums[fn].sites {
		if s.instr.Common().IsInvoke() {
			continue
		}
		for _, t := range s.targets {
			for i, arg := range s.instr.Common().Args {
				if _, ok := arg.Type().Underlying().(*types.Signature); ok && m.callsInOrder(t, i) && slices.ContainsFunc(m.flow.sources(arg), m.yieldRuns) {
					m.report(ruleMapOrder, s.instr.Pos(), say)
				}
			}
		}
	}
}

// texts are the values of the builders and buffers that blocks write.
func (m *model) texts(blocks []*ssa.BasicBlock) []ssa.Value {
	var all []ssa.Value
	for _, b := range blocks {
		for _, i := range b.Instrs {
			c, ok := i.(ssa.CallInstruction)
			if !ok || c.Common().IsInvoke() || len(c.Common().Args) == 0 {
				continue
			}
			for _, at := range m.flow.sources(unwrap(c.Common().Args[0])) {
				if isText(elem(at)) && at.Referrers() != nil {
					all = append(all, textsOf(at)...)
				}
			}
		}
	}
	return all
}

// textsOf are the texts that a builder or a buffer is asked for.
func textsOf(at ssa.Value) []ssa.Value {
	var all []ssa.Value
	for _, use := range *at.Referrers() {
		if c, ok := use.(*ssa.Call); ok && calleeObject(c) != nil && c.Call.Args[0] == at {
			if n := calleeObject(c).Name(); n == "String" || n == "Bytes" {
				all = append(all, c)
			}
		}
	}
	return all
}

func isText(t types.Type) bool {
	return isNamed(t, "strings", "Builder") || isNamed(t, "bytes", "Buffer")
}

// firsts are the keys and values of maps that a loop leaves with, and that another order would not
// have given: one that is looked for by == is the same in any order.
func (m *model) firsts(fn *ssa.Function) []ssa.Value {
	var all []ssa.Value
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		r, ok := i.(*ssa.Range)
		if !ok || !isMap(r.X.Type()) {
			return
		}
		body := m.loopBody(r)
		for _, b := range body {
			for _, i := range b.Instrs {
				x, ok := i.(*ssa.Extract)
				if !ok || x.Index == 0 {
					continue
				}
				if n, ok := x.Tuple.(*ssa.Next); ok && n.Iter == ssa.Value(r) {
					all = append(all, leaves(x, body)...)
				}
			}
		}
	})
	return all
}

// leaves are where a key or a value of a map leaves the loop over it by a break or a return: the
// phi or the value itself.
func leaves(x *ssa.Extract, body []*ssa.BasicBlock) []ssa.Value {
	var all []ssa.Value
	for _, use := range *x.Referrers() {
		switch use := use.(type) {
		case *ssa.Phi:
			if slices.Contains(body, use.Block()) {
				continue
			}
			for i, e := range use.Edges {
				if e == ssa.Value(x) && !lookedFor(use.Block().Preds[i], body) {
					all = append(all, use)
				}
			}
		case *ssa.Return:
			if !slices.Contains(body, use.Block()) && !lookedFor(use.Block(), body) {
				all = append(all, x)
			}
		}
	}
	return all
}

// lookedFor reports whether a loop is left for a block because something is equal, or always.
func lookedFor(b *ssa.BasicBlock, body []*ssa.BasicBlock) bool {
	for range 4 {
		if len(b.Preds) != 1 {
			return true
		}
		p := b.Preds[0]
		if branch, ok := p.Instrs[len(p.Instrs)-1].(*ssa.If); ok {
			cond, compares := branch.Cond.(*ssa.BinOp)
			return compares && cond.Op == token.EQL || !slices.Contains(body, p)
		}
		b = p
	}
	return true
}
