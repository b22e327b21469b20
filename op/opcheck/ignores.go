package opcheck

import (
	"go/types"

	"golang.org/x/tools/go/ssa"
)

const ignoring = " in a loop of a body that ignores its context: the invocation's end is not noticed; ask ctx.Err() in the loop, or pass the context on"

// checkIgnores reports a body that loops without looking at its context, itself or through a helper
// that gets it.
func (m *model) checkIgnores(fn *ssa.Function) {
	for _, c := range m.loopsUnasked(fn) {
		m.report(ruleIgnores, c.instr.Pos(), c.what.What+ignoring)
	}
	for f := range m.family(fn) {
		for _, c := range m.sums[f].sites {
			for _, t := range m.reached(c) {
				if m.bodies[t.fn] {
					continue // reported where it is
				}
				if e := m.ignoredBy(t); e != nil && passesContext(c.instr) {
					m.report(ruleIgnores, posOf(c.instr), e.chain()+ignoring)
				}
			}
		}
	}
}

// checkIgnoringBody reports a declaration whose body is a function of another package that ignores
// its context.
func (m *model) checkIgnoringBody(c *ssa.Call) {
	for _, a := range c.Call.Args {
		if sig, ok := a.Type().Underlying().(*types.Signature); !ok || hasContext(sig) {
			continue
		}
		for _, src := range m.flow.sources(a) {
			for _, t := range m.sourceFuncs(src) {
				if t.fact != nil && t.fact.Ignores != nil {
					m.report(ruleIgnores, c.Pos(), t.fact.Ignores.through(t.name()).chain()+ignoring)
				}
			}
		}
	}
}

// ignored is what a function does in a loop although it looks at no context, if it is given one;
// nil if nothing.
func (m *model) ignored(fn *ssa.Function) *effect {
	for _, c := range m.loopsUnasked(fn) {
		e := c.what
		e.Where = m.where(c.instr.Pos())
		if m.allow.allows(ruleIgnores, c.instr.Pos()) {
			continue
		}
		return &e
	}
	for _, c := range m.sums[fn].sites {
		if _, async := c.instr.(*ssa.Go); async || !passesContext(c.instr) || contextParam(fn) == nil {
			continue
		}
		for _, t := range c.targets {
			if e := m.ignoredBy(t); e != nil && t.fn != fn {
				return e
			}
		}
	}
	return nil
}

// ignoredBy is what a target does in a loop, as its caller sees it.
func (m *model) ignoredBy(t target) *effect {
	var e *effect
	switch {
	case t.fn != nil && m.sums[t.fn] != nil:
		e = m.sums[t.fn].ignores
	case t.fact != nil:
		e = t.fact.Ignores
	}
	if e == nil || t.obj == nil {
		return e
	}
	through := e.through(short(t.obj))
	return &through
}

type looping struct {
	instr ssa.CallInstruction
	what  effect
}

// contextParam is the context.Context that a function is given; nil for none.
func contextParam(fn *ssa.Function) *ssa.Parameter {
	for _, p := range fn.Params {
		if isStdContext(p.Type()) {
			return p
		}
	}
	return nil
}

// loopsUnasked are the calls that wait in loops of a function which does not use the context that
// it is given.
func (m *model) loopsUnasked(fn *ssa.Function) []looping {
	ctx := contextParam(fn)
	if ctx == nil || ctx.Referrers() != nil && len(*ctx.Referrers()) > 0 {
		return nil
	}
	var all []looping
	l := m.loopsOf(fn)
	for _, c := range m.sums[fn].sites {
		if !l.reaches(c.instr.Block(), c.instr.Block()) {
			continue
		}
		for _, t := range m.reached(c) {
			for _, e := range m.effectsOf(t) {
				if e.Kind == blocking || e.Kind == network || e.Kind == process {
					all = append(all, looping{c.instr, e})
				}
			}
		}
	}
	return all
}
