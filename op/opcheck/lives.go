package opcheck

import (
	"fmt"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// This file is about what lives as long as the process and is read by handler code in another way
// than as a package variable: through helpers, by methods of objects, in variables that the
// function around a handler has.

// updateState finds what a function reads that lives as long as the process and changes: package
// variables, and fields of what it is given.
func (m *model) updateState(fn *ssa.Function, s *sum) {
	if fn.Signature.Results().Len() == 0 || initializes(fn) {
		return
	}
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		addr := m.readAt(i)
		if addr == nil || m.testFile(i.Pos()) {
			return
		}
		if g, ok := base(addr).(*ssa.Global); ok && g.Pkg != nil && g.Pkg.Pkg == m.pass.Pkg && m.shows(fn, elem(addr)) && m.changes(g) {
			e := effect{Kind: rulePackageVar, What: "package variable " + g.Name(), Own: m.writesGlobal(fn, g)}
			m.addEffect(s, e, target{}, i.Pos())
		}
		if p, ok := base(addr).(*ssa.Parameter); ok && p.Parent() == fn {
			if f, ok := addr.(*ssa.FieldAddr); ok && m.changing()[fieldOf(f.X.Type(), f.Field)] {
				s.reads[slices.Index(fn.Params, p)] = true
			}
		}
	})
	for _, c := range s.sites {
		for arg := range m.readByCall(c) {
			if p, ok := arg.(*ssa.Parameter); ok && p.Parent() == fn {
				s.reads[slices.Index(fn.Params, p)] = true
			}
		}
	}
}

// readAt is the address that an instruction reads a value of some state at; nil for others.
func (m *model) readAt(i ssa.Instruction) ssa.Value {
	switch i := i.(type) {
	case *ssa.UnOp:
		if _, isFree := i.X.(*ssa.FreeVar); isFree || uses(i) == 0 || onlyWrittenBack(i, i.X) || !isState(i.Type()) {
			return nil
		}
		if _, isMap := i.Type().Underlying().(*types.Map); isMap && !looksUp(i) {
			return nil
		}
		switch a := i.X.(type) {
		case *ssa.Global:
			return a
		case *ssa.FieldAddr:
			if f := fieldOf(a.X.Type(), a.Field); f != nil && !writtenTo(i, f) {
				return a
			}
		}
	case *ssa.Call:
		if obj := calleeObject(i); obj != nil && len(i.Call.Args) > 0 && uses(i) > 0 && readsAtomic(obj) {
			return i.Call.Args[0]
		}
	}
	return nil
}

// looksUp reports whether a map is asked for one of its keys, or for how many it has.
func looksUp(v ssa.Value) bool {
	return slices.ContainsFunc(*v.Referrers(), func(use ssa.Instruction) bool {
		switch use := use.(type) {
		case *ssa.Lookup, *ssa.Range:
			return true
		case *ssa.Call:
			b, ok := use.Call.Value.(*ssa.Builtin)
			return ok && b.Name() == "len"
		}
		return false
	})
}

// readsAtomic reports whether a function of sync or sync/atomic returns what its first argument
// holds.
func readsAtomic(obj *types.Func) bool {
	if obj.Pkg() == nil {
		return false
	}
	switch obj.Pkg().Path() {
	case "sync/atomic":
		return obj.Signature().Results().Len() > 0
	case "sync":
		recv := obj.Signature().Recv()
		return recv != nil && typeName(recv.Type()) == "Map" && obj.Signature().Results().Len() > 0
	}
	return false
}

// shows reports whether the result of a function may be that of the state: a function that returns
// what it keeps in a map may only save work.
func (m *model) shows(fn *ssa.Function, state types.Type) bool {
	if b, ok := state.Underlying().(*types.Basic); ok {
		return b != nil
	}
	switch types.TypeString(state, nil) {
	case "sync/atomic.Int32", "sync/atomic.Int64", "sync/atomic.Uint32", "sync/atomic.Uint64", "sync/atomic.Bool":
		return true
	}
	first, ok := fn.Signature.Results().At(0).Type().Underlying().(*types.Basic)
	return ok && first.Info()&types.IsBoolean != 0 && fn.Signature.Results().Len() == 1
}

func (m *model) writesGlobal(fn *ssa.Function, g *ssa.Global) bool {
	found := false
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		for _, v := range m.written(i) {
			found = found || base(v) == ssa.Value(g)
		}
	})
	return found
}

// changing are the fields that functions write through what they are given, such as their receiver.
func (m *model) changing() map[*types.Var]bool {
	if m.changed != nil {
		return m.changed
	}
	m.changed = map[*types.Var]bool{}
	each(m.flow.funcs, func(fn *ssa.Function, i ssa.Instruction) {
		if initializes(fn) || m.testFile(i.Pos()) {
			return
		}
		for _, v := range m.written(i) {
			if load, ok := base(v).(*ssa.UnOp); ok { // a map or list in a field
				switch load.Type().Underlying().(type) {
				case *types.Map, *types.Slice:
					v = load.X
				}
			}
			a, ok := v.(*ssa.FieldAddr)
			if !ok {
				continue
			}
			if _, given := base(a).(*ssa.Parameter); !given {
				continue
			}
			if f := fieldOf(a.X.Type(), a.Field); f != nil {
				m.changed[f] = true
			}
		}
	})
	return m.changed
}

