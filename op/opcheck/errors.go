package opcheck

import (
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// readRegistered collects the errors that this package and those it imports register.
func (m *model) readRegistered() {
	for _, f := range m.pass.AllPackageFacts() {
		if pf, ok := f.Fact.(*packageFact); ok {
			for _, e := range pf.Registered {
				m.registered[e] = true
			}
		}
	}
	each(m.flow.funcs, func(_ *ssa.Function, i ssa.Instruction) {
		c, ok := i.(*ssa.Call)
		if !ok {
			return
		}
		fn := c.Call.StaticCallee()
		if fn == nil {
			return
		}
		switch apiName(objectOf(fn)) {
		case apiSentinel:
			if len(c.Call.Args) > 1 {
				for _, src := range m.flow.sources(unwrap(c.Call.Args[1])) {
					if load, ok := src.(*ssa.UnOp); ok {
						m.registered[errorName(load)] = true
					}
				}
				m.registered[errorName(unwrap(c.Call.Args[1]))] = true
			}
		case apiErrorType:
			for _, t := range fn.TypeArgs() {
				m.registered[types.TypeString(t, nil)] = true
			}
		}
	})
}

// errorName names a sentinel; "" for other values.
func errorName(v ssa.Value) string {
	load, ok := v.(*ssa.UnOp)
	if !ok {
		return ""
	}
	g, ok := load.X.(*ssa.Global)
	if !ok || g.Pkg == nil {
		return ""
	}
	return g.Pkg.Pkg.Path() + "." + g.Name()
}

// checkErrors reports errors that handler code asks for and nothing registers, if this package
// makes the handler. What it asks for otherwise is part of what importers know: checkHandlers.
func (m *model) checkErrors(r region) {
	for _, fn := range r.funcs {
		m.checkCompared(fn)
		for _, s := range m.sums[fn].sites {
			asks := m.asksOf(s)
			for _, a := range slices.SortedFunc(maps.Keys(asks), func(a, b asking) int { return compare(a.What, b.What) }) {
				m.checkAsked(s, a.What, asks[a])
			}
		}
	}
}

// checkAsked reports an error that is asked for and not registered.
func (m *model) checkAsked(s site, name string, asked ssa.Value) {
	if name == "" || !m.ofOperation(asked, 0) || m.registered[name] || inTree(name) {
		return
	}
	if m.handles {
		m.reportOf(ruleError, s.instr.Pos(), name, fmt.Sprintf("%s is not registered, so no error of an operation is one, not on the first run either: pass codec.Sentinel or codec.ErrorType of it to %s", short2(name), apiRegister))
	}
}

// inTree reports whether the error belongs to the API, which restores its own.
func inTree(name string) bool {
	return slices.ContainsFunc(apiPackages(), func(p string) bool {
		return len(name) > len(p) && (name[:len(p)] == p || name[1:min(len(name), len(p)+1)] == p)
	})
}

func short2(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			return name[i+1:]
		}
	}
	return name
}

// asked is the error that errors.Is or errors.As looks for, and the value it looks in.
func (m *model) asked(c ssa.CallInstruction) (string, ssa.Value) {
	obj := calleeObject(c)
	if obj == nil || obj.Pkg() == nil || obj.Pkg().Path() != "errors" {
		return "", nil
	}
	args := c.Common().Args
	switch obj.Name() {
	case "Is":
		return errorName(args[1]), args[0]
	case "As":
		if p, ok := unwrap(args[1]).Type().(*types.Pointer); ok {
			return types.TypeString(p.Elem(), nil), args[0]
		}
	case "AsType":
		if fn := c.Common().StaticCallee(); fn != nil && len(fn.TypeArgs()) == 1 {
			return types.TypeString(fn.TypeArgs()[0], nil), args[0]
		}
	}
	return "", nil
}

// ofOperation reports whether an error is that of an operation.
func (m *model) ofOperation(v ssa.Value, depth int) bool {
	if depth > 5 || v == nil {
		return false
	}
	for _, src := range m.flow.sources(v) {
		if x, ok := src.(*ssa.Extract); ok {
			src = x.Tuple
		}
		c, ok := src.(*ssa.Call)
		if !ok {
			if ofItem(src) {
				return true
			}
			continue
		}
		obj := calleeObject(c)
		switch api := apiName(obj); {
		case api == "replay.Run" || api == "replay.Exec":
			return len(c.Call.Args) < 2 || !m.mapsError(c.Call.Args[1], 0)
		case obj != nil && obj.Pkg() != nil && obj.Pkg().Path()+"."+obj.Name() == "fmt.Errorf", obj != nil && obj.Pkg() != nil && obj.Pkg().Path() == "errors":
			if list, ok := c.Call.Args[len(c.Call.Args)-1].(*ssa.Slice); ok {
				for _, a := range variadic(list) {
					if m.ofOperation(unwrap(a), depth+1) {
						return true
					}
				}
			}
		case api == apiBatchErr:
			return true
		case m.fails(c): // a helper that runs operations
			return true
		}
		for _, i := range m.passesOf(c) {
			if i < len(c.Call.Args) && m.ofOperation(c.Call.Args[i], depth+1) {
				return true
			}
		}
	}
	return false
}

