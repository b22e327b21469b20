package opcheck

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

const logged = "the ID of a callback is logged: who reads it can complete the callback; log the operation's path instead"

// checkSecrets reports IDs of callbacks that are logged: who has one can complete the callback.
func (m *model) checkSecrets(fn *ssa.Function) {
	report := func(pos token.Pos) { m.report(ruleSecret, pos, logged) }
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		switch i := i.(type) {
		case *ssa.Field:
			if isSecret(i.X.Type(), i.Field) {
				m.findLogged(i, report)
			}
		case *ssa.FieldAddr:
			if isSecret(elem(i.X), i.Field) {
				m.findLogged(i, report)
			}
		case *ssa.MakeInterface:
			if t := i.X.Type(); isCallback(t) || isCallback(elem(i.X)) {
				m.findLogged(i, report) // the whole callback
			}
		case *ssa.Store:
			if m.submits[m.fieldKey(i.Addr)] {
				m.checkSubmit(i.Val, i.Pos())
			}
		}
	})
	for _, s := range m.sums[fn].sites {
		for _, t := range s.targets {
			for _, i := range m.submitsOf(t) {
				if i < len(s.instr.Common().Args) && !s.instr.Common().IsInvoke() {
					m.checkSubmit(s.instr.Common().Args[i], s.instr.Pos())
				}
			}
			for _, set := range m.setsOf(t) {
				if args := arguments(s); m.submits[set.Field] && set.Param <= len(args) {
					m.checkSubmit(args[set.Param-1], s.instr.Pos())
				}
			}
		}
	}
}

// isSecret reports whether a field of a type is the ID of a callback.
func isSecret(t types.Type, field int) bool {
	f := fieldOf(t, field)
	return f != nil && (isCallback(t) && f.Name() == callbackID || isNamed(t, opPath, "Error") && f.Name() == errorCallbackID)
}

// checkSubmit reports a function that gives away the ID of a callback, and logs it.
func (m *model) checkSubmit(v ssa.Value, pos token.Pos) {
	for _, src := range m.flow.sources(v) {
		for _, t := range m.sourceFuncs(src) {
			switch {
			case t.fn != nil && m.sums[t.fn] != nil && len(t.fn.Params) > 1:
				m.findLogged(t.fn.Params[len(t.fn.Params)-1], func(at token.Pos) { m.report(ruleSecret, at, logged) })
			case t.fact != nil && t.obj != nil:
				last := t.obj.Signature().Params().Len() - 1
				if t.obj.Signature().Recv() != nil {
					last++
				}
				if slices.Contains(t.fact.Logs, last) {
					m.report(ruleSecret, pos, t.name()+" logs what it is given: "+logged)
				}
			}
		}
	}
}

// submitsOf are the arguments of a target that are given the ID of a callback.
func (m *model) submitsOf(t target) []int {
	switch {
	case t.api == "op.WaitForCallback":
		return []int{1}
	case t.fn != nil && m.sums[t.fn] != nil:
		var all []int
		for p := range m.sums[t.fn].submits {
			if i := parameter(p, t.fn); i > 0 {
				all = append(all, i-1)
			}
		}
		return all
	case t.fact != nil:
		return t.fact.Submits
	}
	return nil
}

// updateSecrets finds the parameters that a function logs, and those that are given the ID of a
// callback.
func (m *model) updateSecrets(fn *ssa.Function, s *sum) {
	for i, p := range fn.Params {
		if !s.logs[i] {
			m.findLogged(p, func(token.Pos) { s.logs[i] = true })
		}
	}
	for _, c := range s.sites {
		for _, t := range c.targets {
			for _, i := range m.submitsOf(t) {
				if i >= len(c.instr.Common().Args) {
					continue
				}
				arg := c.instr.Common().Args[i]
				for _, src := range m.flow.sources(arg) {
					if p, ok := src.(*ssa.Parameter); ok {
						s.submits[p] = true
					}
				}
				if load, ok := arg.(*ssa.UnOp); ok {
					if key := m.fieldKey(load.X); key != "" {
						m.submits[key] = true
					}
				}
			}
		}
	}
}

// findLogged calls report where a value is logged, itself or by a helper that it is given to.
func (m *model) findLogged(id ssa.Value, report func(token.Pos)) {
	onwards(id, func(use ssa.Instruction, v ssa.Value) bool {
		c, ok := use.(ssa.CallInstruction)
		if !ok {
			return true
		}
		obj := calleeObject(c)
		if m.know.of(obj) == logging || m.logsArg(c, v) {
			report(c.Pos())
			return false
		}
		return obj != nil && obj.Pkg() != nil && slices.Contains([]string{"fmt", "log/slog", "strings"}, obj.Pkg().Path())
	})
}

// logsArg reports whether a callee logs an argument.
func (m *model) logsArg(c ssa.CallInstruction, v ssa.Value) bool {
	fn := c.Common().StaticCallee()
	if fn == nil {
		return false
	}
	in, f := m.here(fn), m.fact(objectOf(fn))
	return slices.ContainsFunc(c.Common().Args, func(a ssa.Value) bool {
		if a != v {
			return false
		}
		i := slices.Index(c.Common().Args, a)
		return in != nil && m.sums[in].logs[i] || f != nil && slices.Contains(f.Logs, i)
	})
}