// readByCall are the arguments of which a callee reads fields that change.
func (m *model) readByCall(c site) map[ssa.Value]bool {
	all := map[ssa.Value]bool{}
	v, ok := c.instr.(*ssa.Call)
	if !ok || uses(v) == 0 || v.Call.IsInvoke() {
		return all
	}
	for _, t := range c.targets {
		var reads []int
		switch {
		case t.fn != nil && m.sums[t.fn] != nil:
			for i := range m.sums[t.fn].reads {
				reads = append(reads, i)
			}
		case t.fact != nil:
			reads = t.fact.Reads
		}
		for _, i := range reads {
			if i < len(v.Call.Args) {
				all[v.Call.Args[i]] = true
			}
		}
	}
	return all
}

// holder is the package variable or the field that an object is kept in; nil for others.
func holder(v ssa.Value) any {
	if load, ok := v.(*ssa.UnOp); ok {
		v = load.X
	}
	switch v := v.(type) {
	case *ssa.Global:
		return v
	case *ssa.FieldAddr:
		if f := fieldOf(v.X.Type(), v.Field); f != nil {
			return f
		}
	}
	return nil
}

// mutated are the package variables and fields that hold an object which a call writes.
func (m *model) mutated() map[any]bool {
	if m.held != nil {
		return m.held
	}
	m.held = map[any]bool{}
	each(m.flow.funcs, func(fn *ssa.Function, i ssa.Instruction) {
		c, ok := i.(ssa.CallInstruction)
		if !ok || initializes(fn) || m.testFile(i.Pos()) {
			return
		}
		for _, v := range m.writtenByCall(c) {
			if h := holder(v); h != nil {
				m.held[h] = true
			}
		}
	})
	return m.held
}

// checkObjects reports package variables that handler code reads by a call.
func (m *model) checkObjects(fn *ssa.Function) {
	for _, s := range m.sums[fn].sites {
		c, ok := s.instr.(*ssa.Call)
		if !ok || m.testFile(c.Pos()) {
			continue
		}
		if addr := m.readAt(c); addr != nil {
			if g, ok := base(addr).(*ssa.Global); ok && g.Pkg.Pkg == m.pass.Pkg && m.changes(g) {
				m.report(rulePackageVar, c.Pos(), packageVar(g.Name()))
			}
		}
		for arg := range m.readByCall(s) {
			if g, ok := holder(arg).(*ssa.Global); ok && g.Pkg.Pkg == m.pass.Pkg && m.mutated()[g] {
				m.report(rulePackageVar, c.Pos(), packageVar(g.Name()))
			}
		}
	}
}

func packageVar(name string) string {
	return fmt.Sprintf("package variable %s changes while the process lives, and a replay may be in another process: pass the value in the input, or as the result of a step", name)
}

// checkAround reports variables of the function around a handler, which handler code writes and
// reads: they belong to the process.
func (m *model) checkAround(r region) {
	outer := r.root.Parent()
	for f := outer; f != nil; f = f.Parent() {
		if hasContext(f.Signature) || m.bodies[f] || m.again[f] || m.handlerFuncs()[f] {
			return
		}
	}
	if outer == nil {
		return
	}
	writes := map[ssa.Value]bool{}
	reads := map[ssa.Value]ssa.Instruction{}
	for _, fn := range r.funcs {
		each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
			for _, v := range m.written(i) {
				if load, ok := base(v).(*ssa.UnOp); ok {
					v = load.X
				}
				for _, b := range m.around(v, outer) {
					writes[b] = true
				}
			}
			load, ok := i.(*ssa.UnOp)
			if !ok || uses(load) == 0 || onlyWrittenBack(load, load.X) || !isState(load.Type()) {
				return
			}
			if _, isMap := load.Type().Underlying().(*types.Map); isMap && !looksUp(load) {
				return
			}
			for _, b := range m.around(load.X, outer) {
				if reads[b] == nil {
					reads[b] = i
				}
			}
		})
	}
	for v, at := range reads {
		if a, ok := v.(*ssa.Alloc); ok && writes[v] && !m.testFile(at.Pos()) {
			m.report(rulePackageVar, at.Pos(), a.Comment+" is a variable around the handler, which handler code writes: it changes while the process lives, and a replay may be in another process; keep the value in a variable of the handler, or pass it as the result of a step")
		}
	}
}

// around are the variables of a function that a captured variable is.
func (m *model) around(v ssa.Value, outer *ssa.Function) []ssa.Value {
	free, ok := base(v).(*ssa.FreeVar)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(m.outermost(free, map[*ssa.Function]bool{}), func(b ssa.Value) bool { return parent(b) != outer })
}
