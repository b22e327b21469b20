package opcheck

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// region is handler code that belongs together: a function with an op.Context, or one that is
// called on each replay, and the functions inside it that it calls.
type region struct {
	root  *ssa.Function
	funcs []*ssa.Function
}

// regions are the handler code of the package. A body that is called by handler code as well is no
// root.
func (m *model) regions() []region {
	var all []region
	for _, fn := range m.flow.funcs {
		if m.again[fn] && !m.bodies[fn] || hasContext(fn.Signature) {
			all = append(all, m.region(fn))
		}
	}
	return all
}

func (m *model) region(root *ssa.Function) region {
	r := region{root: root}
	seen := map[*ssa.Function]bool{}
	var add func(fn *ssa.Function)
	add = func(fn *ssa.Function) {
		if fn == nil || seen[fn] || m.sums[fn] == nil {
			return
		}
		seen[fn] = true
		r.funcs = append(r.funcs, fn)
		for _, c := range m.sums[fn].sites {
			for _, t := range m.reached(c) {
				if inside(t.fn, root) && !hasContext(t.fn.Signature) {
					add(t.fn)
				}
			}
		}
		for _, a := range fn.AnonFuncs {
			if yields(a) {
				add(a)
			}
		}
	}
	add(root)
	return r
}

// reached are the functions that a call calls: directly, or because it passes them on.
func (m *model) reached(c site) []target {
	all := append([]target(nil), c.targets...)
	shift := 0
	if c.instr.Common().IsInvoke() {
		shift = 1
	}
	for _, t := range c.targets {
		for i, arg := range c.instr.Common().Args {
			sig := functionType(arg.Type())
			if sig == nil || m.takes(t, i+shift, sig) != asCalled {
				continue
			}
			for _, src := range m.functionsIn(arg) {
				all = append(all, m.sourceFuncs(src)...)
			}
		}
	}
	return all
}

// inside reports whether fn is declared in the body of outer.
func inside(fn, outer *ssa.Function) bool {
	if fn == nil || fn == outer {
		return false
	}
	for p := fn.Parent(); p != nil; p = p.Parent() {
		if p == outer {
			return true
		}
	}
	return false
}

// checkEffects reports what handler code does that it must not, itself or through helpers.
func (m *model) checkEffects(r region) {
	deferred := map[*ssa.Function]bool{}
	for _, fn := range r.funcs {
		for _, c := range m.sums[fn].sites {
			if !c.known {
				m.unresolved = append(m.unresolved, unresolved{posOf(c.instr), m.sayCall(c.instr)})
			}
			if _, ok := c.instr.(*ssa.Go); ok {
				continue
			}
			if d, ok := c.instr.(*ssa.Defer); ok && m.checkDefer(r, c, d, deferred) {
				continue
			}
			if m.checkInvocation(c) {
				continue
			}
			for _, t := range m.reached(c) {
				if inside(t.fn, r.root) {
					continue // reported where it is
				}
				for _, e := range m.calleeEffects(t) {
					if deferred[fn] && deferrable(e.Kind) || e.Kind == rulePackageVar && !resultUsed(c.instr) {
						continue
					}
					m.reportEffect(r.root, c.instr, t, e)
				}
				for _, e := range m.givenEffects(c, t) {
					m.reportEffect(r.root, c.instr, t, e)
				}
			}
		}
	}
}

// resultUsed reports whether what a call returns is used.
func resultUsed(c ssa.CallInstruction) bool {
	call, ok := c.(*ssa.Call)
	return ok && uses(call) > 0
}

// calleeEffects are the effects of a callee; one with an op.Context is checked by itself.
func (m *model) calleeEffects(t target) []effect {
	if t.obj != nil && hasContext(t.obj.Signature()) || t.fn != nil && hasContext(t.fn.Signature) {
		return nil
	}
	return m.effectsOf(t)
}

func (m *model) reportEffect(fn *ssa.Function, c ssa.CallInstruction, t target, e effect) {
	if e.Where != "" && t.obj != nil {
		e = e.through(short(t.obj))
	}
	m.reportKind(posOf(c), e, e.chain()+" in handler code", m.fixClock(fn, c, e)...)
}

// reportKind reports an effect by the rule of its kind.
func (m *model) reportKind(pos token.Pos, e effect, what string, fixes ...analysis.SuggestedFix) {
	switch e.Kind {
	case clock:
		m.report(clock, pos, what+" reads the clock, which differs on each replay: use "+sayNow+", or read it in the body of a step", fixes...)
	case random:
		m.report(random, pos, what+" is random, and differs on each replay: use "+sayRand+", or draw in the body of a step")
	case environ:
		m.report(environ, pos, what+" reads the environment, which may differ on a replay: read it before the handler starts, or in the body of a step")
	case files:
		m.report(files, pos, what+" touches files again on each replay: do it in the body of a step")
	case network:
		m.report(network, pos, what+" calls out again on each replay: do it in the body of a step")
	case process:
		m.report(process, pos, what+" depends on the process, which is another one on a replay: do it in the body of a step")
	case ruleConcurrency:
		m.report(ruleConcurrency, pos, what+" chooses another case on each replay: use op.RaceWinner or op.Race over operations")
	case rulePackageVar:
		m.report(rulePackageVar, pos, what+" depends on what changes while the process lives, and a replay may be in another process: pass the value in the input, or as the result of a step")
	case blocking:
		m.report(blocking, pos, what+" blocks, and the invocation cannot end meanwhile: use "+sayWait+", or block in the body of a step")
	}
}

