package conformance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/perdure/perdure/replay/conformance/handlers"
)

// TestHandlersUseWhatUsersUse: the functions show what user code reads like, so they import what
// users import, and are short.
func TestHandlersUseWhatUsersUse(t *testing.T) {
	t.Parallel()
	const core, most = "github.com/perdure/perdure/", 40
	allowed := []string{
		core + "op", core + "replay", core + "retry", core + "codec", core + "replay/replayotel",
		"github.com/aws/aws-lambda-go/lambda",
	}
	files, err := filepath.Glob("handlers/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil || strings.Contains(imp, ".") && !slices.Contains(allowed, imp) {
				t.Errorf("%s imports %s (%v)", name, imp, err)
			}
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name == "Table" {
				continue
			}
			if n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; n > most {
				t.Errorf("%s: %s has %d lines, of at most %d", name, fn.Name.Name, n, most)
			}
		}
	}
}

// TestEveryRequirementHasAHandler: and every handler a requirement.
func TestEveryRequirementHasAHandler(t *testing.T) {
	t.Parallel()
	table := handlers.Table(handlers.World{Out: io.Discard})
	for _, q := range requirements(t) {
		if q.Err != nil || notJudged(q) != "" {
			continue
		}
		if _, ok := table[q.ID]; !ok {
			t.Errorf("%s has no handler", q.ID)
		}
		delete(table, q.ID)
		if q.ExecutionTelemetry != nil {
			delete(table, q.ID+handlers.ExecutionsSuffix)
		}
	}
	for id := range table {
		t.Errorf("handler %s has no requirement", id)
	}
}
