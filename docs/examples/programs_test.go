package examples_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// firstLines is how far a reader looks for the business logic of a program.
const firstLines = 40

// TestHandlersComeFirst: of each program that docs/patterns.md shows, the handler ends within the
// first lines of the file that is named like the program.
func TestHandlersComeFirst(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "patterns.md"))
	if err != nil {
		t.Fatal(err)
	}
	programs := regexp.MustCompile(`<!-- quote examples/(\w+)/(\w+)\.go -->`).FindAllSubmatch(page, -1)
	shown := 0
	for _, m := range programs {
		if string(m[1]) != string(m[2]) {
			continue // what is declared beside it
		}
		shown++
		name := filepath.Join(string(m[1]), string(m[2])+".go")
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		switch handler := firstHandler(file); {
		case handler == nil:
			t.Errorf("%s declares no function that takes an op.Context", name)
		case fset.Position(handler.End()).Line > firstLines:
			t.Errorf("%s: %s ends in line %d: have it end in the first %d", name, handler.Name.Name, fset.Position(handler.End()).Line, firstLines)
		}
	}
	if shown == 0 {
		t.Error("docs/patterns.md quotes no program")
	}
}

// firstHandler is the first function that takes an op.Context.
func firstHandler(file *ast.File) *ast.FuncDecl {
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || len(f.Type.Params.List) == 0 {
			continue
		}
		if sel, ok := f.Type.Params.List[0].Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Context" {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "op" {
				return f
			}
		}
	}
	return nil
}
