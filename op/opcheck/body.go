package opcheck

import (
	"fmt"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// checkBodies applies the rules for bodies and groups.
func (m *model) checkBodies() {
	for _, fn := range m.flow.funcs {
		if m.bodies[fn] {
			m.checkIgnores(fn)
			m.checkIdempotency(fn)
		}
		if m.bodies[fn] || m.groups[fn] {
			m.checkWrites(m.household(fn))
		}
		if m.bodies[fn] || isGroup(fn) {
			m.checkOuter(fn, m.family(fn))
		}
	}
}

// isGroup reports whether a function inside another has an op.Context of its own.
func isGroup(fn *ssa.Function) bool {
	if fn.Parent() == nil {
		return false
	}
	for _, p := range fn.Params {
		if isContext(p.Type()) {
			return true
		}
	}
	return false
}

// family is a function with those inside it.
func (m *model) family(fn *ssa.Function) map[*ssa.Function]bool {
	all := map[*ssa.Function]bool{fn: true}
	for _, a := range fn.AnonFuncs {
		for f := range m.family(a) {
			all[f] = true
		}
	}
	return all
}

// household is the family of a function, and the functions beside it that they call: a closure that
// notes something for several branches, say.
func (m *model) household(fn *ssa.Function) map[*ssa.Function]bool {
	all := m.family(fn)
	var add func(f *ssa.Function)
	add = func(f *ssa.Function) {
		for _, c := range m.sums[f].sites {
			for _, t := range m.reached(c) {
				if t.fn == nil || t.fn.Parent() == nil || all[t.fn] || m.sums[t.fn] == nil ||
					m.bodies[t.fn] || m.groups[t.fn] || hasContext(t.fn.Signature) {
					continue
				}
				for g := range m.family(t.fn) {
					all[g] = true
				}
				add(t.fn)
			}
		}
	}
	for f := range m.family(fn) {
		add(f)
	}
	return all
}

// checkWrites reports what a body writes and others read: after a replay, in which the body does
// not run, they read something else.
func (m *model) checkWrites(family map[*ssa.Function]bool) {
	for fn := range family {
		each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
			for _, v := range m.written(i) {
				m.checkWrite(i, v, family)
			}
		})
	}
}

func (m *model) checkWrite(i ssa.Instruction, v ssa.Value, family map[*ssa.Function]bool) {
	field, loaded := "", false
	for {
		switch a := v.(type) {
		case *ssa.FieldAddr:
			if f := fieldOf(a.X.Type(), a.Field); f != nil && field == "" {
				field = f.Name()
			}
			v = a.X
			continue
		case *ssa.IndexAddr:
			v = a.X
			continue
		case *ssa.UnOp:
			if a.Op == token.MUL {
				v, loaded = a.X, true
				continue
			}
		case *ssa.Slice:
			v = a.X
			continue
		}
		break
	}
	if g, ok := v.(*ssa.Global); ok {
		if m.readsGlobal(g) {
			m.report(ruleWrite, i.Pos(), fmt.Sprintf("package variable %s is written in a body and read in handler code: a replay does not run the body; return the value as the result of the operation", g.Name()))
		}
		return
	}
	if p, ok := v.(*ssa.Parameter); ok && family[p.Parent()] && p.Parent().Signature.Recv() != nil && p == p.Parent().Params[0] {
		if _, pointer := p.Type().Underlying().(*types.Pointer); pointer && field != "" && m.readsField(p, field) {
			m.report(ruleWrite, i.Pos(), bodyWritten(p.Name()+"."+field))
		}
		return
	}
	free, ok := v.(*ssa.FreeVar)
	if !ok {
		return
	}
	if _, call := i.(ssa.CallInstruction); call && loaded && field == "" {
		return // a method of what a pointer points to: which field it writes is not known
	}
	for _, b := range m.outermost(free, family) {
		name := free.Name()
		var read bool
		own := m.handlerFuncs()[parent(b)]
		elsewhere := reading{
			counts: func(fn *ssa.Function) bool { return !family[fn] && (own || m.handlerFuncs()[fn]) },
			// What a test declares, or the function that makes the operations, is read by loads
			// alone.
			loads: !own,
		}
		switch b := b.(type) {
		case *ssa.Alloc:
			if p := m.pointer(b); p != nil && field != "" {
				name += "." + field
				read = m.readsField(p, field)
				break
			}
			read = m.readElsewhere(b, elsewhere)
		case *ssa.Parameter:
			if field == "" {
				read = m.readElsewhere(b, elsewhere)
			} else {
				name += "." + field
				read = m.readsField(b, field)
			}
		default:
			if field != "" {
				name += "." + field
			}
			read = m.readElsewhere(b, elsewhere)
		}
		if read {
			m.report(ruleWrite, i.Pos(), bodyWritten(name))
		} else if m.polled(family) && m.readElsewhere(free, reading{counts: func(fn *ssa.Function) bool { return family[fn] }, loads: true}) {
			m.report(ruleWrite, i.Pos(), name+" is written and read in the body of a condition, which runs again in other invocations: it is then what it was at first; make it part of the state")
		}
	}
}

