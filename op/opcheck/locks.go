package opcheck

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// takesLock reports whether a call locks, or calls a function that returns with a lock held.
func (m *model) takesLock(c ssa.CallInstruction) bool {
	if m.know.of(calleeObject(c)) == lock {
		return true
	}
	fn := c.Common().StaticCallee()
	if fn == nil {
		return false
	}
	if in := m.here(fn); in != nil {
		return m.sums[in].locks
	}
	f := m.fact(objectOf(fn))
	return f != nil && f.Locks
}

// whileHeld calls visit for the calls that are reached from a lock before it is unlocked, until it
// returns true. It reports whether it did, and whether a return is reached.
func (m *model) whileHeld(c ssa.CallInstruction, visit func(ssa.CallInstruction) bool) (found, returns bool) {
	seen := map[*ssa.BasicBlock]bool{}
	var held func(b *ssa.BasicBlock, from int)
	held = func(b *ssa.BasicBlock, from int) {
		for _, i := range b.Instrs[from:] {
			if _, ok := i.(*ssa.Return); ok {
				returns = true
			}
			call, ok := i.(ssa.CallInstruction)
			if !ok {
				continue
			}
			if _, deferred := call.(*ssa.Defer); deferred {
				continue
			}
			if m.know.of(calleeObject(call)) == unlock || m.unlocksIn(call) {
				return
			}
			if visit(call) {
				found = true
				return
			}
		}
		for _, s := range b.Succs {
			if !seen[s] {
				seen[s] = true
				held(s, 0)
			}
		}
	}
	held(c.Block(), slices.Index(c.Block().Instrs, ssa.Instruction(c))+1)
	return found, returns
}

// checkLock reports a lock from which an operation is reached before it is unlocked.
func (m *model) checkLock(c ssa.CallInstruction, obj *types.Func) {
	if found, _ := m.whileHeld(c, m.runsOperation); found {
		what := "a lock"
		if obj != nil {
			what = short(obj)
		}
		m.report(ruleLock, c.Pos(), what+" is held across an operation: if that suspends, the next invocation of this process may wait for the lock forever; unlock it before")
	}
}

// checkLocked reports functions that run operations and are passed to a helper that calls them
// while it holds a lock.
func (m *model) checkLocked(fn *ssa.Function) {
	for _, s := range m.sums[fn].sites {
		if s.instr.Common().IsInvoke() {
			continue
		}
		for _, t := range s.targets {
			for i, arg := range s.instr.Common().Args {
				if m.callsLocked(t, i) && slices.ContainsFunc(m.functionsIn(arg), m.yieldRuns) {
					m.report(ruleLock, s.instr.Pos(), t.name()+" holds a lock while it calls a function that runs operations: if one suspends, the next invocation of this process may wait for the lock forever")
				}
			}
		}
	}
}

// callsLocked reports whether a callee calls its i-th argument while it holds a lock.
func (m *model) callsLocked(t target, i int) bool {
	switch o := m.sums[t.fn]; {
	case o != nil:
		return i < len(t.fn.Params) && o.locked[t.fn.Params[i]]
	case t.fact != nil:
		return slices.Contains(t.fact.Locked, i)
	}
	return false
}

// updateLocks finds the parameters that a function calls while it holds a lock, and whether it
// returns with one held.
func (m *model) updateLocks(s *sum) {
	unlocks := slices.ContainsFunc(s.sites, func(c site) bool {
		_, deferred := c.instr.(*ssa.Defer)
		return deferred && (m.know.of(calleeObject(c.instr)) == unlock || slices.ContainsFunc(c.targets, m.unlocks) || !c.known)
	})
	note := func(v ssa.Value) {
		for _, src := range m.flow.sources(v) {
			if p, ok := src.(*ssa.Parameter); ok {
				s.locked[p] = true
			}
		}
	}
	for _, c := range s.sites {
		for _, t := range c.targets {
			for i, arg := range c.instr.Common().Args {
				if !c.instr.Common().IsInvoke() && m.callsLocked(t, i) {
					note(arg)
				}
			}
		}
		if _, deferred := c.instr.(*ssa.Defer); deferred || !m.takesLock(c.instr) {
			continue
		}
		_, returns := m.whileHeld(c.instr, func(call ssa.CallInstruction) bool {
			if !call.Common().IsInvoke() && call.Common().StaticCallee() == nil {
				note(call.Common().Value)
			}
			return false
		})
		s.locks = s.locks || returns && !unlocks
	}
}

// unlocksIn reports whether a call calls a function of this package that unlocks and does not lock.
func (m *model) unlocksIn(c ssa.CallInstruction) bool {
	in := m.here(c.Common().StaticCallee())
	return in != nil && m.unlocks(target{fn: in}) && !slices.ContainsFunc(m.sums[in].sites, func(s site) bool { return m.know.of(calleeObject(s.instr)) == lock })
}

// unlocks reports whether a function of this package unlocks something.
func (m *model) unlocks(t target) bool {
	o := m.sums[t.fn]
	return o != nil && slices.ContainsFunc(o.sites, func(c site) bool { return m.know.of(calleeObject(c.instr)) == unlock })
}

// functionType is the type of a function, or of those in a list; nil for others.
func functionType(t types.Type) *types.Signature {
	if s, ok := t.Underlying().(*types.Slice); ok {
		t = s.Elem()
	}
	sig, _ := t.Underlying().(*types.Signature)
	return sig
}

// functionsIn are the functions that an argument is, or that are in a list of them.
func (m *model) functionsIn(arg ssa.Value) []ssa.Value {
	switch t := arg.Type().Underlying().(type) {
	case *types.Signature:
		return m.flow.sources(arg)
	case *types.Slice:
		if _, ok := t.Elem().Underlying().(*types.Signature); !ok {
			return nil
		}
		var all []ssa.Value
		for _, v := range m.flow.contents(arg) {
			all = append(all, m.flow.sources(v)...)
		}
		return all
	}
	return nil
}
