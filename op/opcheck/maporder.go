package opcheck

import (
	"cmp"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// checkMapOrder reports loops over maps whose order reaches an operation.
func (m *model) checkMapOrder(r region) {
	const say = "the order of a map differs on each replay, and reaches an operation here: sort the keys first (slices.Sorted(maps.Keys(m)))"
	for _, fn := range r.funcs {
		each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
			switch i := i.(type) {
			case *ssa.Range:
				if isMap(i.X.Type()) && m.loopRuns(i) {
					m.report(ruleMapOrder, i.Pos(), say, m.fixMapOrder(i)...)
				}
			case *ssa.Call:
				if len(i.Call.Args) == 1 && m.sequence(i.Call.Value) && m.yieldRuns(i.Call.Args[0]) ||
					m.know.of(calleeObject(i)) == mapOrder && slices.ContainsFunc(i.Call.Args, m.yieldRuns) {
					m.report(ruleMapOrder, posOf(i), say)
				}
			}
		})
		m.checkInOrder(fn, say)
		for _, v := range append(m.ordered(fn), m.firsts(fn)...) {
			for _, pos := range m.reachesOperation(v) {
				m.report(ruleMapOrder, pos, say)
			}
		}
	}
}

func isMap(t types.Type) bool {
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// body are the blocks of the loop over a map.
func (m *model) loopBody(r *ssa.Range) []*ssa.BasicBlock {
	var header *ssa.BasicBlock
	for _, use := range *r.Referrers() {
		if n, ok := use.(*ssa.Next); ok {
			header = n.Block()
		}
	}
	if header == nil {
		return nil
	}
	l := m.loopsOf(r.Parent())
	var blocks []*ssa.BasicBlock
	for _, b := range r.Parent().Blocks {
		if b == header || l.reaches(header, b) && l.reaches(b, header) {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// loopRuns reports whether the loop runs operations, or leaves after it ran one.
func (m *model) loopRuns(r *ssa.Range) bool {
	for _, b := range m.loopBody(r) {
		for _, i := range b.Instrs {
			if c, ok := i.(ssa.CallInstruction); ok && m.runsOperation(c) {
				return true
			}
		}
	}
	return false
}

// runsOperation reports whether a call runs operations in the scope of the caller.
func (m *model) runsOperation(c ssa.CallInstruction) bool {
	for _, s := range m.sums[c.Parent()].sites {
		if s.instr == c {
			return m.siteRuns(s)
		}
	}
	return false
}

func (m *model) siteRuns(s site) bool {
	if !s.known && contextArg(s.instr) {
		return true
	}
	for _, t := range m.reached(s) {
		switch {
		case runs(t.api):
			return true
		case t.fn != nil && m.sums[t.fn] != nil && m.sums[t.fn].runs:
			return contextArg(s.instr) || !hasContext(t.fn.Signature)
		case t.fact != nil && t.fact.Runs && contextArg(s.instr):
			return true
		}
	}
	return false
}

// sequence reports whether the value is an iterator in the order of a map.
func (m *model) sequence(v ssa.Value) bool {
	for _, src := range m.flow.sources(v) {
		if c, ok := src.(*ssa.Call); ok && m.orderedCall(c) {
			return true
		}
		if fn := functionOf(src); fn != nil && m.yieldsInOrder(fn) {
			return true
		}
	}
	return false
}

// yieldsInOrder reports whether a function is an iterator that goes through a map and gives what it
// finds to its yield.
func (m *model) yieldsInOrder(fn *ssa.Function) bool {
	if len(fn.Params) != 1 || m.sums[fn] == nil || m.visiting[fn] {
		return false
	}
	m.visiting[fn] = true // an iterator may go through itself
	defer delete(m.visiting, fn)
	found := false
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		switch i := i.(type) {
		case *ssa.Range:
			found = found || isMap(i.X.Type()) && slices.ContainsFunc(m.loopBody(i), func(b *ssa.BasicBlock) bool { return m.callsParam(b, fn.Params[0]) })
		case *ssa.Call:
			if len(i.Call.Args) != 1 || i.Call.Value == ssa.Value(fn) || !m.sequence(i.Call.Value) {
				return
			}
			if y := functionOf(i.Call.Args[0]); y != nil { // the loop over an iterator
				found = found || slices.ContainsFunc(y.Blocks, func(b *ssa.BasicBlock) bool { return m.callsParam(b, fn.Params[0]) })
			}
			found = found || i.Call.Args[0] == ssa.Value(fn.Params[0])
		}
	})
	return found
}

// callsParam reports whether a block calls the function that a parameter is.
func (m *model) callsParam(b *ssa.BasicBlock, p *ssa.Parameter) bool {
	return slices.ContainsFunc(b.Instrs, func(i ssa.Instruction) bool {
		c, ok := i.(*ssa.Call)
		return ok && !c.Call.IsInvoke() && c.Call.StaticCallee() == nil && slices.Contains(m.flow.sources(c.Call.Value), ssa.Value(p))
	})
}

// orderedCall reports whether the result of a call is in the order of a map.
func (m *model) orderedCall(c *ssa.Call) bool {
	fn := c.Call.StaticCallee()
	if fn == nil {
		return false
	}
	obj := objectOf(fn)
	if in := m.here(fn); in != nil {
		return m.sums[in].ordered
	}
	if m.know.of(obj) == mapOrder {
		return true
	}
	if f := m.fact(obj); f != nil {
		return f.Ordered
	}
	return obj != nil && obj.Pkg() != nil && obj.Pkg().Path() == "slices" && obj.Name() == "Collect" && len(c.Call.Args) == 1 && m.sequence(c.Call.Args[0])
}

func (m *model) yieldRuns(v ssa.Value) bool {
	fn := functionOf(v)
	return fn != nil && m.sums[fn] != nil && m.sums[fn].runs
}

// ordered are the values of a function that are in the order of a map: results of calls, and what a
// loop over a map appends.
func (m *model) ordered(fn *ssa.Function) []ssa.Value {
	var all []ssa.Value
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		if c, ok := i.(*ssa.Call); ok {
			if _, isFunc := c.Type().Underlying().(*types.Signature); !isFunc && m.orderedCall(c) {
				all = append(all, c)
			}
		}
	})
	for _, blocks := range m.mapLoops(fn) {
		all = append(all, m.appended(blocks)...)
		all = append(all, m.texts(blocks)...)
	}
	return all
}

