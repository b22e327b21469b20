package opcheck

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// flow knows, of one package, which values are stored where.
type flow struct {
	funcs    []*ssa.Function
	closures map[*ssa.Function][]*ssa.MakeClosure
	stores   map[any][]ssa.Value // by place: *ssa.Alloc, *ssa.Global, a field's *types.Var
	elems    map[any][]ssa.Value // of maps and slices, by place or by the value that made them
}

func newFlow(funcs []*ssa.Function) *flow {
	f := &flow{
		funcs: funcs, closures: map[*ssa.Function][]*ssa.MakeClosure{},
		stores: map[any][]ssa.Value{}, elems: map[any][]ssa.Value{},
	}
	each(funcs, func(_ *ssa.Function, i ssa.Instruction) {
		if c, ok := i.(*ssa.MakeClosure); ok {
			f.closures[functionOf(c)] = append(f.closures[functionOf(c)], c)
		}
	})
	each(funcs, func(_ *ssa.Function, i ssa.Instruction) {
		switch i := i.(type) {
		case *ssa.Store:
			if x, ok := i.Addr.(*ssa.IndexAddr); ok {
				for _, p := range f.places(x.X) {
					f.elems[p] = append(f.elems[p], i.Val)
				}
				return
			}
			for _, p := range f.place(i.Addr) {
				f.stores[p] = append(f.stores[p], i.Val)
			}
		case *ssa.MapUpdate:
			for _, p := range f.places(i.Map) {
				f.elems[p] = append(f.elems[p], i.Value)
			}
		}
	})
	f.callers()
	return f
}

// each calls do for every instruction.
func each(funcs []*ssa.Function, do func(*ssa.Function, ssa.Instruction)) {
	for _, fn := range funcs {
		for _, b := range fn.Blocks {
			for _, i := range b.Instrs {
				do(fn, i)
			}
		}
	}
}

// place is where an address points to.
func (f *flow) place(addr ssa.Value) []any {
	switch a := addr.(type) {
	case *ssa.Alloc:
		return []any{a}
	case *ssa.Global:
		return []any{a}
	case *ssa.FieldAddr:
		if v := fieldOf(a.X.Type(), a.Field); v != nil {
			return []any{v}
		}
	case *ssa.FreeVar:
		var places []any
		for _, b := range f.bindings(a) {
			places = append(places, f.place(b)...)
		}
		return places
	}
	return nil
}

// places are the place a map or slice was loaded from, or what made it.
func (f *flow) places(v ssa.Value) []any {
	switch v := v.(type) {
	case *ssa.UnOp:
		return f.place(v.X)
	case *ssa.Slice:
		return f.places(v.X)
	case *ssa.FreeVar:
		var places []any
		for _, b := range f.bindings(v) {
			places = append(places, f.places(b)...)
		}
		return places
	}
	return []any{v}
}

// bindings are what a variable of a closure stands for where the closure is made.
func (f *flow) bindings(v *ssa.FreeVar) []ssa.Value {
	i := slices.Index(v.Parent().FreeVars, v)
	var all []ssa.Value
	for _, c := range f.closures[v.Parent()] {
		all = append(all, c.Bindings[i])
	}
	return all
}

func fieldOf(t types.Type, i int) *types.Var {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	if s, ok := t.Underlying().(*types.Struct); ok && i < s.NumFields() {
		return s.Field(i).Origin()
	}
	return nil
}

// sources are the values that v may be: functions, closures, calls, parameters, constants, and
// variables of which this package stores nothing.
func (f *flow) sources(v ssa.Value) []ssa.Value {
	seen := map[ssa.Value]bool{}
	var all []ssa.Value
	var walk func(v ssa.Value)
	walk = func(v ssa.Value) {
		if v == nil || seen[v] || len(seen) > 200 {
			return
		}
		seen[v] = true
		switch v := v.(type) {
		case *ssa.Phi:
			for _, e := range v.Edges {
				walk(e)
			}
			return
		case *ssa.ChangeType:
			walk(v.X)
			return
		case *ssa.ChangeInterface:
			walk(v.X)
			return
		case *ssa.FreeVar:
			if b := f.bindings(v); len(b) > 0 {
				for _, b := range b {
					walk(b)
				}
				return
			}
		case *ssa.UnOp:
			if stored := f.loaded(v.X); len(stored) > 0 {
				for _, s := range stored {
					walk(s)
				}
				return
			}
		case *ssa.Field:
			if stored := f.stores[any(fieldOf(v.X.Type(), v.Field))]; len(stored) > 0 {
				for _, s := range stored {
					walk(s)
				}
				return
			}
		case *ssa.Lookup:
			if stored := f.contents(v.X); len(stored) > 0 {
				for _, s := range stored {
					walk(s)
				}
				return
			}
		case *ssa.Extract:
			switch t := v.Tuple.(type) {
			case *ssa.Lookup:
				walk(t)
				return
			case *ssa.TypeAssert:
				walk(t.X)
				return
			}
		case *ssa.TypeAssert:
			walk(v.X)
			return
		}
		all = append(all, v)
	}
	walk(v)
	return all
}

