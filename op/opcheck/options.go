package opcheck

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// isOptions reports whether a type is an option of a step, or a list of them.
func isOptions(t types.Type) bool {
	if s, ok := t.Underlying().(*types.Slice); ok {
		t = s.Elem()
	}
	return isNamed(t, opPath, "StepOption") || isNamed(t, opPath, "Option")
}

// optionsOf is what is known about an option of a step, or about a list of them.
func (m *model) optionsOf(v ssa.Value, depth int) optInfo {
	var all optInfo
	if depth > 6 {
		return all
	}
	if s, ok := v.(*ssa.Slice); ok {
		for _, e := range variadic(s) {
			all = all.then(m.optionsOf(e, depth+1))
		}
		if len(variadic(s)) > 0 {
			return all
		}
		v = s.X
	}
	for _, src := range m.flow.sources(unwrap(v)) {
		if src != v {
			if s, ok := src.(*ssa.Slice); ok {
				all = all.or(m.optionsOf(s, depth+1))
				continue
			}
		}
		switch src := src.(type) {
		case *ssa.UnOp:
			if f := m.varFact(src.X); f != nil && f.Options != nil {
				all = all.or(*f.Options)
			}
		case *ssa.Call:
			all = all.or(m.optionsOfCall(src, depth))
		}
	}
	return all
}

func (m *model) optionsOfCall(c *ssa.Call, depth int) optInfo {
	switch apiName(calleeObject(c)) {
	case apiSemantics:
		return optInfo{Most: m.isAtMostOnce(c.Call.Args[0])}
	case apiWithRetry:
		never := m.never(c.Call.Args[0])
		return optInfo{Repeats: !never, Never: never, Unless: m.mentions(c.Call.Args[0], apiUnless, 0)}
	case apiRetryIf:
		return optInfo{Filtered: true}
	}
	var all optInfo
	if fn := c.Call.StaticCallee(); fn != nil {
		if in := m.here(fn); in != nil && m.sums[in].options != nil {
			all = *m.sums[in].options
		} else if f := m.fact(objectOf(fn)); f != nil && f.Options != nil {
			all = *f.Options
		}
	}
	for _, a := range c.Call.Args { // append, and helpers that add to what they are given
		if isOptions(a.Type()) {
			switch given := m.optionsOf(a, depth+1); {
			case isAppend(c), all.Order == givenLast:
				all = all.then(given)
			case all.Order == givenFirst:
				all = given.then(all)
			default:
				all = all.or(given)
			}
		}
	}
	return all
}

// isAppend reports whether a call is one of append, which keeps the order of what it is given.
func isAppend(c *ssa.Call) bool {
	b, ok := c.Call.Value.(*ssa.Builtin)
	return ok && b.Name() == "append"
}

// updateOptions computes what is known about the options that a function returns.
func (m *model) updateOptions(fn *ssa.Function, s *sum) {
	if fn.Signature.Results().Len() == 0 || !isOptions(fn.Signature.Results().At(0).Type()) || s.options != nil {
		return
	}
	var all optInfo
	returned := results(fn, 0)
	for _, v := range returned {
		all = all.or(m.optionsOf(v, 0))
	}
	if len(returned) == 1 {
		all.Order = m.orderOf(returned[0], fn)
	}
	if all != (optInfo{}) {
		s.options = &all
	}
}

// orderOf is where the options that a function is given stand among those that it returns.
func (m *model) orderOf(v ssa.Value, fn *ssa.Function) order {
	isGiven := func(v ssa.Value) bool {
		return slices.ContainsFunc(m.flow.sources(v), func(src ssa.Value) bool {
			p, ok := src.(*ssa.Parameter)
			return ok && p.Parent() == fn
		})
	}
	for _, src := range m.flow.sources(v) {
		c, ok := src.(*ssa.Call)
		if !ok || !isAppend(c) {
			continue
		}
		switch {
		case isGiven(c.Call.Args[0]):
			return givenFirst
		case isGiven(c.Call.Args[1]):
			return givenLast
		}
		return m.orderOf(c.Call.Args[0], fn)
	}
	return unordered
}
