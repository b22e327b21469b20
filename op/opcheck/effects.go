package opcheck

import (
	"go/token"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// update computes what a function does from what it calls, and reports whether that changed.
func (m *model) update(fn *ssa.Function) bool {
	s := m.sums[fn]
	before := s.size()
	for _, c := range s.sites {
		_, async := c.instr.(*ssa.Go)
		if common := c.instr.Common(); common.IsInvoke() && m.know.is(keyed, common.Method) {
			name := short(common.Method)
			s.keyed[name] = effect{Kind: keyed, What: name, Where: m.where(c.instr.Pos())}
		}
		for _, t := range c.targets {
			if !async {
				m.include(fn, s, c, t)
			}
			m.arguments(fn, s, c, t, async)
		}
		if !async && len(c.targets) == 0 && !c.instr.Common().IsInvoke() {
			m.calledParams(s, c.instr.Common().Value)
		}
		if !c.known && passesContext(c.instr) && !async {
			m.addEffect(s, effect{Kind: service, What: m.sayCall(c.instr)}, target{}, c.instr.Pos())
		}
		if !c.known && contextArg(c.instr) && !async {
			s.runs = true // an interface's or a function value's: by its type it runs operations
		}
	}
	if !hasContext(fn.Signature) {
		m.updateSelects(fn, s)
	}
	m.updateResults(fn, s)
	m.updateWrites(fn, s)
	m.updateLeaves(fn, s)
	m.updateCalls(fn, s)
	m.updateAsks(fn, s)
	m.updateInvokes(fn, s)
	m.updateState(fn, s)
	m.updateInOrder(fn, s)
	m.updateSecrets(fn, s)
	m.updateLocks(s)
	m.updateReplaying(fn, s)
	m.updateRecords(fn, s)
	m.updateFails(fn, s)
	m.updateOptions(fn, s)
	if s.ignores == nil {
		s.ignores = m.ignored(fn)
	}
	return s.size() != before
}

func (s *sum) size() int {
	n := len(s.effects) + len(s.result) + len(s.params) + len(s.bodies) + len(s.writes) + len(s.claims) + len(s.needs) + len(s.keyed) + len(s.leaves) +
		len(s.async) + len(s.looped) + len(s.asks) + len(s.named) + len(s.invokes) + len(s.sets) + len(s.passes) + len(s.reads) + len(s.inOrder) +
		len(s.logs) + len(s.submits) + len(s.locked) + len(s.records)
	for _, b := range []bool{s.runs, s.opKnown, s.ordered, s.info, s.ignores != nil, s.fresh, s.fails, s.locks, s.replaying, s.options != nil} {
		if b {
			n++
		}
	}
	return n
}

// include adds what a callee does.
func (m *model) include(fn *ssa.Function, s *sum, c site, t target) {
	pos := c.instr.Pos()
	if runs(t.api) {
		s.runs = true
		m.claim(fn, s, c)
	}
	if t.api == apiInfoFrom {
		s.info = true
	}
	if m.know.is(keyed, t.obj) {
		s.keyed[short(t.obj)] = effect{Kind: keyed, What: short(t.obj), Where: m.where(pos)}
	}
	handler := t.obj != nil && hasContext(t.obj.Signature()) || t.fn != nil && hasContext(t.fn.Signature)
	switch {
	case t.fn != nil && m.sums[t.fn] != nil:
		o := m.sums[t.fn]
		s.info = s.info || o.info
		maps.Copy(s.keyed, o.keyed)
		if !handler {
			for _, e := range o.effects {
				if e.Kind != rulePackageVar || resultUsed(c.instr) && fn.Signature.Results().Len() > 0 {
					m.addEffect(s, e, t, pos)
				}
			}
			for p := range o.params {
				if p.Parent() != t.fn {
					s.params[p] = true
				}
			}
		}
		for n := range o.needs {
			s.needs[n] = true
		}
		bound := t.obj != nil && t.obj.Signature().Recv() != nil && holdsContext(t.obj.Signature().Recv().Type())
		if handler && (bound || contextArg(c.instr)) || t.fn.Parent() != nil {
			s.runs = s.runs || o.runs
			for name := range o.claims {
				if len(c.targets) == 1 { // of several functions only one is called
					s.claims[name] = true
				}
			}
			if len(c.targets) == 1 && m.ownCall(fn, c) {
				m.includeNamed(s, c, t)
			}
		}
	case t.fact != nil:
		s.info = s.info || t.fact.Info
		for _, e := range t.fact.Keyed {
			s.keyed[e.What] = e
		}
		if handler {
			s.runs = s.runs || t.fact.Runs
			for _, name := range t.fact.Claims {
				if len(c.targets) == 1 {
					s.claims[name] = true
				}
			}
			for _, n := range t.fact.Needs {
				s.needs[n] = true
			}
			if len(c.targets) == 1 && m.ownCall(fn, c) {
				m.includeNamed(s, c, t)
			}
			return
		}
		for _, e := range t.fact.Effects {
			if e.Kind != rulePackageVar || resultUsed(c.instr) && fn.Signature.Results().Len() > 0 {
				m.addEffect(s, e, t, pos)
			}
		}
	}
}

// updateSelects adds a choice among several channels, those of a context apart.
func (m *model) updateSelects(fn *ssa.Function, s *sum) {
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		if what := waitsForChannel(i); what != "" {
			m.addEffect(s, effect{Kind: blocking, What: what}, target{}, i.Pos())
		}
		sel, ok := i.(*ssa.Select)
		if !ok {
			return
		}
		n := 0
		for _, st := range sel.States {
			if !slices.ContainsFunc(m.flow.sources(st.Chan), isDone) {
				n++
			}
		}
		if n > 1 {
			m.addEffect(s, effect{Kind: ruleConcurrency, What: "select"}, target{}, selectPos(sel))
		}
	})
}

