package opcheck

import (
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// This file is about what a function does with what it is given: functions that it calls in a loop
// or on other goroutines, errors that it asks for something or does not look at.

// updateCalls finds the parameters that a function calls in a loop, and on other goroutines.
func (m *model) updateCalls(fn *ssa.Function, s *sum) {
	l := m.loopsOf(fn)
	for _, c := range s.sites {
		_, async := c.instr.(*ssa.Go)
		loop := l.around(c.instr.Block())
		if len(c.targets) == 0 && !c.instr.Common().IsInvoke() {
			m.handOn(s, c.instr.Common().Value, async, loop)
		}
		for _, t := range c.targets {
			if o := m.sums[t.fn]; o != nil {
				inner(s, t.fn, o, async, loop)
			}
			for i, arg := range c.instr.Common().Args {
				if c.instr.Common().IsInvoke() {
					continue
				}
				if sig, ok := arg.Type().Underlying().(*types.Signature); ok {
					m.handOn(s, arg, m.onGoroutines(t, i), m.inLoop(t, i) || loop && m.takes(t, i, sig) == asCalled)
				} else if m.onGoroutines(t, i) {
					m.handOn(s, arg, true, false)
				}
			}
		}
	}
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		if send, ok := i.(*ssa.Send); ok { // who receives a function calls it elsewhere
			if _, isFunc := send.X.Type().Underlying().(*types.Signature); isFunc {
				m.handOn(s, send.X, true, false)
			}
		}
	})
	for _, a := range fn.AnonFuncs {
		if yields(a) && m.sums[a] != nil {
			inner(s, a, m.sums[a], false, true)
			for p := range m.sums[a].params {
				if p.Parent() != a {
					s.params[p] = true
				}
			}
		}
	}
}

// handOn notes what becomes of a function that is called, or passed on.
func (m *model) handOn(s *sum, v ssa.Value, async, loop bool) {
	for _, src := range m.flow.sources(v) {
		if p, ok := src.(*ssa.Parameter); ok {
			mark(s, p, async, loop)
		}
		if p := listOf(src); p != nil {
			mark(s, p, async, false)
		}
		for _, t := range m.sourceFuncs(src) {
			if o := m.sums[t.fn]; o != nil && (async || loop) {
				inner(s, t.fn, o, async, loop)
			}
		}
	}
}

// listOf is the parameter of which a value is an element; nil for others.
func listOf(v ssa.Value) *ssa.Parameter {
	load, ok := v.(*ssa.UnOp)
	if !ok {
		return nil
	}
	x, ok := load.X.(*ssa.IndexAddr)
	if !ok {
		return nil
	}
	p, _ := x.X.(*ssa.Parameter)
	return p
}

// inner adds what a function does with parameters of those around it.
func inner(s *sum, fn *ssa.Function, o *sum, async, loop bool) {
	for p := range o.params {
		if p.Parent() != fn {
			mark(s, p, async, loop)
		}
	}
	for p := range o.async {
		if p.Parent() != fn {
			s.async[p] = true
		}
	}
	for p := range o.looped {
		if p.Parent() != fn {
			s.looped[p] = true
		}
	}
}

func mark(s *sum, p *ssa.Parameter, async, loop bool) {
	if async {
		s.async[p] = true
	}
	if loop {
		s.looped[p] = true
	}
}

// onGoroutines reports whether a callee calls its i-th argument on other goroutines.
func (m *model) onGoroutines(t target, i int) bool {
	switch o := m.sums[t.fn]; {
	case m.know.of(t.obj) == concurrent:
		return true
	case o != nil:
		return i < len(t.fn.Params) && o.async[t.fn.Params[i]]
	case t.fact != nil:
		return slices.Contains(t.fact.Async, i)
	}
	return false
}

// inLoop reports whether a callee calls its i-th argument in a loop.
func (m *model) inLoop(t target, i int) bool {
	switch o := m.sums[t.fn]; {
	case o != nil:
		return i < len(t.fn.Params) && o.looped[t.fn.Params[i]]
	case t.fact != nil:
		return slices.Contains(t.fact.Looped, i)
	}
	return false
}

// updateAsks finds the errors that a function asks its parameters for.
func (m *model) updateAsks(fn *ssa.Function, s *sum) {
	note := func(v ssa.Value, what string) {
		for _, src := range m.flow.sources(v) {
			if p, ok := src.(*ssa.Parameter); ok && p.Parent() == fn && what != "" {
				s.asks[asking{slices.Index(fn.Params, p), what}] = true
			}
		}
	}
	for _, c := range s.sites {
		for a, asked := range m.asksOf(c) {
			note(asked, a.What)
			if !m.allow.allows(ruleError, c.instr.Pos()) && a.What != "" && !inTree(a.What) && m.ofOperation(asked, 0) {
				s.needs[need{a.What, m.where(c.instr.Pos())}] = true
			}
		}
	}
	s.fresh = s.fresh || m.makes(fn)
}

// asksOf are the errors that a call asks for, itself or by its callees, with what it asks.
func (m *model) asksOf(c site) map[asking]ssa.Value {
	all := m.askedBy(c)
	if name, asked := m.asked(c.instr); name != "" {
		all[asking{What: name}] = asked
	}
	return all
}

// askedBy are the errors that callees ask their arguments for.
func (m *model) askedBy(c site) map[asking]ssa.Value {
	all := map[asking]ssa.Value{}
	if c.instr.Common().IsInvoke() {
		return all
	}
	args := c.instr.Common().Args
	for _, t := range c.targets {
		asks := map[asking]bool{}
		if o := m.sums[t.fn]; o != nil {
			maps.Copy(asks, o.asks)
		} else if t.fact != nil {
			for _, a := range t.fact.Asks {
				asks[a] = true
			}
		}
		for a := range asks {
			if a.Param < len(args) {
				all[a] = args[a.Param]
			}
		}
	}
	return all
}

// drops are the errors that a function is given and does not look at.
func drops(fn *ssa.Function) []int {
	if len(fn.Blocks) == 0 {
		return nil
	}
	var all []int
	for i, p := range fn.Params {
		if types.Identical(p.Type(), types.Universe.Lookup("error").Type()) && uses(p) == 0 && (i > 0 || fn.Signature.Recv() == nil) {
			all = append(all, i)
		}
	}
	return all
}

// dropsArg reports whether a callee does not look at the error that is its i-th argument.
func (m *model) dropsArg(t target, i int) bool {
	if t.fn != nil && m.sums[t.fn] != nil {
		return slices.Contains(drops(t.fn), i)
	}
	return t.fact != nil && slices.Contains(t.fact.Drops, i)
}

// makes reports whether the first result of a function is a struct or a map that it has made.
func (m *model) makes(fn *ssa.Function) bool {
	all := results(fn, 0)
	for _, v := range all {
		for _, src := range m.flow.sources(v) {
			switch src := src.(type) {
			case *ssa.Alloc, *ssa.MakeMap:
				if parent(src) != fn {
					return false
				}
			case *ssa.Call:
				if !m.made(src) {
					return false
				}
			default:
				return false
			}
		}
	}
	return len(all) > 0
}

// made reports whether a call returns an object that is made for it.
func (m *model) made(c *ssa.Call) bool {
	fn := c.Call.StaticCallee()
	if fn == nil {
		return false
	}
	if in := m.here(fn); in != nil {
		return m.sums[in].fresh
	}
	f := m.fact(objectOf(fn))
	return f != nil && f.Fresh
}