// ofItem reports whether a value is the error of an item of a batch.
func ofItem(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.UnOp:
		a, ok := v.X.(*ssa.FieldAddr)
		return ok && isItem(elem(a.X)) && fieldOf(a.X.Type(), a.Field).Name() == itemErr
	case *ssa.Field:
		return isItem(v.X.Type()) && fieldOf(v.X.Type(), v.Field).Name() == itemErr
	}
	return false
}

// fails reports whether a call returns the error of an operation that the callee has run.
func (m *model) fails(c *ssa.Call) bool {
	fn := c.Call.StaticCallee()
	if fn == nil {
		return false
	}
	if in := m.here(fn); in != nil {
		return m.sums[in].fails
	}
	f := m.fact(objectOf(fn))
	return f != nil && f.Fails
}

// passesOf are the arguments of a call that are errors which the callee returns, or wraps.
func (m *model) passesOf(c *ssa.Call) []int {
	fn := c.Call.StaticCallee()
	if fn == nil {
		return nil
	}
	if in := m.here(fn); in != nil {
		return slices.Sorted(maps.Keys(m.sums[in].passes))
	}
	if f := m.fact(objectOf(fn)); f != nil {
		return f.Passes
	}
	return nil
}

// updateFails finds out whether a function returns the error of an operation, and which of the
// errors that it is given it returns.
func (m *model) updateFails(fn *ssa.Function, s *sum) {
	last := fn.Signature.Results().Len() - 1
	if last < 0 || !isError(fn.Signature.Results().At(last).Type()) {
		return
	}
	for _, r := range results(fn, last) {
		s.fails = s.fails || m.ofOperation(r, 0)
		m.passedOn(fn, s, r, 0)
	}
}

func (m *model) passedOn(fn *ssa.Function, s *sum, v ssa.Value, depth int) {
	if depth > 4 {
		return
	}
	for _, src := range m.flow.sources(unwrap(v)) {
		switch src := src.(type) {
		case *ssa.Parameter:
			if src.Parent() == fn && isError(src.Type()) {
				s.passes[slices.Index(fn.Params, src)] = true
			}
		case *ssa.Call:
			obj := calleeObject(src)
			if obj != nil && obj.Pkg() != nil && (obj.Pkg().Path()+"."+obj.Name() == "fmt.Errorf" || obj.Pkg().Path() == "errors") {
				if list, ok := src.Call.Args[len(src.Call.Args)-1].(*ssa.Slice); ok {
					for _, a := range variadic(list) {
						m.passedOn(fn, s, a, depth+1)
					}
				}
			}
			for _, i := range m.passesOf(src) {
				if i < len(src.Call.Args) {
					m.passedOn(fn, s, src.Call.Args[i], depth+1)
				}
			}
		}
	}
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

// checkCompared reports errors of operations that are compared with == or asserted to be of a type:
// what the body returned is wrapped, so they never are.
func (m *model) checkCompared(fn *ssa.Function) {
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		switch i := i.(type) {
		case *ssa.BinOp:
			if i.Op != token.EQL && i.Op != token.NEQ {
				return
			}
			for _, of := range [][2]ssa.Value{{i.X, i.Y}, {i.Y, i.X}} {
				if name := errorName(of[0]); name != "" && isError(of[0].Type()) && m.ofOperation(of[1], 0) {
					m.report(ruleError, i.Pos(), fmt.Sprintf(never, "== "+short2(name), "Is"))
				}
			}
		case *ssa.TypeAssert:
			name := types.TypeString(i.AssertedType, nil)
			if isError(i.X.Type()) && !isError(i.AssertedType) && !inTree(name) && m.ofOperation(i.X, 0) {
				m.report(ruleError, i.Pos(), fmt.Sprintf(never, "a "+short2(name), "As"))
			}
		}
	})
}

const never = "the error of an operation is never %s, for it wraps what the body returned, on the first run too: use errors.%s, and register the error with " + apiRegister

// mapsError reports whether an operation replaces its error.
func (m *model) mapsError(v ssa.Value, depth int) bool {
	if depth > 5 {
		return false
	}
	for _, src := range m.flow.sources(v) {
		c, ok := src.(*ssa.Call)
		if !ok {
			continue
		}
		obj := calleeObject(c)
		if obj != nil && obj.Name() == "MapError" {
			return true
		}
		if obj == nil && m.mapsError(c.Call.Value, depth+1) {
			return true
		}
		if obj != nil && adapts(apiName(obj)) && m.mapsError(c.Call.Args[0], depth+1) {
			return true
		}
	}
	return false
}

// checkHandlers reports, where a handler is made, what it leaves in its receiver; and if it is
// another package's, what it asks for and nothing registers.
func (m *model) checkHandlers(fn *ssa.Function) {
	for _, s := range m.sums[fn].sites {
		if len(s.targets) != 1 {
			continue
		}
		at, ok := handles(s.targets[0].api)
		if !ok || len(s.instr.Common().Args) <= at {
			continue
		}
		for _, src := range m.flow.sources(s.instr.Common().Args[at]) {
			for _, t := range m.sourceFuncs(src) {
				m.checkHandlerState(s.instr, t)
				if t.fact == nil {
					continue
				}
				for _, n := range t.fact.Needs {
					if !m.registered[n.What] {
						m.reportOf(ruleError, s.instr.Pos(), n.What, fmt.Sprintf("%s asks at %s for %s, which is not registered, so no error of an operation is one: pass codec.Sentinel or codec.ErrorType of it to %s", t.name(), n.Where, short2(n.What), apiRegister))
					}
				}
			}
		}
	}
}
