package opcheck

import (
	"fmt"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// This file is about objects that outlive a body or an invocation: what bodies leave in an object
// that handler code has made, and what handler code leaves in the receiver of the handler.

// updateLeaves finds the parameters that bodies write through which a function declares, or has
// declared.
func (m *model) updateLeaves(fn *ssa.Function, s *sum) {
	for _, a := range fn.AnonFuncs {
		if m.bodies[a] {
			for w := range m.leftIn(m.family(a)) {
				if p, ok := w.of.(*ssa.Parameter); ok && p.Parent() == fn {
					m.leave(s, fn, p, m.where(w.by.Pos()))
				}
			}
		}
	}
	for _, c := range s.sites {
		for arg, where := range m.leftByCall(c) {
			for _, src := range m.flow.sources(arg) {
				if p, ok := src.(*ssa.Parameter); ok && p.Parent() == fn {
					m.leave(s, fn, p, where)
				}
			}
		}
	}
}

func (m *model) leave(s *sum, fn *ssa.Function, p *ssa.Parameter, where string) {
	i := slices.Index(fn.Params, p)
	if _, ok := s.leaves[i]; !ok {
		s.leaves[i] = where
	}
}

// leftByCall are the arguments that a callee writes through in bodies, with where it does.
func (m *model) leftByCall(c site) map[ssa.Value]string {
	all := map[ssa.Value]string{}
	args := c.instr.Common().Args
	if c.instr.Common().IsInvoke() {
		return all
	}
	for _, t := range c.targets {
		var leaves []leaving
		switch {
		case t.fn != nil && m.sums[t.fn] != nil:
			for i, where := range m.sums[t.fn].leaves {
				leaves = append(leaves, leaving{i, where})
			}
		case t.fact != nil:
			leaves = t.fact.Leaves
		}
		for _, l := range leaves {
			if l.Param < len(args) {
				all[args[l.Param]] = l.Where
			}
		}
	}
	return all
}

// left is an object that is written through a pointer, and the instruction that does it.
type left struct {
	of ssa.Value
	by ssa.Instruction
}

// leftIn are the objects from outside that a body writes through a pointer or a map that it has
// captured.
func (m *model) leftIn(family map[*ssa.Function]bool) map[left]bool {
	all := map[left]bool{}
	for fn := range family {
		each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
			for _, v := range m.written(i) {
				load, ok := base(v).(*ssa.UnOp)
				if !ok {
					continue // the variable itself: checkWrite
				}
				for _, src := range m.flow.sources(load) {
					if !family[parent(src)] {
						all[left{src, i}] = true
					}
				}
			}
		})
	}
	return all
}

// checkLeft reports objects that handler code makes in each invocation, bodies write, and others
// use.
func (m *model) checkLeft(r region) {
	type place struct {
		call  ssa.Instruction
		where string
	}
	writers := map[ssa.Value][]place{}
	add := func(src ssa.Value, call ssa.Instruction, where string) {
		if m.handlerFuncs()[parent(src)] {
			writers[src] = append(writers[src], place{call, where})
		}
	}
	for _, fn := range r.funcs {
		for _, s := range m.sums[fn].sites {
			for arg, where := range m.leftByCall(s) {
				for _, src := range m.flow.sources(arg) {
					switch src := src.(type) {
					case *ssa.Alloc, *ssa.MakeMap:
						add(src, s.instr, where)
					case *ssa.Call:
						if m.made(src) && hasMethods(src) {
							add(src, s.instr, where)
						}
					}
				}
			}
		}
		for _, a := range fn.AnonFuncs {
			if !m.bodies[a] {
				continue
			}
			for w := range m.leftIn(m.family(a)) {
				_, call := w.by.(ssa.CallInstruction)
				switch obj := w.of.(type) {
				case *ssa.Alloc:
					if call && hasMethods(obj) {
						add(obj, w.by, "")
					} else if !call && m.handlerFuncs()[parent(obj)] && loadedOutside(obj, m.family(a), map[ssa.Value]bool{}) {
						m.report(ruleWrite, w.by.Pos(), bodyWritten(obj.Comment))
					}
				case *ssa.Call:
					if m.made(obj) && hasMethods(obj) {
						add(obj, w.by, "")
					}
				}
			}
		}
	}
	for a, places := range writers {
		for _, p := range places {
			if !m.usedBeside(a, p.call) {
				continue
			}
			name, at := m.sayObject(a), ""
			if p.where != "" {
				at = " (" + p.where + ")"
			}
			m.report(ruleWrite, p.call.Pos(), fmt.Sprintf("%s is made in each invocation, and a body writes what it holds%s: a replay does not run the body, and others find it empty; return the value as the result of the operation, and fill it from that", name, at))
		}
	}
}

