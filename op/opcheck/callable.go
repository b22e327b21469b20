package opcheck

import "golang.org/x/tools/go/ssa"

// callable are the functions that a function value may be.
func (m *model) callable(v ssa.Value) ([]target, bool) {
	switch v := v.(type) {
	case *ssa.Function, *ssa.MakeClosure:
		fn := functionOf(v)
		return m.targetsOf(fn, v), true
	case *ssa.Const:
		return nil, true
	case *ssa.Call:
		return m.returned(v)
	case *ssa.Extract: // such as the function that context.WithCancel returns
		if c, ok := v.Tuple.(*ssa.Call); ok {
			if in := m.calledHere(c); in != nil {
				return m.returnedHere(in, c, v.Index)
			}
			obj := calleeObject(c)
			return nil, obj != nil && obj.Pkg() != nil && m.know.covers(obj.Pkg().Path())
		}
	case *ssa.UnOp:
		if f := m.varFact(v.X); f != nil && len(f.Effects) > 0 {
			return []target{{fact: &funcFact{Effects: f.Effects}}}, true
		}
	}
	return nil, false
}

// returned are the functions that a call may return.
func (m *model) returned(c *ssa.Call) ([]target, bool) {
	if isBuilder(c.Type()) || isOp(c.Type()) {
		return nil, true
	}
	fn := c.Call.StaticCallee()
	if fn == nil {
		return m.returnedByValue(c)
	}
	obj := objectOf(fn)
	if m.know.of(obj) == once { // sync.OnceValue: what it returns calls what it was given
		return m.given(c)
	}
	if m.know.is(later, obj) {
		return nil, false
	}
	if in := m.here(fn); in != nil {
		return m.returnedHere(in, c, 0)
	}
	if f := m.fact(obj); f != nil && len(f.Result) > 0 {
		return []target{{fact: &funcFact{Effects: f.Result}, obj: obj}}, true
	}
	return nil, false
}

// calledHere is the function of this package that a call calls, if it is known; nil for others.
func (m *model) calledHere(c *ssa.Call) *ssa.Function {
	if in := m.here(c.Call.StaticCallee()); in != nil || c.Call.IsInvoke() {
		return in
	}
	if sources := m.flow.sources(c.Call.Value); len(sources) == 1 {
		if fn := functionOf(sources[0]); fn != nil && m.sums[fn] != nil {
			return fn
		}
	}
	return nil
}

// returnedHere are the functions that a function of this package returns.
func (m *model) returnedHere(in *ssa.Function, c *ssa.Call, i int) ([]target, bool) {
	var all []target
	known := true
	for _, v := range results(in, i) {
		for _, src := range m.flow.sources(v) {
			if src == ssa.Value(c) {
				continue
			}
			t, ok := m.functionOnly(src)
			all = append(all, t...)
			known = known && ok
		}
	}
	return all, known
}

// returnedByValue are the functions that a call of a function value may return.
func (m *model) returnedByValue(c *ssa.Call) ([]target, bool) {
	if c.Call.IsInvoke() {
		return nil, false
	}
	var all []target
	known := true
	for _, src := range m.flow.sources(c.Call.Value) {
		fn := functionOf(src)
		if fn == nil || m.sums[fn] == nil {
			return nil, false
		}
		t, ok := m.returnedHere(fn, c, 0)
		all = append(all, t...)
		known = known && ok
	}
	return all, known
}

// given are the functions that a call is given.
func (m *model) given(c *ssa.Call) ([]target, bool) {
	var all []target
	known := len(c.Call.Args) > 0
	for _, a := range c.Call.Args {
		for _, src := range m.flow.sources(a) {
			t, ok := m.functionOnly(src)
			all = append(all, t...)
			known = known && ok
		}
	}
	return all, known
}

func (m *model) functionOnly(v ssa.Value) ([]target, bool) {
	if fn := functionOf(v); fn != nil {
		return m.targetsOf(fn, v), true
	}
	return nil, isNil(v)
}