func imports(f *ast.File, path string) bool {
	for _, s := range f.Imports {
		if s.Path.Value == `"`+path+`"` && (s.Name == nil || s.Name.Name == replay) {
			return true
		}
	}
	return false
}

func (m *model) fileOf(pos token.Pos) *ast.File {
	for _, f := range m.pass.Files {
		if f.FileStart <= pos && pos < f.FileEnd {
			return f
		}
	}
	return nil
}

func (m *model) sayCall(c ssa.CallInstruction) string {
	common := c.Common()
	if common.IsInvoke() {
		return types.TypeString(common.Value.Type(), types.RelativeTo(m.pass.Pkg)) + "." + common.Method.Name() + ", a method of an interface"
	}
	return common.Value.Name() + ", a function value"
}

// checkDefer reports a deferred call with effects that does not ask whether the scope is
// suspending.
func (m *model) checkDefer(r region, c site, d *ssa.Defer, deferred map[*ssa.Function]bool) bool {
	var effects []string
	asks := false
	var visit func(c site, depth int)
	visit = func(c site, depth int) {
		if !c.known && passesContext(c.instr) {
			effects = append(effects, m.sayCall(c.instr))
		}
		for _, t := range m.reached(c) {
			asks = asks || t.api == apiSuspending
			if inside(t.fn, r.root) && depth < 5 {
				deferred[t.fn] = true
				for _, s := range m.sums[t.fn].sites {
					visit(s, depth+1)
				}
				continue
			}
			for _, e := range m.calleeEffects(t) {
				if e.Where != "" && t.obj != nil {
					e = e.through(short(t.obj))
				}
				if deferrable(e.Kind) {
					effects = append(effects, e.chain())
				}
			}
		}
	}
	visit(c, 0)
	if len(effects) == 0 {
		return false
	}
	if !asks {
		m.report(ruleDefer, d.Pos(), effects[0]+" is deferred, and deferred functions run on every suspension: ask "+apiSuspending+
			", or do it in the body of a step")
	}
	return true
}

// deferrable reports whether the kind is judged by the rule for deferred functions when it is
// deferred.
func deferrable(kind string) bool {
	return kind == network || kind == files || kind == process || kind == environ || kind == service
}

// passesContext reports whether a context.Context is passed.
func passesContext(c ssa.CallInstruction) bool {
	for _, a := range c.Common().Args {
		if isStdContext(a.Type()) {
			return true
		}
	}
	return false
}

// checkInvocation reports I/O with the context of the invocation, or with one made on the spot.
func (m *model) checkInvocation(c site) bool {
	var from string
	for _, a := range c.instr.Common().Args {
		if isStdContext(a.Type()) {
			if f := m.contextFrom(a, 0); f != "" {
				from = f
			}
		}
	}
	if from == "" {
		return false
	}
	var what string
	if !c.known {
		what = m.sayCall(c.instr)
	}
	for _, t := range c.targets {
		if t.obj != nil && t.obj.Pkg() != nil && t.obj.Pkg().Path() == "context" {
			return false
		}
		for _, e := range m.calleeEffects(t) {
			if e.Kind == network || e.Kind == files || e.Kind == process || e.Kind == service {
				if e.Where != "" && t.obj != nil {
					e = e.through(short(t.obj))
				}
				what = e.chain()
			}
		}
	}
	if what == "" {
		return false
	}
	m.report(ruleInvocation, c.instr.Pos(), what+" gets "+from+" in handler code, and is done again on each replay: do it in the body of a step, whose context is its own")
	return true
}

// contextFrom says where a context comes from, if it is not a parameter.
func (m *model) contextFrom(v ssa.Value, depth int) string {
	if depth > 5 {
		return ""
	}
	for _, src := range m.flow.sources(v) {
		if x, ok := src.(*ssa.Extract); ok {
			src = x.Tuple
		}
		call, ok := src.(*ssa.Call)
		if !ok || call.Call.StaticCallee() == nil {
			continue
		}
		obj := objectOf(call.Call.StaticCallee())
		if apiName(obj) == apiInvocation {
			return "the invocation's context"
		}
		if obj == nil || obj.Pkg() == nil || obj.Pkg().Path() != "context" {
			continue
		}
		if len(call.Call.Args) == 0 { // it makes a context out of nothing, as Background does
			return "context." + obj.Name() + "()"
		}
		if f := m.contextFrom(call.Call.Args[0], depth+1); f != "" {
			return f
		}
	}
	return ""
}
