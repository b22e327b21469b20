package opcheck

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// methodOn are what a method of the value may be, if the value shows it: what is made an interface,
// what a constructor returns, what a variable of another package holds.
func (m *model) methodOn(src ssa.Value, method string) []target {
	if x, ok := src.(*ssa.Extract); ok && x.Index == 0 {
		src = x.Tuple
	}
	switch src := src.(type) {
	case *ssa.MakeInterface:
		obj, _, _ := types.LookupFieldOrMethod(src.X.Type(), true, m.pass.Pkg, method)
		if fn, ok := obj.(*types.Func); ok {
			return []target{m.target(fn)}
		}
	case *ssa.UnOp:
		if f := m.varFact(src.X); f != nil && f.Methods != nil {
			return f.Methods.target(method)
		}
		var all []target
		for _, v := range m.fieldValues[m.fieldKey(src.X)] {
			for _, r := range m.flow.sources(v) {
				if r != ssa.Value(src) {
					all = append(all, m.methodOn(r, method)...)
				}
			}
		}
		return all
	case *ssa.Call:
		fn := src.Call.StaticCallee()
		if fn == nil {
			return nil
		}
		if in := m.here(fn); in != nil {
			if m.visiting[in] {
				return nil
			}
			m.visiting[in] = true
			defer delete(m.visiting, in)
			var all []target
			for _, v := range results(in, 0) {
				for _, r := range m.flow.sources(v) {
					all = append(all, m.methodOn(r, method)...)
				}
			}
			return all
		}
		if f := m.fact(objectOf(fn)); f != nil && f.Methods != nil {
			return f.Methods.target(method)
		}
	}
	return nil
}

// returnedMethods are the effects of the methods of the interface that a function returns, by name;
// nil if it is not known what all that is.
func (m *model) returnedMethods(fn *ssa.Function) methods {
	if fn.Signature.Results().Len() == 0 {
		return nil
	}
	i, ok := fn.Signature.Results().At(0).Type().Underlying().(*types.Interface)
	if !ok || i.NumMethods() == 0 || types.Identical(fn.Signature.Results().At(0).Type(), types.Universe.Lookup("error").Type()) {
		return nil
	}
	return m.methodsIn(i, results(fn, 0))
}

// wiredEffects are the effects of calling what a value is, or a method of it.
func (m *model) wiredEffects(v ssa.Value, method string) []effect {
	var all []effect
	for _, src := range m.flow.sources(v) {
		targets := m.sourceFuncs
		if method != "" {
			targets = func(v ssa.Value) []target { return m.methodOn(v, method) }
		}
		for _, t := range targets(src) {
			all = append(all, m.namedEffects(t)...)
		}
	}
	return all
}

// namedEffects are the effects of a target, with its name in their chain.
func (m *model) namedEffects(t target) []effect {
	var all []effect
	for _, e := range m.calleeEffects(t) {
		if e.Where != "" && t.obj != nil {
			e = e.through(short(t.obj))
		}
		all = append(all, e)
	}
	return all
}

// callers adds to what fields hold, if it is an interface or a function, what the package passes
// for the parameters that they are set to.
func (f *flow) callers() {
	calls := map[*ssa.Function][]*ssa.CallCommon{}
	each(f.funcs, func(_ *ssa.Function, i ssa.Instruction) {
		if c, ok := i.(ssa.CallInstruction); ok {
			if fn := c.Common().StaticCallee(); fn != nil {
				if fn.Origin() != nil {
					fn = fn.Origin()
				}
				calls[fn] = append(calls[fn], c.Common())
			}
		}
	})
	passed := func(stored []ssa.Value) []ssa.Value {
		var more []ssa.Value
		for _, v := range stored {
			if !callableType(v.Type()) {
				continue
			}
			for _, src := range f.sources(v) {
				p, ok := src.(*ssa.Parameter)
				if !ok || p.Parent().Parent() != nil || p.Parent().Signature.Recv() != nil && p == p.Parent().Params[0] {
					continue
				}
				at := slices.Index(p.Parent().Params, p)
				for _, c := range calls[p.Parent()] {
					if at < len(c.Args) && !slices.Contains(stored, c.Args[at]) && !slices.Contains(more, c.Args[at]) {
						more = append(more, c.Args[at])
					}
				}
			}
		}
		return more
	}
	for range 3 { // a constructor may call another one
		for _, places := range []map[any][]ssa.Value{f.stores, f.elems} {
			added := map[any][]ssa.Value{}
			for place, stored := range places {
				if a, local := place.(*ssa.Alloc); local && a.Comment != "varargs" {
					continue // reported where it is given
				}
				if more := passed(stored); len(more) > 0 {
					added[place] = more
				}
			}
			for place, more := range added {
				places[place] = append(places[place], more...)
			}
		}
	}
}

func callableType(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Interface, *types.Signature:
		return true
	}
	return false
}