// polled reports whether a family is that of the body of a condition.
func (m *model) polled(family map[*ssa.Function]bool) bool {
	for fn := range family {
		if m.polls[fn] {
			return true
		}
	}
	return false
}

func bodyWritten(name string) string {
	return name + " is written in a body and read outside of it: a replay does not run the body, and it is then unset; return the value as the result of the operation"
}

// pointer is the parameter of a pointer type that a captured variable is; nil for others.
func (m *model) pointer(a *ssa.Alloc) *ssa.Parameter {
	stored := m.flow.stores[a]
	if len(stored) != 1 {
		return nil
	}
	p, ok := stored[0].(*ssa.Parameter)
	if !ok {
		return nil
	}
	if _, ok := p.Type().Underlying().(*types.Pointer); !ok {
		return nil
	}
	return p
}

// outermost are what a captured variable is where the family is declared.
func (m *model) outermost(v *ssa.FreeVar, family map[*ssa.Function]bool) []ssa.Value {
	var all []ssa.Value
	for _, b := range m.flow.bindings(v) {
		if f, ok := b.(*ssa.FreeVar); ok {
			all = append(all, m.outermost(f, family)...)
			continue
		}
		if !family[parent(b)] {
			all = append(all, b)
		}
	}
	return all
}

// reading says which uses of a variable count as reading it.
type reading struct {
	counts func(*ssa.Function) bool
	loads  bool // no calls that are given its address
}

// readElsewhere reports whether a variable is read by functions that count.
func (m *model) readElsewhere(v ssa.Value, r reading) bool {
	if v.Referrers() == nil {
		return false
	}
	for _, use := range *v.Referrers() {
		switch use := use.(type) {
		case *ssa.DebugRef, *ssa.MapUpdate:
		case *ssa.Store:
			if use.Addr != v && r.counts(use.Parent()) {
				return true
			}
		case *ssa.MakeClosure:
			fn := functionOf(use)
			for i, b := range use.Bindings {
				if b == v && i < len(fn.FreeVars) && m.readElsewhere(fn.FreeVars[i], r) {
					return true
				}
			}
		case *ssa.FieldAddr:
			if m.readElsewhere(use, r) {
				return true
			}
		case *ssa.Call:
			obj := calleeObject(use)
			if r.counts(use.Parent()) && (m.know.is(reads, obj) || !r.loads && !m.know.is(writes, obj)) {
				return true
			}
		default:
			if r.counts(use.Parent()) && !onlyWrittenBack(use, v) {
				return true
			}
		}
	}
	return false
}

// onlyWrittenBack reports whether a load of a variable serves to write it again: n++, append.
func onlyWrittenBack(use ssa.Instruction, v ssa.Value) bool {
	load, ok := use.(*ssa.UnOp)
	if !ok || load.Op != token.MUL || uses(load) == 0 {
		return false
	}
	for _, u := range *load.Referrers() {
		made, ok := u.(ssa.Value)
		if !ok {
			return false
		}
		switch u := u.(type) {
		case *ssa.Call:
			b, ok := u.Call.Value.(*ssa.Builtin)
			if !ok || b.Name() != "append" || u.Call.Args[0] != ssa.Value(load) {
				return false
			}
		case *ssa.BinOp:
		default:
			return false
		}
		for _, w := range *made.Referrers() {
			if st, ok := w.(*ssa.Store); !ok || st.Addr != v {
				return false
			}
		}
	}
	return true
}

// readsField reports whether handler code around the receiver reads a field of it.
func (m *model) readsField(p *ssa.Parameter, field string) bool {
	t := typeName(p.Type())
	found := false
	for fn := range m.handlerFuncs() {
		each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
			a, ok := i.(*ssa.FieldAddr)
			if !ok || typeName(a.X.Type()) != t {
				return
			}
			f := fieldOf(a.X.Type(), a.Field)
			if f == nil || f.Name() != field {
				return
			}
			for _, use := range *a.Referrers() {
				if st, ok := use.(*ssa.Store); !ok || st.Addr != ssa.Value(a) {
					found = true
				}
			}
		})
	}
	return found
}

