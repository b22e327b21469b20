package perdure_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestEveryFunctionHasAnExample keeps the documentation whole: readers of a package find for each
// function how it is called and what comes out.
func TestEveryFunctionHasAnExample(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{
		"codec", "codec/awskms", "codec/compress", "codec/offload", "codec/offload/filestore", "codec/s3store", "codec/seal",
		"retry", "op", "checkpoint", "checkpoint/local", "checkpoint/local/lambdaapi", "replay", "replay/replaytest",
	} {
		functions, examples := declared(t, dir)
		if len(functions) == 0 {
			t.Errorf("%s: no exported function was found: is the folder right?", dir)
		}
		for _, f := range functions {
			if !slices.ContainsFunc(examples, func(e string) bool { return e == f || strings.HasPrefix(e, f+"_") }) {
				t.Errorf("%s.%s has no example: write func Example%s with its output", dir, f, f)
			}
		}
	}
}

// declared lists the exported functions of a package, and what its examples with output are of.
func declared(t *testing.T, dir string) (functions, examples []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path.Join(dir, file.Name()), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			name, isExample := strings.CutPrefix(f.Name.Name, "Example")
			switch test := strings.HasSuffix(file.Name(), "_test.go"); {
			case test && isExample && hasOutput(parsed, f):
				examples = append(examples, name)
			case !test && f.Name.IsExported():
				functions = append(functions, f.Name.Name)
			}
		}
	}
	return functions, examples
}

// hasOutput reports whether the go command runs an example and compares what it prints.
func hasOutput(file *ast.File, f *ast.FuncDecl) bool {
	return slices.ContainsFunc(file.Comments, func(c *ast.CommentGroup) bool {
		inside := f.Body.Pos() < c.Pos() && c.Pos() < f.Body.End()
		text := strings.ToLower(strings.TrimSpace(c.Text()))
		return inside && (strings.HasPrefix(text, "output:") || strings.HasPrefix(text, "unordered output:"))
	})
}
