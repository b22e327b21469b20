package opcheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/ssa"
)

// This file has the fixes that rules suggest. A fix is made only where the code does the same as
// before but for the mistake: what needs a name, a key or a decision is left to people.

func fix(message string, edits ...analysis.TextEdit) []analysis.SuggestedFix {
	return []analysis.SuggestedFix{{Message: message, TextEdits: edits}}
}

func replaced(from, to token.Pos, text string) analysis.TextEdit {
	return analysis.TextEdit{Pos: from, End: to, NewText: []byte(text)}
}

// callAt is the call with that parenthesis, and what is around it, from the inside.
func (m *model) callAt(lparen token.Pos) (*ast.CallExpr, []ast.Node) {
	file := m.fileOf(lparen)
	if file == nil {
		return nil, nil
	}
	path, _ := astutil.PathEnclosingInterval(file, lparen, lparen)
	for i, n := range path {
		if call, ok := n.(*ast.CallExpr); ok && call.Lparen == lparen {
			return call, path[i:]
		}
	}
	return nil, nil
}

// contextName is the name of the op.Context that a function is given, if it means that where it is
// used; else empty.
func (m *model) contextName(fn *ssa.Function, at token.Pos) string {
	name := ""
	for _, p := range fn.Params {
		if isContext(p.Type()) && p.Name() != "_" && p.Name() != "" {
			name = p.Name()
		}
	}
	scope := m.pass.Pkg.Scope().Innermost(at)
	if name == "" || scope == nil {
		return ""
	}
	if _, obj := scope.LookupParent(name, at); obj == nil || !isContext(obj.Type()) {
		return "" // another variable has the name here
	}
	return name
}

// fixClock has the clock read by replay.Now.
func (m *model) fixClock(fn *ssa.Function, c ssa.CallInstruction, e effect) []analysis.SuggestedFix {
	file, ctx := m.fileOf(c.Pos()), m.contextName(fn, c.Pos())
	if len(e.Via) > 0 || ctx == "" || file == nil || !imports(file, replayPath) {
		return nil
	}
	call, _ := m.callAt(c.Pos())
	if call == nil {
		return nil
	}
	now := sayNow + "(" + ctx + ")"
	switch {
	case e.What == "time.Now":
		return fix("Use "+sayNow, replaced(call.Pos(), call.End(), now))
	case e.What == "time.Since" && len(call.Args) == 1:
		return fix("Use "+sayNow, replaced(call.Pos(), call.Args[0].Pos(), now+".Sub("))
	case e.What == "time.Until" && len(call.Args) == 1 && primary(call.Args[0]):
		return fix("Use "+sayNow, replaced(call.Pos(), call.Args[0].Pos(), ""), replaced(call.Args[0].End(), call.End(), ".Sub("+now+")"))
	}
	return nil
}

// primary reports whether a method can be called on an expression as it stands.
func primary(e ast.Expr) bool {
	switch e.(type) {
	case *ast.Ident, *ast.SelectorExpr, *ast.CallExpr, *ast.IndexExpr, *ast.ParenExpr:
		return true
	}
	return false
}

// fixOuter has a group use the context that it is given.
func (m *model) fixOuter(fn *ssa.Function, c ssa.CallInstruction) []analysis.SuggestedFix {
	for fn != nil && !isGroup(fn) {
		fn = fn.Parent()
	}
	call, _ := m.callAt(c.Pos())
	if fn == nil || call == nil || len(call.Args) == 0 {
		return nil
	}
	own := m.contextName(fn, c.Pos())
	id, ok := call.Args[0].(*ast.Ident)
	if !ok || own == "" || own == id.Name || !isContext(m.pass.TypesInfo.TypeOf(id)) {
		return nil
	}
	return fix("Use the context of the group", replaced(id.Pos(), id.End(), own))
}

