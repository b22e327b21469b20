package opcheck

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// updateWrites finds the parameters that a function writes through.
func (m *model) updateWrites(fn *ssa.Function, s *sum) {
	for _, b := range fn.Blocks {
		for _, i := range b.Instrs {
			for _, v := range m.written(i) {
				if p, ok := base(v).(*ssa.Parameter); ok && p.Parent() == fn {
					s.writes[slices.Index(fn.Params, p)] = true
				} else if p := mapOfParam(v); p != nil && p.Parent() == fn {
					s.writes[slices.Index(fn.Params, p)] = true
				}
			}
		}
	}
}

// mapOfParam is the parameter of which a map or list is a field that is written to; nil for others.
func mapOfParam(v ssa.Value) *ssa.Parameter {
	load, ok := base(v).(*ssa.UnOp)
	if !ok {
		return nil
	}
	if _, field := load.X.(*ssa.FieldAddr); !field {
		return nil
	}
	switch load.Type().Underlying().(type) {
	case *types.Map, *types.Slice:
		p, _ := base(load.X).(*ssa.Parameter)
		return p
	}
	return nil
}

// written are the addresses, maps and pointers that an instruction writes through.
func (m *model) written(i ssa.Instruction) []ssa.Value {
	switch i := i.(type) {
	case *ssa.Store:
		return []ssa.Value{i.Addr}
	case *ssa.MapUpdate:
		return []ssa.Value{i.Map}
	case ssa.CallInstruction:
		return m.writtenByCall(i)
	}
	return nil
}

func (m *model) writtenByCall(c ssa.CallInstruction) []ssa.Value {
	common := c.Common()
	if b, ok := common.Value.(*ssa.Builtin); ok {
		if n := b.Name(); n == "delete" || n == "clear" || n == "copy" {
			return common.Args[:1]
		}
		return nil
	}
	fn := common.StaticCallee()
	if fn == nil {
		return nil
	}
	obj := objectOf(fn)
	switch {
	case m.know.is(reads, obj):
		return nil
	case m.know.is(writes, obj) && len(common.Args) > 0:
		return common.Args[:1]
	case m.know.is(fills, obj):
		return filled(common.Args)
	}
	var all []ssa.Value
	if in := m.here(fn); in != nil {
		for j := range m.sums[in].writes {
			if j >= 0 && j < len(common.Args) {
				all = append(all, common.Args[j])
			}
		}
	} else if f := m.fact(obj); f != nil {
		for _, j := range f.Writes {
			if j < len(common.Args) {
				all = append(all, common.Args[j])
			}
		}
	}
	return all
}

// filled are the pointers among the arguments, those in a list of ...any included.
func filled(args []ssa.Value) []ssa.Value {
	var all []ssa.Value
	for _, a := range args {
		switch a := a.(type) {
		case *ssa.MakeInterface:
			if _, ok := a.X.Type().Underlying().(*types.Pointer); ok {
				all = append(all, a.X)
			}
		case *ssa.Slice:
			all = append(all, filled(variadic(a))...)
		}
	}
	return all
}

// variadic are the elements of a list that the compiler made of arguments.
func variadic(s *ssa.Slice) []ssa.Value {
	arr, ok := s.X.(*ssa.Alloc)
	if !ok || arr.Referrers() == nil {
		return nil
	}
	var all []ssa.Value
	for _, r := range *arr.Referrers() {
		if x, ok := r.(*ssa.IndexAddr); ok && x.Referrers() != nil {
			for _, st := range *x.Referrers() {
				if st, ok := st.(*ssa.Store); ok && st.Addr == x {
					all = append(all, st.Val)
				}
			}
		}
	}
	return all
}
