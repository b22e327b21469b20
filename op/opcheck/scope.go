package opcheck

import (
	"fmt"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// claimed is a call that claims names in the scope of its caller.
type claimed struct {
	instr ssa.CallInstruction
	names []string
	fixed []string // with the constant key that they have

	same string // one whose key is the same in each round of the loop around the call

	declared bool
}

// checkScope reports names that are claimed twice in one scope, by a loop or by two calls.
func (m *model) checkScope(r region) {
	for _, fn := range r.funcs {
		var all []claimed
		for _, s := range m.sums[fn].sites {
			c, direct := m.changeAt(fn, s)
			a := claimed{instr: s.instr, names: m.claims(fn, s), fixed: sorted(c.fixed), declared: direct && c.declared}
			m.addRan(fn, s, &a)
			if len(a.names)+len(a.fixed) > 0 || a.same != "" {
				all = append(all, a)
			}
		}
		l := m.loopsOf(fn)
		m.checkLooped(r, fn)
		for i, a := range all {
			if l.around(a.instr.Block()) {
				switch {
				case a.declared: // checkChanges
				case len(a.names) > 0:
					m.report(ruleLoopKey, a.instr.Pos(), fmt.Sprintf(noKey, a.names[0]))
				case len(a.fixed) > 0:
					m.report(ruleLoopKey, a.instr.Pos(), fmt.Sprintf(oneKey, quoted(a.fixed[0])))
				default:
					m.report(ruleLoopKey, a.instr.Pos(), fmt.Sprintf(oneKey, quoted(a.same)))
				}
				continue
			}
			for j, b := range all {
				if i == j || !l.after(a.instr, b.instr) {
					continue
				}
				if name := common(a.fixed, b.fixed); name != "" {
					m.report(ruleSameName, b.instr.Pos(), fmt.Sprintf("operation %s has the name and the key of the one at %s in the same scope: only their order distinguishes them; give them different keys", quoted(name), m.where(a.instr.Pos())))
				}
				if name := common(a.names, b.names); name != "" {
					m.report(ruleSameName, b.instr.Pos(), fmt.Sprintf("operation %q has the name of the one at %s in the same scope: only their order distinguishes them; give them different names, or keys", name, m.where(a.instr.Pos())))
				}
			}
		}
	}
}

const (
	noKey  = "operation %q runs in a loop without a key: only their order distinguishes its records; give it the item's key, such as .Key(item.ID)"
	oneKey = "operation %s runs in a loop, and the key is the same in each round: only their order distinguishes its records; give it the item's key, such as .Key(item.ID)"
)

// checkLooped reports functions that run operations without keys and are passed to a helper that
// calls them in a loop.
func (m *model) checkLooped(r region, fn *ssa.Function) {
	for _, s := range m.sums[fn].sites {
		if s.instr.Common().IsInvoke() {
			continue
		}
		for _, t := range s.targets {
			for i, arg := range s.instr.Common().Args {
				if _, ok := arg.Type().Underlying().(*types.Signature); !ok || !m.inLoop(t, i) {
					continue
				}
				for _, src := range m.flow.sources(arg) {
					if f := functionOf(src); f != nil && inside(f, r.root) && m.sums[f] != nil && !hasContext(f.Signature) {
						for _, c := range m.sums[f].sites {
							if names := m.claims(f, c); len(names) > 0 {
								m.report(ruleLoopKey, c.instr.Pos(), fmt.Sprintf(noKey, names[0]))
							} else if o, _ := m.changeAt(f, c); len(o.fixed) > 0 {
								m.report(ruleLoopKey, c.instr.Pos(), fmt.Sprintf(oneKey, quoted(sorted(o.fixed)[0])))
							}
						}
					}
				}
			}
		}
	}
}

// addRan adds what a call claims by names and keys that it gives to helpers, and reports those that
// no helper should be given.
func (m *model) addRan(fn *ssa.Function, s site, a *claimed) {
	direct, through := m.ranAt(fn, s)
	for _, r := range through {
		switch {
		case r.nameValue != nil && m.computed(r.nameValue, fn):
			m.report(ruleName, s.instr.Pos(), computedName)
			continue
		case r.name == "":
			continue
		case r.looped && !r.keyed:
			m.report(ruleLoopKey, s.instr.Pos(), fmt.Sprintf(noKey, r.name))
			continue
		case r.looped && r.key != "":
			m.report(ruleLoopKey, s.instr.Pos(), fmt.Sprintf(oneKey, quoted(withKey(r.name, r.key))))
			continue
		case !r.keyed:
			a.names = append(a.names, r.name)
		case r.key != "":
			a.fixed = append(a.fixed, withKey(r.name, r.key))
		}
		if r.keyValue != nil {
			m.checkKeyValue(s.instr.Pos(), r.keyValue)
		}
	}
	if direct != nil {
		through = append(through, *direct)
	}
	for _, r := range through {
		if r.name != "" && r.keyed && r.keyValue != nil && m.loopsOf(fn).reaches(s.instr.Block(), s.instr.Block()) &&
			parent(r.keyValue) == fn && m.invariant(r.keyValue, s.instr.Block(), 0) {
			a.same = r.name
		}
	}
}

func common(a, b []string) string {
	for _, x := range a {
		if slices.Contains(b, x) {
			return x
		}
	}
	return ""
}

// claims are the names that a call claims in the scope of its caller.
func (m *model) claims(fn *ssa.Function, s site) []string {
	args := s.instr.Common().Args
	for _, t := range s.targets {
		if runs(t.api) && len(args) > 1 && ownScope(m, fn, args[0]) {
			return sorted(m.change(args[1], 0).news)
		}
	}
	if !m.ownCall(fn, s) {
		return nil
	}
	var names map[string]bool
	for _, t := range s.targets { // what all claim: only one of them is called
		own := map[string]bool{}
		if t.fn != nil && m.sums[t.fn] != nil {
			maps.Copy(own, m.sums[t.fn].claims)
		}
		if t.fact != nil {
			for _, n := range t.fact.Claims {
				own[n] = true
			}
		}
		if names == nil {
			names = own
		}
		maps.DeleteFunc(names, func(n string, _ bool) bool { return !own[n] })
	}
	return sorted(names)
}

func ownScopeArgs(m *model, fn *ssa.Function, c ssa.CallInstruction) bool {
	for _, a := range c.Common().Args {
		if isContext(a.Type()) && !ownScope(m, fn, a) {
			return false
		}
	}
	return true
}

// checkDeclarations applies the rules for how operations are declared and run.
func (m *model) checkDeclarations(fn *ssa.Function) {
	for _, b := range fn.Blocks {
		for _, i := range b.Instrs {
			if d, ok := i.(*ssa.Defer); ok {
				m.checkDeferred(d)
			}
			c, ok := i.(*ssa.Call)
			if !ok {
				continue
			}
			api := apiName(calleeObject(c))
			m.checkUnused(c, api)
			m.checkChange(fn, c, api)
			switch {
			case constructor(api):
				m.checkName(fn, c)
				m.checkRepeat(c)
				m.checkIgnoringBody(c)
			case keys(api):
				m.checkKey(c)
			}
			if compensates(api) {
				m.checkUndo(c)
			}
		}
	}
}

// checkUnused reports operations, futures and errors that are not used.
func (m *model) checkUnused(c *ssa.Call, api string) {
	used := uses(c)
	switch t := c.Type(); {
	case isOp(t) && used == 0:
		m.report(ruleNeverRun, c.Pos(), "the operation is declared and never run: pass it to "+sayRun)
	case isOp(t) && m.unread(c):
		m.report(ruleNeverRun, c.Pos(), "the operation is declared, kept and never run: nothing reads where it is kept; pass it to "+sayRun)
	case isBuilder(t) && used == 0:
		m.report(ruleNeverRun, c.Pos(), "the builder is made and never used: call it, and pass the operation to "+sayRun)
	case isFuture(t) && (used == 0 || m.unread(c)):
		m.checkFuture(c)
	case api == "replay.Exec" && m.isSettled(c.Call.Args[1]):
		m.report(ruleDropped, c.Pos(), "an op.AllSettled succeeds whatever its branches do, and its result, which has their errors, is dropped: run it with replay.Run and ask Err, or use op.All")
	case runs(api) && api != apiGo, m.fails(c):
		m.checkDropped(c, api)
	}
}

// isSettled reports whether an operation is a batch that succeeds whatever its branches do.
func (m *model) isSettled(v ssa.Value) bool {
	o := m.operation(v)
	return o != nil && o.Kind == "AllSettled"
}

// checkFuture reports a future that is not used.
func (m *model) checkFuture(c *ssa.Call) {
	switch {
	case m.left(c):
		m.report(ruleFuture, c.Pos(), "the future is never awaited: a wait, a callback or an invoke is left behind when the scope returns; run its Result()")
	case !isNone(futureOf(c.Type())):
		m.report(ruleFuture, c.Pos(), "the future is never awaited: the scope waits for the operation, and its result is lost; run its Result()")
	default:
		m.report(ruleUnawaited, c.Pos(), "the future is never awaited: its error becomes that of the scope when that returns, after all else was done, and a scope that fails does not wait for it; run its Result()")
	}
}

// left reports whether the operation that is started is not known to be waited for by its scope.
func (m *model) left(c *ssa.Call) bool {
	if len(c.Call.Args) < 2 {
		return false
	}
	o := m.operation(c.Call.Args[1])
	return o == nil || o.Left
}

func uses(v ssa.Value) int {
	n := 0
	for _, use := range *v.Referrers() {
		if _, ok := use.(*ssa.DebugRef); !ok {
			n++
		}
	}
	return n
}

func extracted(c *ssa.Call, i int) bool {
	for _, use := range *c.Referrers() {
		if x, ok := use.(*ssa.Extract); ok && x.Index == i && uses(x) > 0 {
			return true
		}
	}
	return false
}

const computedName = "the name of the operation is computed: names are constants, and what varies goes into the key, such as .Key(order.ID)"

// checkName reports names that are computed.
func (m *model) checkName(fn *ssa.Function, c *ssa.Call) {
	if m.computed(c.Call.Args[0], fn) {
		m.report(ruleName, c.Pos(), computedName)
	}
}

// computed reports whether a name is made of what is not constant.
func (m *model) computed(name ssa.Value, fn *ssa.Function) bool {
	return slices.ContainsFunc(m.flow.sources(name), func(src ssa.Value) bool {
		switch src := src.(type) {
		case *ssa.BinOp:
			return true
		case *ssa.Call:
			obj := calleeObject(src)
			if in := m.here(src.Call.StaticCallee()); in != nil {
				return slices.ContainsFunc(results(in, 0), m.concatenates)
			}
			return obj != nil && obj.Pkg() != nil && apiName(obj) == ""
		case *ssa.UnOp:
			return ofInput(src.X, fn)
		case *ssa.Field:
			return ofInput(src.X, fn)
		}
		return false
	})
}

// concatenates reports whether a text is put together.
func (m *model) concatenates(v ssa.Value) bool {
	return slices.ContainsFunc(m.flow.sources(v), func(src ssa.Value) bool {
		c, ok := src.(*ssa.Call)
		_, concat := src.(*ssa.BinOp)
		return concat || ok && formats(calleeObject(c))
	})
}

// ofInput reports whether a value belongs to the input of a handler.
func ofInput(v ssa.Value, fn *ssa.Function) bool {
	for {
		switch x := v.(type) {
		case *ssa.FieldAddr:
			v = x.X
			continue
		case *ssa.Field:
			v = x.X
			continue
		case *ssa.Alloc:
			for _, use := range *x.Referrers() {
				if st, ok := use.(*ssa.Store); ok && st.Addr == ssa.Value(x) {
					p, ok := st.Val.(*ssa.Parameter)
					return ok && isInput(p, fn)
				}
			}
		case *ssa.Parameter:
			return isInput(x, fn)
		}
		return false
	}
}

func isInput(p *ssa.Parameter, fn *ssa.Function) bool {
	return hasContext(fn.Signature) && !isContext(p.Type()) && (fn.Signature.Recv() == nil || p != fn.Params[0])
}

// checkRepeat reports a step that runs at most once and has a policy that repeats it.
func (m *model) checkRepeat(c *ssa.Call) {
	if len(c.Call.Args) == 0 {
		return
	}
	if apiName(calleeObject(c)) == apiRetry && !m.never(c.Call.Args[2]) && !m.mentions(c.Call.Args[2], apiUnless, 0) {
		for _, src := range m.flow.sources(c.Call.Args[1]) {
			if step, ok := src.(*ssa.Call); ok && len(step.Call.Args) > 0 && constructor(apiName(calleeObject(step))) &&
				m.optionsOf(step.Call.Args[len(step.Call.Args)-1], 0).Most {
				m.report(ruleRepeat, c.Pos(), "the step runs at most once per attempt, and "+apiRetry+" runs it again: one that was cut off after its effect is repeated; except op.ErrInterrupted with "+apiUnless)
			}
		}
		return
	}
	if o := m.optionsOf(c.Call.Args[len(c.Call.Args)-1], 0); o.Most && o.repeats() {
		m.report(ruleRepeat, c.Pos(), "the step runs at most once per attempt and has further attempts: one that was cut off after its effect is repeated; leave out "+apiWithRetry+", or except op.ErrInterrupted with "+apiUnless)
	}
}

func unwrap(v ssa.Value) ssa.Value {
	for {
		switch x := v.(type) {
		case *ssa.MakeInterface:
			v = x.X
		case *ssa.ChangeInterface:
			v = x.X
		default:
			return v
		}
	}
}

func (m *model) isAtMostOnce(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	if !ok || c.Value == nil {
		return false
	}
	for _, p := range m.pass.Pkg.Imports() {
		if p.Path() == opPath {
			if k, ok := p.Scope().Lookup(atMostOnce).(*types.Const); ok {
				return k.Val().ExactString() == c.Value.ExactString()
			}
		}
	}
	return false
}

func (m *model) never(v ssa.Value) bool {
	for _, src := range m.flow.sources(unwrap(v)) {
		if c, ok := src.(*ssa.Call); !ok || apiName(calleeObject(c)) != apiNever {
			return false
		}
	}
	return true
}

// mentions reports whether a value is made with a call of the API function.
func (m *model) mentions(v ssa.Value, api string, depth int) bool {
	if depth > 5 {
		return false
	}
	for _, src := range m.flow.sources(unwrap(v)) {
		c, ok := src.(*ssa.Call)
		if !ok {
			continue
		}
		if apiName(calleeObject(c)) == api {
			return true
		}
		for _, a := range c.Call.Args {
			args := []ssa.Value{a}
			if s, ok := a.(*ssa.Slice); ok {
				args = variadic(s)
			}
			for _, a := range args {
				if m.mentions(a, api, depth+1) {
					return true
				}
			}
		}
	}
	return false
}
