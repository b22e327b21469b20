package opcheck

import (
	"cmp"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

const ignoring = " in a loop of a body that ignores its context: the invocation's end is not noticed; ask ctx.Err() in the loop, or pass the context on"

// ignored says what a body does without its context.
func ignored(e effect) string {
	if e.Kind == service {
		return e.chain() + " gets a context that is kept elsewhere, in a body that ignores its own: its timeout and the end of the invocation are not noticed; pass on the context of the body"
	}
	return e.chain() + ignoring
}

func (m *model) sayCallee(c ssa.CallInstruction) string {
	if obj := calleeObject(c); obj != nil {
		return short(obj)
	}
	return "a function value"
}

// checkIgnores reports a body that loops without looking at its context, itself or through a helper
// that gets it.
func (m *model) checkIgnores(fn *ssa.Function) {
	for _, c := range m.loopsUnasked(fn) {
		m.report(ruleIgnores, c.pos, c.what.What+ignoring)
	}
	if c := m.otherContext(fn); c != nil {
		m.report(ruleIgnores, c.Pos(), ignored(effect{Kind: service, What: m.sayCallee(c)}))
	}
	for f := range m.family(fn) {
		for _, c := range m.sums[f].sites {
			for _, t := range m.reached(c) {
				if m.bodies[t.fn] {
					continue // reported where it is
				}
				if e := m.ignoredBy(t); e != nil && passesContext(c.instr) {
					m.report(ruleIgnores, posOf(c.instr), ignored(*e))
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
					m.report(ruleIgnores, c.Pos(), ignored(t.fact.Ignores.through(t.name())))
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
		e.Where = m.where(c.pos)
		if m.allow.allows(ruleIgnores, c.pos) {
			continue
		}
		return &e
	}
	if c := m.otherContext(fn); c != nil && !m.allow.allows(ruleIgnores, c.Pos()) {
		return &effect{Kind: service, What: m.sayCallee(c), Where: m.where(c.Pos())}
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
	pos  token.Pos
	what effect
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

// loopsUnasked are what waits in loops of a function which do not use the context that it is given,
// nor what is made of it.
func (m *model) loopsUnasked(fn *ssa.Function) []looping {
	ctx := contextParam(fn)
	if ctx == nil {
		return nil
	}
	l, of := m.loopsOf(fn), derived(ctx)
	asks := func(at *ssa.BasicBlock) bool {
		return slices.ContainsFunc(fn.Blocks, func(b *ssa.BasicBlock) bool {
			return (b == at || l.reaches(at, b) && l.reaches(b, at)) && slices.ContainsFunc(b.Instrs, func(i ssa.Instruction) bool {
				return slices.ContainsFunc(i.Operands(nil), func(o *ssa.Value) bool { return of[*o] })
			})
		})
	}
	used := len(of) > 1 || slices.ContainsFunc(*ctx.Referrers(), func(use ssa.Instruction) bool { return !asksScope(use) })
	var all []looping
	add := func(at *ssa.BasicBlock, pos token.Pos, e effect) {
		if l.reaches(at, at) && !asks(at) {
			all = append(all, looping{pos, e})
		}
	}
	for _, c := range m.sums[fn].sites {
		for _, t := range m.reached(c) {
			for _, e := range m.effectsOf(t) {
				// One that has used the context before may have given a client its deadline.
				if e.Kind == blocking || !used && (e.Kind == network || e.Kind == process) {
					add(c.instr.Block(), c.instr.Pos(), e)
				}
			}
		}
	}
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		switch i := i.(type) {
		case *ssa.UnOp:
			if i.Op == token.ARROW && ofTime(i.X) {
				add(i.Block(), cmp.Or(i.Pos(), i.X.Pos(), blockPos(i.Block())), effect{What: "a wait for a time"})
			}
		case *ssa.Select:
			if i.Blocking && slices.ContainsFunc(i.States, func(st *ssa.SelectState) bool { return ofTime(st.Chan) }) {
				add(i.Block(), selectPos(i), effect{What: "a select"})
			}
		}
	})
	return all
}

// ofTime reports whether a channel is that of a timer or a ticker.
func ofTime(v ssa.Value) bool {
	c, ok := v.Type().Underlying().(*types.Chan)
	return ok && isNamed(c.Elem(), "time", "Time")
}

// blockPos is a position in a block.
func blockPos(b *ssa.BasicBlock) token.Pos {
	for _, i := range b.Instrs {
		if i.Pos().IsValid() {
			return i.Pos()
		}
	}
	return token.NoPos
}

// derived are the values that a context is, or that are made of it and know it: other contexts,
// requests, functions that captured it. A logger is no such value, and neither is what a call that
// was given the context returned as data.
func derived(ctx ssa.Value) map[ssa.Value]bool {
	all := map[ssa.Value]bool{ctx: true}
	onwards(ctx, func(use ssa.Instruction, _ ssa.Value) bool {
		v, ok := use.(ssa.Value)
		if c, call := use.(*ssa.Call); call {
			if asksScope(c) {
				return false
			}
			ok = keepsContext(c.Type())
		}
		if x, extract := use.(*ssa.Extract); extract {
			ok = keepsContext(x.Type())
		}
		if st, store := use.(*ssa.Store); store {
			all[base(st.Addr)] = true
			return true
		}
		if ok {
			all[v] = true
		}
		return ok
	})
	return all
}

// asksScope reports whether a use of a context is a call that asks what belongs to the operation.
func asksScope(use ssa.Instruction) bool {
	c, ok := use.(*ssa.Call)
	if !ok {
		_, debug := use.(*ssa.DebugRef)
		return debug
	}
	api := apiName(calleeObject(c))
	return api == apiInfoFrom || api == apiLoggerFrom
}

// keepsContext reports whether a value of the type may hold a context.
func keepsContext(t types.Type) bool {
	if isError(t) {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		_, isStruct := u.Elem().Underlying().(*types.Struct)
		return isStruct
	case *types.Interface, *types.Struct, *types.Signature, *types.Chan, *types.Tuple:
		return true
	}
	return false
}
