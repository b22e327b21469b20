package opcheck

import (
	"cmp"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// This file is about what handler code calls and is given: an interface or a function in a
// parameter, or in a field that a constructor or another package sets. What it is shows where it is
// given, which may be the package main.

// invoke is a call of what a parameter or a field holds.
type invoke struct {
	param  *ssa.Parameter // of the function or of one around it
	field  string
	method string // "" calls a function value
	where  string
	on     bool // handler code calls it, so it is judged where it is given
}

// invoking is an invoke for importers. Parameters are counted from 1, with the receiver.
type invoking struct {
	Param         int
	Field, Method string
	Where         string
	On            bool
}

// setting is a field that is set to a parameter.
type setting struct {
	param *ssa.Parameter
	field string
}

// setTo is a setting for importers.
type setTo struct {
	Param int
	Field string
}

// fieldKey names a field or a package variable for all packages; "" for what others cannot name.
func (m *model) fieldKey(addr ssa.Value) string {
	switch a := addr.(type) {
	case *ssa.Global:
		if a.Pkg == nil || a.Object() == nil {
			return ""
		}
		return a.Pkg.Pkg.Path() + "." + a.Name()
	case *ssa.FieldAddr:
		return keyOfField(a.X.Type(), a.Field)
	}
	return ""
}

func keyOfField(t types.Type, i int) string {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	f := fieldOf(t, i)
	if !ok || f == nil || n.Obj().Pkg() == nil {
		return ""
	}
	return n.Obj().Pkg().Path() + "." + n.Obj().Name() + "." + f.Name()
}

// updateInvokes finds the parameters and fields that a function calls, and those that it sets.
func (m *model) updateInvokes(fn *ssa.Function, s *sum) {
	for _, c := range s.sites {
		if _, async := c.instr.(*ssa.Go); async {
			continue
		}
		if !c.known {
			method := ""
			if c.instr.Common().IsInvoke() {
				method = c.instr.Common().Method.Name()
			}
			m.invokes(fn, s, c.instr.Common().Value, invoke{method: method, where: m.where(posOf(c.instr))})
		}
		for _, t := range c.targets {
			m.includeInvokes(fn, s, c, t)
		}
	}
	for _, a := range fn.AnonFuncs {
		if !hasContext(a.Signature) || m.bodies[a] || m.sums[a] == nil {
			continue
		}
		for q := range m.sums[a].invokes {
			if q.param != nil && q.param.Parent() != a {
				q.on = true
				s.invokes[q] = true
			}
		}
		for q := range m.sums[a].sets {
			s.sets[q] = true
		}
	}
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		if st, ok := i.(*ssa.Store); ok && callableType(st.Val.Type()) {
			m.sets(s, st.Val, m.fieldKey(st.Addr))
		}
	})
	for _, a := range fn.AnonFuncs {
		if m.sums[a] != nil {
			for q := range m.sums[a].sets {
				s.sets[q] = true
			}
		}
	}
}

// sets notes that a field is set to a parameter.
func (m *model) sets(s *sum, v ssa.Value, field string) {
	if field == "" {
		return
	}
	for _, src := range m.flow.sources(v) {
		if p, ok := src.(*ssa.Parameter); ok {
			s.sets[setting{p, field}] = true
		}
	}
}

// invokes notes that a function calls what a value holds.
func (m *model) invokes(fn *ssa.Function, s *sum, v ssa.Value, q invoke) {
	for _, src := range m.flow.sources(v) {
		if p, ok := src.(*ssa.Parameter); ok && (p.Parent() == fn || inside(fn, p.Parent())) {
			q.param, q.on = p, q.on || hasContext(p.Parent().Signature)
			s.invokes[q] = true
			q.param = nil
		}
	}
	if load, ok := v.(*ssa.UnOp); ok {
		if q.field = m.fieldKey(load.X); q.field != "" {
			q.on = false
			s.invokes[q] = true
		}
	}
}

// includeInvokes notes what a callee calls of what it is given.
func (m *model) includeInvokes(fn *ssa.Function, s *sum, c site, t target) {
	if o := m.sums[t.fn]; o != nil && !t.hasContext() {
		for q := range o.invokes {
			if q.param != nil && q.param.Parent() != t.fn && inside(fn, q.param.Parent()) || q.param != nil && q.param.Parent() == fn {
				s.invokes[q] = true // of a function around both
			}
		}
	}
	args := arguments(c)
	for _, q := range m.invokesOf(t) {
		switch {
		case q.Field != "" && !t.hasContext():
			s.invokes[invoke{field: q.Field, method: q.Method, where: q.Where}] = true
		case q.Param > 0 && q.Param <= len(args):
			arg := args[q.Param-1]
			m.invokes(fn, s, arg, invoke{method: q.Method, where: q.Where, on: q.On})
			if q.On || q.Method == "" {
				continue // reported where it is given; functions that are called are known otherwise
			}
		}
	}
	for _, e := range m.givenEffects(c, t) {
		m.addEffect(s, e, t, c.instr.Pos())
	}
	for _, set := range m.setsOf(t) {
		if set.Param <= len(args) {
			m.sets(s, args[set.Param-1], set.Field)
		}
	}
}

// givenEffects are the effects of methods that a callee calls of what it is given, if that is no
// handler code.
func (m *model) givenEffects(c site, t target) []effect {
	var all []effect
	args := arguments(c)
	for _, q := range m.invokesOf(t) {
		if !q.On && q.Method != "" && q.Param > 0 && q.Param <= len(args) {
			for _, e := range m.wiredEffects(args[q.Param-1], q.Method) {
				if e.Where == "" {
					e.Where = q.Where
				}
				all = append(all, e)
			}
		}
	}
	return all
}