// fixDropped has a function that returns an error alone return that of the operation.
func (m *model) fixDropped(c *ssa.Call) []analysis.SuggestedFix {
	call, path := m.callAt(c.Pos())
	if call == nil || len(path) < 2 {
		return nil
	}
	if _, ok := path[1].(*ast.ExprStmt); !ok {
		return nil
	}
	for _, n := range path[1:] {
		var t *ast.FuncType
		switch n := n.(type) {
		case *ast.DeferStmt, *ast.GoStmt:
			return nil
		case *ast.FuncLit:
			t = n.Type
		case *ast.FuncDecl:
			t = n.Type
		default:
			continue
		}
		if t.Results.NumFields() != 1 || !types.Identical(m.pass.TypesInfo.TypeOf(t.Results.List[0].Type), types.Universe.Lookup("error").Type()) {
			return nil
		}
		return fix("Return the error", replaced(call.Pos(), call.Pos(), "if err := "), replaced(call.End(), call.End(), "; err != nil {\n\treturn err\n}"))
	}
	return nil
}

// fixMapOrder has a loop go through the sorted keys of its map.
func (m *model) fixMapOrder(r *ssa.Range) []analysis.SuggestedFix {
	file := m.fileOf(r.Pos())
	if file == nil {
		return nil
	}
	path, _ := astutil.PathEnclosingInterval(file, r.Pos(), r.Pos())
	at := slices.IndexFunc(path, func(n ast.Node) bool { _, ok := n.(*ast.RangeStmt); return ok })
	if at < 0 {
		return nil
	}
	loop, _ := path[at].(*ast.RangeStmt)
	key, ok := loop.Key.(*ast.Ident)
	if !ok || key.Name == "_" || loop.For != r.Pos() || loop.Tok != token.DEFINE || !stays(loop.X) || m.changesIn(loop) {
		return nil
	}
	t, ok := m.pass.TypesInfo.TypeOf(loop.X).Underlying().(*types.Map)
	if !ok {
		return nil
	}
	if b, ok := t.Key().Underlying().(*types.Basic); !ok || b.Info()&types.IsOrdered == 0 {
		return nil
	}
	all := types.ExprString(loop.X)
	edits := []analysis.TextEdit{replaced(key.Pos(), loop.X.End(), "_, "+key.Name+" := range slices.Sorted(maps.Keys("+all+"))")}
	if v, ok := loop.Value.(*ast.Ident); ok && v.Name != "_" {
		edits = append(edits, replaced(loop.Body.Lbrace+1, loop.Body.Lbrace+1, "\n"+v.Name+" := "+all+"["+key.Name+"]"))
	}
	if more, ok := m.addImports(file, "maps", "slices"); ok {
		return fix("Sort the keys", append(edits, more...)...)
	}
	return nil
}

// stays reports whether an expression is a variable or a field of one.
func stays(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return true
	case *ast.SelectorExpr:
		return stays(e.X)
	}
	return false
}

// changesIn reports whether a loop over a map may change the map.
func (m *model) changesIn(loop *ast.RangeStmt) bool {
	of := types.ExprString(loop.X)
	found := false
	ast.Inspect(loop.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				if x, ok := l.(*ast.IndexExpr); ok {
					l = x.X
				}
				found = found || types.ExprString(l) == of
			}
		case *ast.CallExpr:
			for _, a := range n.Args {
				found = found || types.ExprString(a) == of
			}
		}
		return !found
	})
	return found
}

// addImports are the edits that import packages of the standard library by their names; ok is false
// if a name is taken.
func (m *model) addImports(file *ast.File, paths ...string) (edits []analysis.TextEdit, ok bool) {
	for _, p := range paths {
		have := false
		for _, s := range file.Imports {
			have = have || s.Path.Value == `"`+p+`"` && s.Name == nil
		}
		if have {
			continue
		}
		if m.pass.Pkg.Scope().Lookup(p) != nil || slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool {
			return s.Name != nil && s.Name.Name == p || strings.HasSuffix(s.Path.Value, "/"+p+`"`)
		}) {
			return nil, false
		}
		for _, d := range file.Decls {
			if g, isGen := d.(*ast.GenDecl); isGen && g.Tok == token.IMPORT && g.Lparen.IsValid() && len(g.Specs) > 0 {
				edits = append(edits, replaced(g.Specs[0].Pos(), g.Specs[0].Pos(), `"`+p+`"`+"\n\t"))
				have = true
				break
			}
		}
		if !have {
			return nil, false
		}
	}
	return edits, true
}
