package opcheck

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// checkMean reports quotients by a number of things that may be none, in what becomes the result of
// an operation or of a handler: JSON has no NaN and no infinity, and the operation fails.
func (m *model) checkMean(fn *ssa.Function) {
	if !m.bodies[fn] && !m.groups[fn] && !m.givesResult(fn) {
		return
	}
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		q, ok := i.(*ssa.BinOp)
		if !ok || q.Op != token.QUO {
			return
		}
		if b, ok := q.Type().Underlying().(*types.Basic); !ok || b.Info()&types.IsFloat == 0 {
			return
		}
		n := m.number(q.Y)
		if n == nil || m.compared(fn, n) || !m.returnedOn(q) {
			return
		}
		m.report(ruleMean, q.Pos(), sayNumber(n)+" may be 0, and the quotient, which is recorded, NaN or infinite: JSON has neither, and the operation fails; ask before, or record a pointer that is nil")
	})
}

// givesResult reports whether a function has the form of a handler or a group, and gives a result.
func (m *model) givesResult(fn *ssa.Function) bool {
	return hasContext(fn.Signature) && fn.Signature.Results().Len() == 2
}

// number is the call that counts the things a float is made of: len, or a method Len.
func (m *model) number(v ssa.Value) *ssa.Call {
	for _, src := range m.flow.sources(v) {
		conv, ok := src.(*ssa.Convert)
		if !ok {
			continue
		}
		for _, src := range m.flow.sources(conv.X) {
			if c, ok := src.(*ssa.Call); ok && counts(c) {
				return c
			}
		}
	}
	return nil
}

func counts(c *ssa.Call) bool {
	if b, ok := c.Call.Value.(*ssa.Builtin); ok {
		return b.Name() == "len"
	}
	obj := calleeObject(c)
	return obj != nil && obj.Name() == "Len" && obj.Signature().Recv() != nil
}

func sayNumber(c *ssa.Call) string {
	if b, ok := c.Call.Value.(*ssa.Builtin); ok {
		return "the " + b.Name() + " that is divided by"
	}
	return short(calleeObject(c)) + ", which is divided by,"
}

// compared reports whether a function compares the number with a constant anywhere: it may then be
// known not to be 0.
func (m *model) compared(fn *ssa.Function, n *ssa.Call) bool {
	found := false
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		b, ok := i.(*ssa.BinOp)
		if !ok {
			return
		}
		if !slices.Contains([]token.Token{token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ}, b.Op) {
			return
		}
		if phi, ok := b.X.(*ssa.BinOp); ok && rangeIndex(phi) {
			return // the loop over the things
		}
		for _, x := range []ssa.Value{b.X, b.Y} {
			for _, src := range m.flow.sources(x) {
				if conv, ok := src.(*ssa.Convert); ok {
					src = conv.X
				}
				c, ok := src.(*ssa.Call)
				if ok && counts(c) && (c == n || sameArg(c, n)) {
					found = true
				}
			}
		}
	})
	return found
}

func sameArg(a, b *ssa.Call) bool {
	if len(a.Call.Args) == 0 || len(b.Call.Args) == 0 {
		return false
	}
	x, y := a.Call.Args[0], b.Call.Args[0]
	if x == y {
		return true
	}
	p, ok := x.(*ssa.UnOp)
	q, ok2 := y.(*ssa.UnOp)
	if !ok || !ok2 {
		return false
	}
	if p.X == q.X {
		return true
	}
	f, ok := p.X.(*ssa.FieldAddr)
	g, ok2 := q.X.(*ssa.FieldAddr)
	return ok && ok2 && fieldOf(f.X.Type(), f.Field) == fieldOf(g.X.Type(), g.Field)
}

// returnedOn reports whether a number becomes part of what its function returns.
func (m *model) returnedOn(q ssa.Value) bool {
	found := false
	onwards(q, func(use ssa.Instruction, v ssa.Value) bool {
		switch use := use.(type) {
		case *ssa.Return:
			found = found || slices.Contains(use.Results, v)
			return false
		case *ssa.Store:
			_, local := base(use.Addr).(*ssa.Alloc)
			return use.Val == v && local
		case *ssa.UnOp, *ssa.Phi, *ssa.Convert, *ssa.ChangeType, *ssa.BinOp, *ssa.Field, *ssa.Slice, *ssa.IndexAddr, *ssa.FieldAddr:
			return true
		}
		return false
	})
	return found
}