// arguments are those of a call, with the receiver.
func arguments(c site) []ssa.Value {
	args := c.instr.Common().Args
	if c.instr.Common().IsInvoke() {
		args = append([]ssa.Value{c.instr.Common().Value}, args...)
	}
	return args
}

func (t target) hasContext() bool {
	return t.obj != nil && hasContext(t.obj.Signature()) || t.fn != nil && hasContext(t.fn.Signature)
}

// invokesOf are the calls of what a target is given, and of fields.
func (m *model) invokesOf(t target) []invoking {
	switch {
	case t.fn != nil && m.sums[t.fn] != nil:
		return m.sums[t.fn].invoking(t.fn)
	case t.fact != nil:
		return t.fact.Invokes
	}
	return nil
}

// invoking are the calls for importers.
func (s *sum) invoking(fn *ssa.Function) []invoking {
	var all []invoking
	for q := range s.invokes {
		if param, ok := ownOrNone(q.param, fn); ok {
			all = append(all, invoking{Param: param, Field: q.field, Method: q.method, Where: q.where, On: q.on})
		}
	}
	slices.SortFunc(all, func(a, b invoking) int {
		return cmp.Or(cmp.Compare(a.Param, b.Param), compare(a.Field, b.Field), compare(a.Method, b.Method), compare(a.Where, b.Where))
	})
	return all
}

// setsOf are the fields that a target sets to what it is given.
func (m *model) setsOf(t target) []setTo {
	switch {
	case t.fn != nil && m.sums[t.fn] != nil:
		return m.sums[t.fn].setTo(t.fn)
	case t.fact != nil:
		return t.fact.Sets
	}
	return nil
}

// setTo are the settings for importers.
func (s *sum) setTo(fn *ssa.Function) []setTo {
	var all []setTo
	for q := range s.sets {
		if i := parameter(q.param, fn); i > 0 {
			all = append(all, setTo{i, q.field})
		}
	}
	slices.SortFunc(all, func(a, b setTo) int { return cmp.Or(cmp.Compare(a.Param, b.Param), compare(a.Field, b.Field)) })
	return all
}

// checkWired reports what handler code of a callee, or of another package, is given and must not
// call.
func (m *model) checkWired(fn *ssa.Function) {
	for _, c := range m.sums[fn].sites {
		args := arguments(c)
		for _, t := range c.targets {
			for _, q := range m.invokesOf(t) {
				if q.On && q.Param > 0 && q.Param <= len(args) {
					m.reportWired(c.instr, t.name(), q, args[q.Param-1])
				}
			}
			if t.fn != nil {
				continue // handler code of this package knows what its fields hold
			}
			for _, set := range m.setsOf(t) {
				if set.Param <= len(args) {
					m.checkField(c.instr, set.Field, args[set.Param-1])
				}
			}
		}
	}
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		if st, ok := i.(*ssa.Store); ok && callableType(st.Val.Type()) {
			m.checkField(st, m.fieldKey(st.Addr), st.Val)
		}
	})
}

// checkField reports what a field of another package is set to, if handler code of that calls it.
func (m *model) checkField(i ssa.Instruction, field string, v ssa.Value) {
	for _, q := range m.fieldCalls[field] {
		m.reportWired(i, field[lastSlash(field):], q, v)
	}
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i + 1
		}
	}
	return 0
}

// reportWired reports what handler code calls elsewhere and is given here.
func (m *model) reportWired(i ssa.Instruction, what string, q invoking, v ssa.Value) {
	for _, e := range m.wiredEffects(v, q.Method) {
		if e.Where == "" {
			e.Where = m.where(wiredPos(i, v))
		}
		m.reportKind(wiredPos(i, v), e, what+", which handler code calls at "+q.Where+", is given what calls "+e.chain()+", which")
	}
}

// wiredPos is where a value is given.
func wiredPos(i ssa.Instruction, v ssa.Value) token.Pos {
	if c, ok := i.(ssa.CallInstruction); ok {
		return posOf(c)
	}
	if i.Pos().IsValid() {
		return i.Pos()
	}
	return v.Pos()
}

// readFieldCalls collects which fields handler code of imported packages calls, and what this
// package has their constructors set.
func (m *model) readFieldCalls() {
	m.fieldCalls, m.submits = map[string][]invoking{}, map[string]bool{}
	for _, f := range m.pass.AllPackageFacts() {
		if pf, ok := f.Fact.(*packageFact); ok {
			for _, field := range pf.Submits {
				m.submits[field] = true
			}
			for _, q := range pf.Calls {
				m.fieldCalls[q.Field] = append(m.fieldCalls[q.Field], q)
			}
		}
	}
	m.fieldValues = map[string][]ssa.Value{}
	each(m.flow.funcs, func(_ *ssa.Function, i ssa.Instruction) {
		c, ok := i.(ssa.CallInstruction)
		if !ok || c.Common().StaticCallee() == nil {
			return
		}
		if f := m.fact(objectOf(c.Common().StaticCallee())); f != nil {
			for _, set := range f.Sets {
				if set.Param <= len(c.Common().Args) {
					m.fieldValues[set.Field] = append(m.fieldValues[set.Field], c.Common().Args[set.Param-1])
				}
			}
		}
	})
}

// ownFieldCalls are the fields that handler code of this package calls.
func (m *model) ownFieldCalls() []invoking {
	var all []invoking
	for fn := range m.handlerFuncs() {
		for _, q := range m.sums[fn].invoking(fn) {
			if q.Field != "" && !slices.Contains(all, q) {
				all = append(all, q)
			}
		}
	}
	slices.SortFunc(all, func(a, b invoking) int {
		return cmp.Or(compare(a.Field, b.Field), compare(a.Method, b.Method), compare(a.Where, b.Where))
	})
	return all
}