// isDone reports whether a channel is that of a context.
func isDone(v ssa.Value) bool {
	c, ok := v.(*ssa.Call)
	return ok && c.Call.IsInvoke() && c.Call.Method.Name() == "Done"
}

// addEffect adds what a callee does, unless it is allowed here.
func (m *model) addEffect(s *sum, e effect, t target, pos token.Pos) {
	if e.Where == "" {
		e.Where = m.where(pos)
	} else if t.obj != nil {
		e = e.through(short(t.obj))
	}
	if _, ok := s.effects[e.key()]; ok || m.allow.allows(e.Kind, pos) {
		return
	}
	s.effects[e.key()] = e
}

// arguments follows function values that are passed to a callee.
func (m *model) arguments(fn *ssa.Function, s *sum, c site, t target, async bool) {
	args := c.instr.Common().Args
	shift := 0
	if c.instr.Common().IsInvoke() {
		shift = 1
	}
	for i, arg := range args {
		sig := functionType(arg.Type())
		if sig == nil {
			continue
		}
		for _, src := range m.functionsIn(arg) {
			if fn := functionOf(src); fn != nil && constructor(t.api) && hasContext(sig) {
				m.groups[fn] = true
			}
			switch m.takes(t, i+shift, sig) {
			case asBody:
				m.makeBody(s, src)
				if f := functionOf(src); f != nil && t.api == apiCondition {
					m.polls[f] = true
				}
			case asReplayed:
				for _, f := range m.sourceFuncs(src) {
					if f.fn != nil {
						m.again[f.fn] = true
					}
				}
			case asCalled:
				if async {
					continue
				}
				for _, f := range m.sourceFuncs(src) {
					m.include(fn, s, c, f)
				}
				m.calledParams(s, src)
			case asUnknown:
			}
		}
	}
}

// use is what a callee does with a function that it is given.
type use int

const (
	asUnknown  use = iota
	asCalled       // it calls it before it returns
	asBody         // it is the body of an operation
	asReplayed     // it is called when the operation is run, on each replay
)

