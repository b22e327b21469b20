package opcheck

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// passedAndDropped reports whether all that is done with the error of an operation is to pass it to
// functions that do not look at it.
func (m *model) passedAndDropped(c *ssa.Call) bool {
	err := ssa.Value(c)
	if _, tuple := c.Type().(*types.Tuple); tuple {
		err = nil
		for _, use := range *c.Referrers() {
			if x, ok := use.(*ssa.Extract); ok && x.Index == 1 {
				err = x
			}
		}
	}
	if err == nil || uses(err) == 0 {
		return false
	}
	for _, use := range *err.Referrers() {
		switch use := use.(type) {
		case *ssa.DebugRef:
		case *ssa.Call:
			if use.Call.Value == err {
				return false // a method of it
			}
			for i, a := range use.Call.Args {
				if a == err && !m.allDrop(use, i) {
					return false
				}
			}
		default:
			return false
		}
	}
	return true
}

// allDrop reports whether no function that a call may call looks at an argument of it.
func (m *model) allDrop(c *ssa.Call, i int) bool {
	for _, s := range m.sums[c.Parent()].sites {
		if s.instr == ssa.CallInstruction(c) {
			return s.known && !c.Call.IsInvoke() && len(s.targets) > 0 &&
				!slices.ContainsFunc(s.targets, func(t target) bool { return !m.dropsArg(t, i) })
		}
	}
	return false
}

// unread reports whether a value is kept in variables, lists and maps of its function, and nothing
// reads them.
func (m *model) unread(v ssa.Value) bool {
	if uses(v) == 0 {
		return false
	}
	seen := map[ssa.Value]bool{}
	var dead func(v ssa.Value) bool
	dead = func(v ssa.Value) bool {
		if seen[v] {
			return true
		}
		seen[v] = true
		if v.Referrers() == nil {
			return false
		}
		for _, use := range *v.Referrers() {
			ok := false
			switch use := use.(type) {
			case *ssa.DebugRef:
				ok = true
			case *ssa.Store:
				_, local := base(use.Addr).(*ssa.Alloc)
				ok = use.Val != v || local && dead(base(use.Addr))
			case *ssa.MapUpdate:
				_, local := use.Map.(*ssa.MakeMap)
				ok = use.Value != v || local && dead(use.Map)
			case *ssa.IndexAddr:
				ok = dead(use)
			case *ssa.Slice:
				ok = dead(use)
			case *ssa.Phi:
				ok = dead(use)
			case *ssa.FieldAddr:
				ok = dead(use)
			case *ssa.Call:
				b, builtin := use.Call.Value.(*ssa.Builtin)
				ok = builtin && b.Name() == "append" && dead(use)
			}
			if !ok {
				return false
			}
		}
		return true
	}
	return dead(v)
}