// appended are the slices and strings that blocks make longer, and the variables they are kept in.
func (m *model) appended(blocks []*ssa.BasicBlock) []ssa.Value {
	var all []ssa.Value
	for _, b := range blocks {
		for _, i := range b.Instrs {
			switch i := i.(type) {
			case *ssa.Call:
				if bi, ok := i.Call.Value.(*ssa.Builtin); ok && bi.Name() == "append" {
					all = append(all, i)
					all = append(all, m.kept(i)...)
				}
			case *ssa.BinOp:
				if t, ok := i.Type().Underlying().(*types.Basic); ok && i.Op == token.ADD && t.Info()&types.IsString != 0 && longer(i) {
					all = append(all, i)
					all = append(all, m.kept(i)...)
				}
			}
		}
	}
	return all
}

// kept are the loads of variables that a value is stored in.
func (m *model) kept(v ssa.Value) []ssa.Value {
	var all []ssa.Value
	for _, use := range *v.Referrers() {
		st, ok := use.(*ssa.Store)
		if !ok || st.Val != v {
			continue
		}
		vars := []ssa.Value{st.Addr}
		if f, ok := st.Addr.(*ssa.FreeVar); ok {
			vars = m.flow.bindings(f)
		}
		for _, x := range vars {
			if a, ok := x.(*ssa.Alloc); ok {
				all = append(all, a)
			}
		}
	}
	return all
}

// longer reports whether a concatenation goes round a loop.
func longer(b *ssa.BinOp) bool {
	found := false
	onwards(b, func(use ssa.Instruction, _ ssa.Value) bool {
		if phi, ok := use.(*ssa.Phi); ok && (phi == b.X || phi == b.Y) {
			found = true
		}
		_, ok := use.(*ssa.Phi)
		return ok
	})
	return found
}

// fromMapOrder reports whether a returned value is in the order of a map, and not sorted.
func (m *model) fromMapOrder(v ssa.Value) bool {
	switch v.Type().Underlying().(type) {
	case *types.Slice, *types.Basic, *types.Signature:
	default:
		return false
	}
	if m.sequence(v) {
		return !m.isSorted(v)
	}
	fn := parent(v)
	if fn == nil || isMap(v.Type()) {
		return false
	}
	for _, o := range append(m.ordered(fn), m.firsts(fn)...) {
		hit := false
		onwards(o, func(use ssa.Instruction, _ ssa.Value) bool {
			switch use := use.(type) {
			case *ssa.Return:
				for _, r := range use.Results {
					hit = hit || r == v
				}
				return false
			case *ssa.Phi, *ssa.Call, *ssa.Slice, *ssa.UnOp:
				return flows(use)
			}
			return false
		})
		if hit && !m.isSorted(o) {
			return true
		}
	}
	return false
}