// takes is what a callee does with its i-th argument, the receiver included.
func (m *model) takes(t target, i int, sig *types.Signature) use {
	switch {
	case t.api != "" && bodyOf(t.api, sig):
		return asBody
	case t.api != "" && replayed(t.api, sig):
		return asReplayed
	case t.api != "":
		return asUnknown
	case t.fn != nil && m.sums[t.fn] != nil:
		if i >= len(t.fn.Params) {
			return asUnknown
		}
		o, p := m.sums[t.fn], t.fn.Params[i]
		switch {
		case o.bodies[p]:
			return asBody
		case o.params[p]:
			return asCalled
		}
	case t.fact != nil && slices.Contains(t.fact.Bodies, i):
		return asBody
	case t.fact != nil && slices.Contains(t.fact.Called, i):
		return asCalled
	case t.obj != nil && t.obj.Pkg() != nil && m.know.covers(t.obj.Pkg().Path()) && !m.know.is(later, t.obj):
		return asCalled
	}
	return asUnknown
}

// sourceFuncs are the functions that a value is, without those that a call returns.
func (m *model) sourceFuncs(src ssa.Value) []target {
	all, _ := m.callable(src)
	return all
}

// makeBody marks a function as a body, or a parameter as one that becomes a body.
func (m *model) makeBody(s *sum, src ssa.Value) {
	if p, ok := src.(*ssa.Parameter); ok {
		s.bodies[p] = true
		if o := m.sums[p.Parent()]; o != nil {
			o.bodies[p] = true
		}
	}
	for _, t := range m.sourceFuncs(src) {
		if t.fn != nil {
			m.bodies[t.fn] = true
		}
	}
}

// calledParams marks the parameters that a called value may be.
func (m *model) calledParams(s *sum, v ssa.Value) {
	for _, src := range m.flow.sources(v) {
		if p, ok := src.(*ssa.Parameter); ok {
			s.params[p] = true
		}
		if p := listOf(src); p != nil {
			s.params[p] = true
		}
	}
}

// contextArg reports whether an op.Context, or what holds one, is passed.
func contextArg(c ssa.CallInstruction) bool {
	return slices.ContainsFunc(c.Common().Args, func(a ssa.Value) bool { return holdsContext(a.Type()) })
}

// updateResults computes what is known about the results of a function.
func (m *model) updateResults(fn *ssa.Function, s *sum) {
	sig := fn.Signature
	if sig.Results().Len() == 0 || fn.Name() == "init" {
		return
	}
	first := sig.Results().At(0).Type()
	if (isOp(first) || isBuilder(first)) && !s.opKnown {
		var info *opInfo
		for i, v := range results(fn, 0) {
			o := m.operation(v)
			if o == nil || i > 0 && *o != *info {
				info = nil
				break
			}
			info = o
		}
		if info != nil {
			s.op, s.opKnown = asResult(info, fn), true
		}
	}
	if _, ok := first.Underlying().(*types.Signature); ok && !isBuilder(first) {
		for _, v := range results(fn, 0) {
			for _, src := range m.flow.sources(v) {
				for _, t := range m.sourceFuncs(src) {
					for _, e := range m.effectsOf(t) {
						if _, ok := s.result[e.key()]; !ok {
							s.result[e.key()] = e
						}
					}
				}
			}
		}
	}
	if !s.ordered {
		for _, v := range results(fn, 0) {
			if m.fromMapOrder(v) {
				s.ordered = true
			}
		}
	}
}

// effectsOf are the effects of calling a target, as its caller sees them.
func (m *model) effectsOf(t target) []effect {
	if t.fn != nil && m.sums[t.fn] != nil {
		return values(m.sums[t.fn].effects)
	}
	if t.fact != nil {
		return t.fact.Effects
	}
	return nil
}

// waitsForChannel says how an instruction waits for a channel that lives longer than the call, such
// as that of a semaphore; "" for others.
func waitsForChannel(i ssa.Instruction) string {
	switch i := i.(type) {
	case *ssa.Send:
		if holder(i.Chan) != nil {
			return "a send on a channel"
		}
	case *ssa.UnOp:
		if i.Op == token.ARROW && holder(i.X) != nil && !ofTime(i.X) {
			return "a receive from a channel"
		}
	}
	return ""
}
