package opcheck

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// checkConcurrency reports goroutines, channels, locks and sync.Once in handler code.
func (m *model) checkConcurrency(r region) {
	for _, fn := range r.funcs {
		m.checkAsync(fn)
		m.checkLocked(fn)
		each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
			switch i := i.(type) {
			case *ssa.Go:
				m.report(ruleConcurrency, i.Pos(), "a goroutine in handler code is lost when the invocation ends, and may not run operations: use "+sayGo+" with an operation")
			case *ssa.Send:
				m.report(ruleConcurrency, i.Pos(), "a channel in handler code blocks the invocation, and its order differs on each replay: pass values by results of operations")
			case *ssa.UnOp:
				if i.Op == token.ARROW {
					m.report(ruleConcurrency, i.Pos(), "a channel in handler code blocks the invocation, and its order differs on each replay: pass values by results of operations")
				}
			case *ssa.Select:
				m.report(ruleConcurrency, selectPos(i), "select in handler code chooses another case on each replay: use op.RaceWinner or op.Race over operations")
			case ssa.CallInstruction:
				m.checkSync(i)
			}
		})
	}
}

// checkAsync reports functions that run operations and are passed to a helper that calls them on
// goroutines.
func (m *model) checkAsync(fn *ssa.Function) {
	for _, s := range m.sums[fn].sites {
		if s.instr.Common().IsInvoke() {
			continue
		}
		for _, t := range s.targets {
			if m.know.of(t.obj) == concurrent {
				continue // reported as what it is
			}
			for i, arg := range s.instr.Common().Args {
				if !m.onGoroutines(t, i) {
					continue
				}
				if slices.ContainsFunc(m.functionsIn(arg), m.yieldRuns) {
					m.report(ruleConcurrency, s.instr.Pos(), t.name()+" calls a function that runs operations on other goroutines, which suspension does not know: use "+sayGo+", op.All or op.Map")
				}
			}
		}
	}
}

func selectPos(s *ssa.Select) token.Pos {
	if s.Pos().IsValid() {
		return s.Pos()
	}
	for _, st := range s.States {
		if st.Pos.IsValid() {
			return st.Pos
		}
	}
	return token.NoPos
}

// checkSync reports calls of sync, errgroup and the like.
func (m *model) checkSync(c ssa.CallInstruction) {
	obj := calleeObject(c)
	switch m.know.of(obj) {
	case concurrent:
		m.report(ruleConcurrency, c.Pos(), short(obj)+" in handler code runs functions on goroutines that suspension does not know: use "+sayGo+", op.All or op.Map")
	case once:
		for _, a := range c.Common().Args {
			for _, src := range m.flow.sources(a) {
				if fn := functionOf(src); fn != nil && m.sums[fn] != nil && m.sums[fn].runs {
					m.report(ruleOnce, c.Pos(), short(obj)+" is spent when the operation in it suspends, although nothing was done: operations are recorded once anyway, run it as it is")
				}
			}
		}
	}
	if _, deferred := c.(*ssa.Defer); !deferred && m.takesLock(c) {
		m.checkLock(c, obj)
	}
}

func calleeObject(c ssa.CallInstruction) *types.Func {
	if c.Common().IsInvoke() {
		return c.Common().Method
	}
	if fn := c.Common().StaticCallee(); fn != nil {
		return objectOf(fn)
	}
	return nil
}

// checkPackageVars reports package variables that change and that handler code reads.
func (m *model) checkPackageVars(r region) {
	for _, fn := range r.funcs {
		m.checkObjects(fn)
		each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
			load, ok := i.(*ssa.UnOp)
			if !ok || load.Op != token.MUL {
				return
			}
			g, ok := base(load.X).(*ssa.Global)
			if !ok || g.Pkg == nil {
				return
			}
			changes := false
			if g.Pkg.Pkg == m.pass.Pkg {
				changes = m.changes(g)
			} else if f := m.varFact(g); f != nil {
				changes = f.Changes
			}
			if changes {
				m.report(rulePackageVar, load.Pos(), packageVar(g.Name()))
			}
		})
	}
}

// changes reports whether a package variable is written by a function other than init.
func (m *model) changes(g *ssa.Global) bool {
	found := false
	each(m.flow.funcs, func(fn *ssa.Function, i ssa.Instruction) {
		if found || initializes(fn) || m.testFile(i.Pos()) {
			return
		}
		for _, v := range m.written(i) {
			if base(v) == ssa.Value(g) {
				found = true
			}
			if load, ok := base(v).(*ssa.UnOp); ok && load.X == ssa.Value(g) {
				_, isMapOrSlice := i.(*ssa.Store)
				_, isUpdate := i.(*ssa.MapUpdate)
				found = found || isMapOrSlice || isUpdate
			}
		}
	})
	return found
}

func initializes(fn *ssa.Function) bool {
	for fn.Parent() != nil {
		fn = fn.Parent()
	}
	return fn.Name() == "init" || len(fn.Name()) > 5 && fn.Name()[:5] == "init#" || fn.Name() == "main"
}

// testFile reports whether a position is in a test: tests set variables, once, before handlers run.
func (m *model) testFile(pos token.Pos) bool {
	name := m.pass.Fset.Position(pos).Filename
	return len(name) > 8 && name[len(name)-8:] == "_test.go"
}