func parent(v ssa.Value) *ssa.Function {
	if i, ok := v.(ssa.Instruction); ok {
		return i.Parent()
	}
	return v.Parent()
}

// flows reports whether what an instruction makes is still the list that it was given.
func flows(i ssa.Instruction) bool {
	c, ok := i.(*ssa.Call)
	if !ok {
		return true
	}
	b, ok := c.Call.Value.(*ssa.Builtin)
	return ok && b.Name() == "append"
}

// isSorted reports whether a list is sorted anywhere after it was made.
func (m *model) isSorted(v ssa.Value) bool {
	found := false
	onwards(v, func(use ssa.Instruction, _ ssa.Value) bool {
		if c, ok := use.(ssa.CallInstruction); ok {
			if fn := c.Common().StaticCallee(); fn != nil {
				obj := objectOf(fn)
				if m.know.of(obj) == sorting || m.sortsParam(fn, obj) {
					found = true
				}
				if obj != nil && obj.Pkg() != nil && obj.Pkg().Path() == "sort" {
					return true // sort.Sort(sort.StringSlice(x))
				}
			}
			_, isValue := use.(ssa.Value)
			return isValue && flows(use)
		}
		switch use.(type) {
		case *ssa.Phi, *ssa.MakeInterface, *ssa.ChangeType, *ssa.Slice, *ssa.UnOp, *ssa.Store, *ssa.MakeClosure:
			return true
		}
		return false
	})
	return found
}

// sortsParam reports whether a helper writes through the list, which is then taken for sorted.
func (m *model) sortsParam(fn *ssa.Function, obj *types.Func) bool {
	if in := m.here(fn); in != nil {
		return len(m.sums[in].writes) > 0
	}
	f := m.fact(obj)
	return f != nil && len(f.Writes) > 0
}

// reachesOperation are the places where a list in the order of a map becomes part of an operation.
func (m *model) reachesOperation(v ssa.Value) []token.Pos {
	if m.isSorted(v) {
		return nil
	}
	var all []token.Pos
	onwards(v, func(use ssa.Instruction, _ ssa.Value) bool {
		switch use := use.(type) {
		case ssa.CallInstruction:
			if m.declares(use) || m.runsOperation(use) {
				all = append(all, use.Pos())
				return false
			}
			_, isValue := use.(ssa.Value)
			return isValue && !isIntResult(use)
		case *ssa.IndexAddr, *ssa.Index:
			if l := m.loopsOf(use.Parent()); l.around(use.Block()) && m.loopAround(use) {
				all = append(all, cmp.Or(use.Pos(), v.Pos()))
				return false
			}
			return true
		case *ssa.MakeClosure:
			if fn, ok := use.Fn.(*ssa.Function); ok && (m.bodies[fn] || hasContext(fn.Signature)) {
				all = append(all, use.Pos())
				return false
			}
			return false
		case *ssa.Store:
			_, local := base(use.Addr).(*ssa.Alloc)
			_, elem := use.Addr.(*ssa.IndexAddr)
			return local || elem
		case *ssa.BinOp: // a sum is the same in any order
			b, ok := use.Type().Underlying().(*types.Basic)
			return ok && b.Info()&types.IsString != 0
		case *ssa.Phi, *ssa.Slice, *ssa.UnOp, *ssa.MakeInterface, *ssa.ChangeType, *ssa.Convert, *ssa.Extract, *ssa.FieldAddr, *ssa.Field:
			return true
		}
		return false
	})
	return all
}

func isIntResult(c ssa.CallInstruction) bool {
	v, ok := c.(ssa.Value)
	if !ok {
		return true
	}
	b, ok := v.Type().Underlying().(*types.Basic)
	return ok && b.Info()&(types.IsInteger|types.IsBoolean|types.IsFloat) != 0
}

// loopAround reports whether a loop around the instruction runs operations.
func (m *model) loopAround(i ssa.Instruction) bool {
	l := m.loopsOf(i.Parent())
	for _, b := range i.Parent().Blocks {
		if !l.reaches(i.Block(), b) || !l.reaches(b, i.Block()) {
			continue
		}
		for _, j := range b.Instrs {
			if c, ok := j.(ssa.CallInstruction); ok && m.runsOperation(c) {
				return true
			}
		}
	}
	return false
}

// declares reports whether a call declares an operation.
func (m *model) declares(c ssa.CallInstruction) bool {
	v, ok := c.(ssa.Value)
	return ok && (isOp(v.Type()) || isBuilder(v.Type()))
}