// loadedOutside reports whether a variable that a body writes through a pointer is read by others.
func loadedOutside(v ssa.Value, family map[*ssa.Function]bool, seen map[ssa.Value]bool) bool {
	if seen[v] || v.Referrers() == nil {
		return false
	}
	seen[v] = true
	for _, use := range *v.Referrers() {
		switch use := use.(type) {
		case *ssa.UnOp:
			if !family[use.Parent()] && uses(use) > 0 && !onlyWrittenBack(use, v) {
				return true
			}
		case *ssa.FieldAddr:
			if loadedOutside(use, family, seen) {
				return true
			}
		case *ssa.MakeClosure:
			fn := functionOf(use)
			for i, b := range use.Bindings {
				if fn != nil && b == v && i < len(fn.FreeVars) && loadedOutside(fn.FreeVars[i], family, seen) {
					return true
				}
			}
		}
	}
	return false
}

// hasMethods reports whether the object is a struct with a name: a call that writes it is then one
// of its methods, and not a function that fills a variable.
func hasMethods(a ssa.Value) bool {
	n, ok := types.Unalias(elem(a)).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return false
	}
	_, isStruct := n.Underlying().(*types.Struct)
	return isStruct && !ofAPI(n)
}

// elem is what an address is one of.
func elem(v ssa.Value) types.Type {
	if p, ok := v.Type().Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return v.Type()
}

// sayObject names an object by its variable, or by its type.
func (m *model) sayObject(a ssa.Value) string {
	for _, use := range *a.Referrers() {
		if st, ok := use.(*ssa.Store); ok && st.Val == a {
			if v, ok := st.Addr.(*ssa.Alloc); ok {
				return v.Comment
			}
		}
	}
	if a, ok := a.(*ssa.Alloc); ok && a.Comment != "complit" && a.Comment != "new" {
		return a.Comment
	}
	return "a " + types.TypeString(elem(a), func(p *types.Package) string { return p.Name() })
}

// usedBeside reports whether an object is used by something else than the call that has a body
// write it.
func (m *model) usedBeside(a ssa.Value, call ssa.Instruction) bool {
	body := call.Parent()
	found := false
	seen := map[ssa.Value]bool{}
	var visit func(v ssa.Value)
	visit = func(v ssa.Value) {
		if seen[v] || v.Referrers() == nil {
			return
		}
		seen[v] = true
		for _, use := range *v.Referrers() {
			switch use := use.(type) {
			case *ssa.DebugRef:
			case *ssa.Store:
				if use.Val == v {
					if kept, ok := use.Addr.(*ssa.Alloc); ok {
						visit(kept)
					}
				}
			case *ssa.UnOp:
				switch use.Type().Underlying().(type) {
				case *types.Pointer, *types.Map:
					visit(use)
				default:
					found = found || uses(use) > 0 && !onlyWrittenBack(use, v)
				}
			case *ssa.Phi:
				visit(use)
			case *ssa.Lookup, *ssa.Range:
				found = true
			case *ssa.FieldAddr:
				for _, u := range *use.Referrers() {
					if st, ok := u.(*ssa.Store); !ok || st.Addr != ssa.Value(use) {
						found = true
					}
				}
			case *ssa.MakeClosure:
				fn := functionOf(use)
				if fn == nil || fn == body {
					continue
				}
				if _, call := a.(*ssa.Call); call && m.bodies[fn] {
					continue // what bodies leave in a client, say, is its own affair
				}
				if fn.Synthetic != "" { // a method value
					found = true
					continue
				}
				for i, b := range use.Bindings {
					if b == v && i < len(fn.FreeVars) && !inFamily(body, fn) {
						visit(fn.FreeVars[i])
					}
				}
			case ssa.CallInstruction:
				found = found || use != call && !m.leavesIn(use, v)
			}
		}
	}
	visit(a)
	return found
}

// inFamily reports whether a function is fn or inside it.
func inFamily(f, fn *ssa.Function) bool { return f == fn || inside(f, fn) }

// leavesIn reports whether a call only has bodies write the object.
func (m *model) leavesIn(c ssa.CallInstruction, v ssa.Value) bool {
	for _, s := range m.sums[c.Parent()].sites {
		if s.instr == c {
			_, ok := m.leftByCall(s)[v]
			return ok
		}
	}
	return false
}