// loaded is what was stored at an address.
func (f *flow) loaded(addr ssa.Value) []ssa.Value {
	if x, ok := addr.(*ssa.IndexAddr); ok {
		return f.contents(x.X)
	}
	var all []ssa.Value
	for _, p := range f.place(addr) {
		all = append(all, f.stores[p]...)
	}
	return all
}

// contents are the elements of a map or slice.
func (f *flow) contents(v ssa.Value) []ssa.Value {
	var all []ssa.Value
	seen := map[any]bool{}
	var walk func(v ssa.Value)
	walk = func(v ssa.Value) {
		if len(seen) > 100 {
			return
		}
		for _, p := range f.places(v) {
			if seen[p] {
				continue
			}
			seen[p] = true
			all = append(all, f.elems[p]...)
			for _, stored := range f.stores[p] {
				walk(stored)
			}
			switch p := p.(type) {
			case *ssa.Call:
				if isAppend(p) {
					for _, a := range p.Call.Args {
						walk(a)
					}
				}
			case *ssa.Phi:
				for _, e := range p.Edges {
					walk(e)
				}
			}
		}
	}
	walk(v)
	return all
}

// onwards calls visit for each use of v and of what is made from it, until visit says no.
func onwards(v ssa.Value, visit func(use ssa.Instruction, v ssa.Value) bool) {
	seen := map[ssa.Value]bool{}
	var walk func(v ssa.Value)
	walk = func(v ssa.Value) {
		if seen[v] || len(seen) > 100 || v.Referrers() == nil {
			return
		}
		seen[v] = true
		for _, use := range *v.Referrers() {
			if !visit(use, v) {
				continue
			}
			switch use := use.(type) {
			case *ssa.Store:
				if use.Val == v {
					walk(base(use.Addr))
				}
			case *ssa.MapUpdate:
				walk(use.Map)
			case ssa.Value:
				walk(use)
			}
		}
	}
	walk(v)
}

// base is the variable that an address is part of.
func base(addr ssa.Value) ssa.Value {
	for {
		switch a := addr.(type) {
		case *ssa.FieldAddr:
			addr = a.X
		case *ssa.IndexAddr:
			addr = a.X
		default:
			return addr
		}
	}
}

// loops says which blocks of a function can be reached from themselves.
type loops map[*ssa.BasicBlock]map[*ssa.BasicBlock]bool

// reaches reports whether control can go from a to b.
func (l loops) reaches(a, b *ssa.BasicBlock) bool {
	if l[a] == nil {
		r := map[*ssa.BasicBlock]bool{}
		var walk func(x *ssa.BasicBlock)
		walk = func(x *ssa.BasicBlock) {
			for _, s := range x.Succs {
				if !r[s] {
					r[s] = true
					walk(s)
				}
			}
		}
		walk(a)
		l[a] = r
	}
	return l[a][b]
}

// around reports whether the block is part of a loop.
func (l loops) around(b *ssa.BasicBlock) bool { return l.reaches(b, b) || yields(b.Parent()) }

// yields reports whether the function is the body of a range over a function.
func yields(fn *ssa.Function) bool { return fn.Synthetic == "range-over-func yield" }

// after reports whether b may run after a.
func (l loops) after(a, b ssa.Instruction) bool {
	if a.Parent() != b.Parent() {
		return false
	}
	if a.Block() == b.Block() {
		is := a.Block().Instrs
		if slices.Index(is, a) < slices.Index(is, b) {
			return true
		}
	}
	return l.reaches(a.Block(), b.Block())
}
