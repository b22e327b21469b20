package replaytest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/perdure/perdure/internal/callsite"
)

// notReached is the line before the names of operations that no input reaches.
const notReached = "# reached by no input"

// coverage is which of the declared operations were reached.
type coverage struct {
	mu    sync.Mutex
	dirs  map[string]bool // of the files whose lines have run operations
	names map[string]bool
}

// ran takes in a line that runs an operation. Those of tests are left out: their files declare
// operations of many handlers.
func (c *coverage) ran(at callsite.Line) {
	if at.File == "" || strings.HasSuffix(at.File, "_test.go") {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dirs == nil {
		c.dirs = make(map[string]bool)
	}
	c.dirs[filepath.Dir(at.File)] = true
}

// reached takes in an operation that was recorded.
func (c *coverage) reached(o *Operation) {
	if c.names == nil {
		c.names = make(map[string]bool)
	}
	name, _ := nameOfPath(o.Path)
	c.names[name] = true
}

// declaredAt is an operation that a line declares.
type declaredAt struct{ name, line string }

// missed lists the operations that were not reached, by name, and those in a declared change. They
// are not known where the files cannot be read: with -trimpath the program does not know where they
// are.
func (c *coverage) missed() (all, changes []declaredAt, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for dir := range c.dirs {
		declared, changed, err := declaredIn(dir)
		if err != nil {
			return nil, nil, false
		}
		changes = append(changes, changed...)
		for _, d := range declared {
			if !c.names[d.name] && !slices.ContainsFunc(all, func(o declaredAt) bool { return o.name == d.name }) {
				all = append(all, d)
			}
		}
	}
	slices.SortFunc(all, func(a, b declaredAt) int { return strings.Compare(a.name, b.name) })
	return all, changes, true
}

// declaredIn lists the operations with constant names that the files of a folder declare, and those
// whose change they declare, by the names that the operations have or had.
func declaredIn(dir string) (all, changed []declaredAt, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			f, err := parser.ParseFile(files, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, nil, err
			}
			parsed = append(parsed, f)
		}
	}
	d := declarations{files: files, texts: constantsOf(parsed)}
	for _, f := range parsed {
		if d.of = importName(f, ours+"op"); d.of != "" {
			ast.Inspect(f, d.visit)
		}
	}
	return d.all, d.changed, nil
}

// ours begins the paths of the module's packages.
const ours = "github.com/perdure/perdure/"

// declarations collects the operations that files declare.
type declarations struct {
	files *token.FileSet
	texts map[string]string // of constants, by name
	of    string            // what the file calls package op
	all   []declaredAt
	// changed are those that are in a declared change.
	changed []declaredAt
}

func (d *declarations) visit(n ast.Node) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return true
	}
	d.change(call)
	switch by := d.constructor(call); {
	case by == "Removed": // for executions that have begun it
		return false
	case by == "Replaces": // the old side is for those as well
		ast.Inspect(call.Args[0], d.visit)
		return false
	case by != "" && by != "Inline" && !strings.HasPrefix(by, "With"):
		if name, ok := d.text(call.Args[0]); ok {
			at := d.files.Position(call.Pos())
			d.all = append(d.all, declaredAt{name, fmt.Sprintf("%s:%d", near(at.Filename), at.Line)})
		}
	}
	return true
}

// change takes in the operations of a declared change.
func (d *declarations) change(call *ast.CallExpr) {
	by := d.constructor(call)
	if method, ok := call.Fun.(*ast.SelectorExpr); ok && by == "" && (method.Sel.Name == "Was" || method.Sel.Name == "WasKey") {
		by = method.Sel.Name
	}
	if !slices.Contains([]string{"Added", "Removed", "Replaces", "Was", "WasKey"}, by) {
		return
	}
	at := d.files.Position(call.Pos())
	line := fmt.Sprintf("%s:%d", near(at.Filename), at.Line)
	add := func(e ast.Expr) {
		if name, ok := d.text(e); ok {
			d.changed = append(d.changed, declaredAt{name, line})
		}
	}
	if by == "Was" { // the names that it had
		for _, e := range call.Args {
			add(e)
		}
	}
	ast.Inspect(call, func(n ast.Node) bool {
		if inner, ok := n.(*ast.CallExpr); ok && inner != call && len(inner.Args) > 0 && d.constructor(inner) != "" {
			add(inner.Args[0])
		}
		return true
	})
}

// constructor is the name of the function of package op that is called; empty for other calls.
func (d *declarations) constructor(call *ast.CallExpr) string {
	fun := call.Fun
	switch f := fun.(type) { // with type arguments
	case *ast.IndexExpr:
		fun = f.X
	case *ast.IndexListExpr:
		fun = f.X
	}
	selector, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if of, ok := selector.X.(*ast.Ident); !ok || of.Name != d.of {
		return ""
	}
	return selector.Sel.Name
}

// text is the value of a constant string.
func (d *declarations) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		text, ok := d.texts[e.Name]
		return text, ok
	}
	return "", false
}

// constantsOf are the constant strings of a package, by name. Those inside of functions count as if
// they were outside.
func constantsOf(files []*ast.File) map[string]string {
	texts := make(map[string]string)
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			decl, ok := n.(*ast.GenDecl)
			if !ok || decl.Tok != token.CONST {
				return true
			}
			for _, spec := range decl.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for i, name := range v.Names {
					if i >= len(v.Values) {
						continue
					}
					if lit, ok := v.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						if text, err := strconv.Unquote(lit.Value); err == nil {
							texts[name.Name] = text
						}
					}
				}
			}
			return true
		})
	}
	return texts
}

// importName is what a file calls a package; empty if it does not import it.
func importName(f *ast.File, path string) string {
	for _, i := range f.Imports {
		if text, err := strconv.Unquote(i.Path.Value); err != nil || text != path {
			continue
		}
		if i.Name != nil {
			return i.Name.Name
		}
		return path[strings.LastIndex(path, "/")+1:]
	}
	return ""
}
