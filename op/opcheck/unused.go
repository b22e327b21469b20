package opcheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/ssa"
)

// checkDropped reports the error of an operation, or of a helper that returns one, that nothing
// looks at.
func (m *model) checkDropped(c *ssa.Call, api string) {
	what, fixes := "the error of the operation is ", m.fixDropped(c)
	if obj := calleeObject(c); obj != nil && api == "" {
		what, fixes = "the error of "+short(obj)+", which is that of an operation, is ", nil
	}
	results := c.Call.Signature().Results().Len()
	err := errorOf(c)
	unused := err == nil || uses(err) == 0
	used := false
	for i := range results - 1 {
		used = used || extracted(c, i)
	}
	switch {
	case unused && m.isStatement(c) && results == 1:
		m.report(ruleDropped, c.Pos(), what+"dropped: handle it, or assign it to _ if it does not matter", fixes...)
	case unused && m.isStatement(c):
		m.report(ruleDropped, c.Pos(), "result and error of the operation are dropped: handle the error")
	case unused && used && m.isBlank(c):
		m.report(ruleDropped, c.Pos(), what+"dropped, and its result is used: after a failure that is the zero value")
	case unused && m.isBlank(c):
		m.report(ruleBlank, c.Pos(), what+"assigned to _: the handler goes on, and its execution succeeds, although the operation failed; handle it, or allow it with a reason")
	case unused:
		m.report(ruleDropped, c.Pos(), what+"overwritten, or left, before anything looks at it: handle it")
	case m.passedAndDropped(c):
		m.report(ruleDropped, c.Pos(), what+"passed to a function that does not look at it: handle it before")
	case m.unread(err):
		m.report(ruleDropped, c.Pos(), what+"kept, and nothing reads where it is kept: handle it")
	case m.overwritten(err):
		m.report(ruleDropped, c.Pos(), what+"overwritten in the next round of the loop before anything looks at it: handle it in the loop")
	}
}

// errorOf is the error that a call returns; nil if nothing takes it.
func errorOf(c *ssa.Call) ssa.Value {
	n := c.Call.Signature().Results().Len()
	if n == 1 {
		return c
	}
	for _, use := range *c.Referrers() {
		if x, ok := use.(*ssa.Extract); ok && x.Index == n-1 {
			return x
		}
	}
	return nil
}

// isBlank reports whether the last result of a call is assigned to the blank identifier.
func (m *model) isBlank(c *ssa.Call) bool {
	file := m.fileOf(c.Pos())
	if file == nil {
		return false
	}
	path, _ := astutil.PathEnclosingInterval(file, c.Pos(), c.Pos())
	for _, n := range path {
		switch n := n.(type) {
		case *ast.AssignStmt:
			id, ok := n.Lhs[len(n.Lhs)-1].(*ast.Ident)
			return ok && id.Name == "_" && len(n.Rhs) == 1 && lparen(n.Rhs[0]) == c.Pos()
		case *ast.ValueSpec:
			return n.Names[len(n.Names)-1].Name == "_" && len(n.Values) == 1 && lparen(n.Values[0]) == c.Pos()
		case *ast.BlockStmt:
			return false
		}
	}
	return false
}

func lparen(e ast.Expr) token.Pos {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok {
		return call.Lparen
	}
	return token.NoPos
}

// overwritten reports whether an error is looked at only after the loop that it is assigned in, and
// is by then that of the last round.
func (m *model) overwritten(err ssa.Value) bool {
	l, at := m.loopsOf(parent(err)), blockOf(err)
	if at == nil || !l.reaches(at, at) {
		return false
	}
	around := func(b *ssa.BasicBlock) bool { return l.reaches(at, b) && l.reaches(b, at) }
	seen := map[ssa.Value]bool{}
	carried := false
	var unseen func(v ssa.Value) bool
	unseen = func(v ssa.Value) bool {
		if seen[v] {
			return true
		}
		seen[v] = true
		for _, use := range *v.Referrers() {
			switch use := use.(type) {
			case *ssa.DebugRef:
			case *ssa.Phi:
				carried = carried || around(use.Block())
				if around(use.Block()) && !unseen(use) {
					return false
				}
			default:
				if around(use.Block()) || v == err {
					return false
				}
			}
		}
		return true
	}
	return unseen(err) && carried
}

func blockOf(v ssa.Value) *ssa.BasicBlock {
	if i, ok := v.(ssa.Instruction); ok {
		return i.Block()
	}
	return nil
}

// checkDeferred reports operations that are deferred or run on a goroutine: their errors are lost.
func (m *model) checkDeferred(d *ssa.Defer) {
	if res := d.Call.Signature().Results(); res.Len() == 1 && (isOp(res.At(0).Type()) || isBuilder(res.At(0).Type())) {
		m.report(ruleNeverRun, d.Pos(), "the operation is declared by a deferred call and never run: run it in a deferred function, or before the function returns")
		return
	}
	api := apiName(calleeObject(d))
	if fn := d.Call.StaticCallee(); fn != nil && api == "" {
		in := m.here(fn)
		f := m.fact(objectOf(fn))
		if (in == nil || !m.sums[in].fails || in.Parent() != nil) && (f == nil || !f.Fails) {
			return
		}
	}
	switch {
	case api == apiGo:
		m.report(ruleFuture, d.Pos(), "the future is never awaited: the operation is started when the function returns; run it before")
	case runs(api) || api == "" && d.Call.StaticCallee() != nil:
		m.report(ruleDropped, d.Pos(), "the error of the operation is dropped: the result of a deferred call is lost; run the operation in a deferred function that handles it, or before the function returns")
	}
}

// passedAndDropped reports whether all that is done with the error of an operation is to pass it to
// functions that do not look at it.
func (m *model) passedAndDropped(c *ssa.Call) bool {
	err := errorOf(c)
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
				ok = use.Val != v || m.unreadField(use.Addr) || local && dead(base(use.Addr))
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
				ok = builtin && (b.Name() == "append" && dead(use) || b.Name() == "len" || b.Name() == "cap")
			}
			if !ok {
				return false
			}
		}
		return true
	}
	return dead(v)
}

// unreadField reports whether an address is that of a field that this package alone can read, and
// does not.
func (m *model) unreadField(addr ssa.Value) bool {
	a, ok := addr.(*ssa.FieldAddr)
	if !ok {
		return false
	}
	f := fieldOf(a.X.Type(), a.Field)
	n, named := types.Unalias(elem(a.X)).(*types.Named)
	if f == nil || f.Pkg() != m.pass.Pkg || f.Exported() && (!named || n.Obj().Exported()) {
		return false
	}
	if m.reading == nil {
		m.reading = map[*types.Var]bool{}
		each(m.flow.funcs, func(_ *ssa.Function, i ssa.Instruction) {
			switch i := i.(type) {
			case *ssa.Field:
				m.reading[fieldOf(i.X.Type(), i.Field)] = true
			case *ssa.FieldAddr:
				for _, use := range *i.Referrers() {
					if st, ok := use.(*ssa.Store); !ok || st.Addr != ssa.Value(i) {
						m.reading[fieldOf(i.X.Type(), i.Field)] = true
					}
				}
			}
		})
	}
	return !m.reading[f]
}
