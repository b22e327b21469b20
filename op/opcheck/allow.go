package opcheck

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// allowPrefix begins a comment that allows what a rule reports: on the line itself, on the line
// above, or in the doc comment of a function.
const allowPrefix = "//perdure:allow"

// allowance is one such comment.
type allowance struct {
	pos      token.Pos
	rules    []string
	reason   string
	file     string
	from, to int // lines
	used     bool
}

type allowances struct {
	fset *token.FileSet
	all  []*allowance
}

func readAllowances(pass *analysis.Pass) *allowances {
	a := &allowances{fset: pass.Fset}
	for _, f := range pass.Files {
		docs := map[*ast.CommentGroup]*ast.FuncDecl{}
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Doc != nil {
				docs[d.Doc] = d
			}
		}
		for _, g := range f.Comments {
			for _, c := range g.List {
				rest, ok := strings.CutPrefix(c.Text, allowPrefix)
				if !ok || rest != "" && rest[0] != ' ' {
					continue
				}
				name, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
				reason, _, _ = strings.Cut(reason, "// want")
				p := pass.Fset.Position(c.Pos())
				al := &allowance{
					pos: c.Pos(), rules: strings.Split(name, ","), reason: strings.TrimSpace(reason), file: p.Filename,
					from: p.Line, to: p.Line,
				}
				if d := docs[g]; d != nil {
					al.to = pass.Fset.Position(d.End()).Line
				} else if !hasCode(pass.Fset, f, p.Line) {
					al.to = pass.Fset.Position(g.End()).Line + 1
				}
				a.all = append(a.all, al)
			}
		}
	}
	return a
}

// hasCode reports whether a line has more than a comment.
func hasCode(fset *token.FileSet, f *ast.File, line int) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		switch n.(type) {
		case nil, *ast.Comment, *ast.CommentGroup:
			return false
		}
		if found || fset.Position(n.Pos()).Line > line || fset.Position(n.End()).Line < line {
			return false
		}
		found = fset.Position(n.Pos()).Line == line || fset.Position(n.End()).Line == line
		return !found
	})
	return found
}

// allows reports whether a rule is allowed at a position.
func (a *allowances) allows(rule string, pos token.Pos) bool {
	if len(a.all) == 0 {
		return false
	}
	p := a.fset.Position(pos)
	for _, al := range a.all {
		if al.file == p.Filename && al.from <= p.Line && p.Line <= al.to && slices.Contains(al.rules, rule) && al.reason != "" {
			al.used = true
			return true
		}
	}
	return false
}

// checkAllowances reports comments without a reason, with an unknown rule, and those that allow
// nothing.
func (m *model) checkAllowances() {
	for _, al := range m.allow.all {
		var unknown string
		for _, r := range al.rules {
			if !slices.ContainsFunc(Rules(), func(known Rule) bool { return known.Name == r }) {
				unknown = r
			}
		}
		switch {
		case unknown != "" || al.rules[0] == "":
			m.report(ruleAllow, al.pos, "unknown rule \""+unknown+"\": write "+allowPrefix+" RULE REASON, with a rule of perdure check --rules")
		case al.reason == "":
			m.report(ruleAllow, al.pos, "no reason: write "+allowPrefix+" "+strings.Join(al.rules, ",")+" REASON, so that the next reader knows why")
		case !al.used && !m.optIn(al.rules):
			m.report(ruleAllow, al.pos, "nothing to allow: "+strings.Join(al.rules, ", ")+" reports nothing here; remove the comment")
		}
	}
}

// optIn reports whether a rule among them reports only when it is asked to.
func (m *model) optIn(rules []string) bool {
	return slices.ContainsFunc(Rules(), func(r Rule) bool { return r.OptIn && slices.Contains(rules, r.Name) })
}