// checkState notes the fields of a handler's receiver that handler code writes and reads. They
// belong to the process, if the receiver is not an object of one invocation; that shows where the
// handler is made.
func (m *model) checkState(r region) {
	obj := objectOf(r.root)
	if obj == nil || obj.Pkg() != m.pass.Pkg || r.root.Signature.Recv() == nil {
		return
	}
	p := r.root.Params[0]
	if _, ok := p.Type().Underlying().(*types.Pointer); !ok || holdsContext(p.Type()) {
		return
	}
	written := map[string]bool{}
	read := map[string]string{}
	for _, fn := range r.funcs {
		each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
			a, ok := i.(*ssa.FieldAddr)
			if !ok || !slices.Contains(m.flow.sources(a.X), ssa.Value(p)) {
				return
			}
			f := fieldOf(a.X.Type(), a.Field)
			if f == nil || !isState(f.Type()) {
				return
			}
			for _, use := range *a.Referrers() {
				if st, ok := use.(*ssa.Store); ok && st.Addr == ssa.Value(a) {
					written[f.Name()] = true
				} else if load, ok := use.(*ssa.UnOp); ok && updates(load) {
					written[f.Name()] = true
				} else if load, ok := use.(*ssa.UnOp); ok && uses(load) > 0 && !writtenTo(load, f) && read[f.Name()] == "" {
					read[f.Name()] = m.where(load.Pos())
				}
			}
		})
	}
	for _, fn := range r.funcs {
		m.readObjects(fn, p, read, written)
	}
	for name, where := range read {
		if written[name] {
			m.sums[r.root].state[need{typeName(p.Type()) + "." + name, where}] = true
		}
	}
	m.exportFact(r.root)
}

// isState reports whether the value of a field of the type can decide what a handler does; what a
// pointer or an interface is set to once, and only then, is no such value.
func isState(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Basic, *types.Slice, *types.Map, *types.Struct, *types.Array:
		return true
	}
	return false
}

// writtenTo reports whether a load of a field serves to write the field again: n++, append.
func writtenTo(load *ssa.UnOp, f *types.Var) bool {
	for _, u := range *load.Referrers() {
		made, ok := u.(ssa.Value)
		if !ok || made.Referrers() == nil {
			return false
		}
		for _, w := range *made.Referrers() {
			st, ok := w.(*ssa.Store)
			if !ok {
				return false
			}
			a, ok := st.Addr.(*ssa.FieldAddr)
			if !ok || fieldOf(a.X.Type(), a.Field) != f {
				return false
			}
		}
	}
	return true
}

// exportFact exports what is known about a function once more, after a check has added to it.
func (m *model) exportFact(fn *ssa.Function) {
	if f := m.factOf(fn); f != nil {
		m.pass.ExportObjectFact(objectOf(fn), f)
	}
}

// stateOf are the fields that a handler writes and reads.
func (m *model) stateOf(t target) []need {
	switch {
	case t.fn != nil && m.sums[t.fn] != nil:
		return sortedNeeds(m.sums[t.fn].state)
	case t.fact != nil:
		return t.fact.State
	}
	return nil
}

// checkHandlerState reports, where a handler is made, what it reads of what earlier executions have
// left.
func (m *model) checkHandlerState(c ssa.CallInstruction, t target) {
	last := ""
	for _, n := range m.stateOf(t) {
		if n.What != last {
			what := "the field " + n.What + " of its receiver, which handler code writes"
			if strings.HasSuffix(n.What, ")") {
				what = "by " + n.What + " a field of its receiver, which changes"
			}
			m.reportOf(rulePackageVar, c.Pos(), n.What, fmt.Sprintf("%s reads at %s %s: it changes while the process lives, and a replay may be in another process; keep the value in a variable of the handler, or pass it as the result of a step", t.name(), n.Where, what))
		}
		last = n.What
	}
}

// updates reports whether a map is loaded to write it.
func updates(load *ssa.UnOp) bool {
	return slices.ContainsFunc(*load.Referrers(), func(use ssa.Instruction) bool {
		u, ok := use.(*ssa.MapUpdate)
		return ok && u.Map == ssa.Value(load)
	})
}

// readObjects notes the fields of a receiver that hold objects which handler code reads by calls,
// and others write.
func (m *model) readObjects(fn *ssa.Function, p *ssa.Parameter, read map[string]string, written map[string]bool) {
	note := func(v ssa.Value, at ssa.Instruction) {
		if load, ok := v.(*ssa.UnOp); ok {
			v = load.X
		}
		a, ok := v.(*ssa.FieldAddr)
		if !ok || !slices.Contains(m.flow.sources(a.X), ssa.Value(p)) {
			return
		}
		if f := fieldOf(a.X.Type(), a.Field); f != nil && (m.mutated()[f] || m.changing()[f]) {
			written[f.Name()] = true
			if read[f.Name()] == "" {
				read[f.Name()] = m.where(at.Pos())
			}
		}
	}
	for _, s := range m.sums[fn].sites {
		if c, ok := s.instr.(*ssa.Call); ok {
			if addr := m.readAt(c); addr != nil {
				note(addr, c)
			}
		}
		for arg := range m.readByCall(s) {
			note(arg, s.instr)
			if slices.Contains(m.flow.sources(arg), ssa.Value(p)) && len(s.targets) == 1 && s.targets[0].obj != nil {
				name := s.targets[0].obj.Name() + "()"
				read[name], written[name] = m.where(s.instr.Pos()), true
			}
		}
	}
}