func (m *model) readsGlobal(g *ssa.Global) bool {
	found := false
	for fn := range m.handlerFuncs() {
		each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
			for _, op := range i.Operands(nil) {
				if *op != ssa.Value(g) {
					continue
				}
				if st, ok := i.(*ssa.Store); !ok || st.Addr != ssa.Value(g) {
					found = true
				}
			}
		})
	}
	return found
}

// handlerFuncs are all functions of the package that are handler code.
func (m *model) handlerFuncs() map[*ssa.Function]bool {
	if m.handlers != nil {
		return m.handlers
	}
	all := map[*ssa.Function]bool{}
	m.handlers = all
	var add func(fn *ssa.Function)
	add = func(fn *ssa.Function) {
		if fn == nil || all[fn] || m.sums[fn] == nil || m.bodies[fn] {
			return
		}
		all[fn] = true
		for _, c := range m.sums[fn].sites {
			for _, t := range m.reached(c) {
				add(t.fn)
			}
		}
	}
	for _, r := range m.regions() {
		for _, fn := range r.funcs {
			add(fn)
		}
	}
	return all
}

// checkOuter reports an op.Context from outside that is used inside an operation.
func (m *model) checkOuter(inner *ssa.Function, family map[*ssa.Function]bool) {
	for fn := range family {
		each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
			c, ok := i.(ssa.CallInstruction)
			if !ok {
				return
			}
			api := apiName(calleeObject(c))
			if api == apiExecution || api == apiLogger || m.bodies[inner] && knows(api) {
				return
			}
			if m.callsOuter(c, inner, family) {
				m.report(ruleOuter, i.Pos(), "a function is called that runs operations with an op.Context from outside of "+sayInner(m.bodies[inner])+": have it take the context")
			}
			for _, a := range c.Common().Args {
				if (isContext(a.Type()) || m.runsWithin(c, a)) && m.comesFromOutside(a, family) {
					what := "the body of an operation: use the context that the body is given"
					var fixes []analysis.SuggestedFix
					if !m.bodies[inner] {
						what = "a group: use the context that the group is given"
						if isContext(a.Type()) {
							fixes = m.fixOuter(fn, c)
						}
					}
					m.report(ruleOuter, i.Pos(), "an op.Context from outside is used in "+what, fixes...)
				}
			}
		})
	}
}

func sayInner(body bool) string {
	if body {
		return "the body of an operation"
	}
	return "a group"
}

// callsOuter reports whether a call calls a function that is beside the family, and that runs
// operations with a context it has captured.
func (m *model) callsOuter(c ssa.CallInstruction, inner *ssa.Function, family map[*ssa.Function]bool) bool {
	for _, s := range m.sums[c.Parent()].sites {
		if s.instr != c || len(s.targets) == 0 {
			continue
		}
		return !slices.ContainsFunc(s.targets, func(t target) bool {
			o := m.sums[t.fn]
			return o == nil || !o.runs || t.fn.Parent() == nil || family[t.fn] || hasContext(t.fn.Signature) ||
				!inside(inner, t.fn.Parent()) || slices.ContainsFunc(c.Common().Args, func(a ssa.Value) bool { return holdsContext(a.Type()) })
		})
	}
	return false
}

// runsWithin reports whether a call is given no op.Context but an object that has one, and runs
// operations.
func (m *model) runsWithin(c ssa.CallInstruction, a ssa.Value) bool {
	if !holdsContext(a.Type()) || c.Common().IsInvoke() {
		return false
	}
	for _, arg := range c.Common().Args {
		if isContext(arg.Type()) {
			return false // which of the two it uses is not known
		}
	}
	return m.runsOperation(c)
}

func (m *model) comesFromOutside(v ssa.Value, family map[*ssa.Function]bool) bool {
	if load, ok := v.(*ssa.UnOp); ok {
		v = load.X
	}
	free, ok := v.(*ssa.FreeVar)
	return ok && len(m.outermost(free, family)) > 0
}

// checkIdempotency reports a body that calls an API with idempotency keys and does not ask for its
// own.
func (m *model) checkIdempotency(fn *ssa.Function) {
	s := m.sums[fn]
	if s.info || len(s.keyed) == 0 {
		return
	}
	for _, e := range values(s.keyed) {
		m.report(ruleIdempotency, fn.Pos(), fmt.Sprintf("%s takes an idempotency key, and the body may run more than once: pass on %s(ctx)'s IdempotencyKey", e.chain(), apiInfoFrom))
	}
}
