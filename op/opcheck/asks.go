package opcheck

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// updateReplaying finds out whether a function returns whether the execution is replaying.
func (m *model) updateReplaying(fn *ssa.Function, s *sum) {
	s.replaying = s.replaying || slices.ContainsFunc(results(fn, 0), func(v ssa.Value) bool { return m.isReplaying(v, 0) })
}

// isReplaying reports whether a value says whether the execution is replaying.
func (m *model) isReplaying(v ssa.Value, depth int) bool {
	if depth > 6 {
		return false
	}
	return slices.ContainsFunc(m.flow.sources(v), func(src ssa.Value) bool {
		switch src := src.(type) {
		case *ssa.Field:
			return isReplayingField(src.X.Type(), src.Field)
		case *ssa.UnOp:
			if a, ok := src.X.(*ssa.FieldAddr); ok && src.Op == token.MUL {
				return isReplayingField(elem(a.X), a.Field)
			}
			return src.Op == token.NOT && m.isReplaying(src.X, depth+1)
		case *ssa.Call:
			if in := m.here(src.Call.StaticCallee()); in != nil {
				return m.sums[in].replaying
			}
			f := m.fact(calleeObject(src))
			return f != nil && f.Replaying
		}
		return false
	})
}

func isReplayingField(t types.Type, i int) bool {
	f := fieldOf(t, i)
	return f != nil && isNamed(t, opPath, "Execution") && f.Name() == executionReplaying
}

// checkReplaying reports operations that are run on a replay alone, or on a first run alone.
func (m *model) checkReplaying(fn *ssa.Function) {
	l := m.loopsOf(fn)
	for _, b := range fn.Blocks {
		branch, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
		if !ok || !m.isReplaying(branch.Cond, 0) {
			continue
		}
		for i, s := range b.Succs {
			other := b.Succs[1-i]
			for _, in := range fn.Blocks {
				if in != s && !l.reaches(s, in) || in == other || l.reaches(other, in) {
					continue
				}
				for _, j := range in.Instrs {
					if c, ok := j.(ssa.CallInstruction); ok && m.runsOperation(c) {
						m.report(process, c.Pos(), "whether the operation runs depends on Execution.Replaying, which is for logs and metrics: the next invocation takes the other way; let it run in both, for a replay does not run its body")
					}
				}
			}
		}
	}
}

// checkReplayed reports functions of other packages that are called on each replay, such as the
// policy of an op.Retry, and do what handler code must not.
func (m *model) checkReplayed(fn *ssa.Function) {
	for _, s := range m.sums[fn].sites {
		for _, t := range s.targets {
			for _, arg := range s.instr.Common().Args {
				sig, ok := arg.Type().Underlying().(*types.Signature)
				if !ok || t.api == "" || !replayed(t.api, sig) {
					continue
				}
				for _, src := range m.flow.sources(arg) {
					for _, f := range m.sourceFuncs(src) {
						if f.fact == nil || f.api != "" || m.bodies[fn] {
							continue
						}
						for _, e := range m.namedEffects(f) {
							if e.Where != "" {
								m.reportKind(s.instr.Pos(), e, e.chain()+", which is called on each replay,")
							}
						}
					}
				}
			}
		}
	}
}

// otherContext is a call with a context that is kept elsewhere, in a function that does not use the
// one it is given; nil for none.
func (m *model) otherContext(fn *ssa.Function) ssa.CallInstruction {
	ctx := contextParam(fn)
	if ctx == nil || ctx.Referrers() != nil && len(*ctx.Referrers()) > 0 || fn.Parent() != nil && !m.bodies[fn] {
		return nil
	}
	for _, c := range m.sums[fn].sites {
		for _, a := range c.instr.Common().Args {
			load, ok := a.(*ssa.UnOp)
			if !ok || !isStdContext(a.Type()) {
				continue
			}
			switch load.X.(type) {
			case *ssa.FieldAddr, *ssa.Global:
				return c.instr
			}
		}
	}
	return nil
}
