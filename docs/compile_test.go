package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// importPaths resolves the package names of blocks that have no import
// declarations.
var importPaths = map[string]string{
	"context": "context",
	"errors":  "errors",
	"fmt":     "fmt",
	"http":    "net/http",
	"json":    "encoding/json",
	"log":     "log",
	"os":      "os",
	"slog":    "log/slog",
	"strconv": "strconv",
	"strings": "strings",
	"sync":    "sync",
	"testing": "testing",
	"time":    "time",

	"checkpoint": "github.com/perdure/perdure/checkpoint",
	"codec":      "github.com/perdure/perdure/codec",
	"local":      "github.com/perdure/perdure/checkpoint/local",
	"op":         "github.com/perdure/perdure/op",
	"replay":     "github.com/perdure/perdure/replay",
	"replaytest": "github.com/perdure/perdure/replay/replaytest",
	"retry":      "github.com/perdure/perdure/retry",

	"awskms":   "github.com/perdure/perdure/codec/awskms",
	"compress": "github.com/perdure/perdure/codec/compress",
	"kms":      "github.com/aws/aws-sdk-go-v2/service/kms",
	"offload":  "github.com/perdure/perdure/codec/offload",
	"s3":       "github.com/aws/aws-sdk-go-v2/service/s3",
	"s3store":  "github.com/perdure/perdure/codec/s3store",
	"seal":     "github.com/perdure/perdure/codec/seal",

	"cmp":    "github.com/google/go-cmp/cmp",
	"lambda": "github.com/aws/aws-lambda-go/lambda",
}

// generated is the file name of the lines that wrap a block.
const generated = "generated"

// unit is what is type-checked at once: the whole files of a document that name
// one package, or all its other Go blocks together.
type unit struct {
	files []*ast.File
	// statements holds, by document line, the blocks wrapped into a function:
	// a variable that such a block leaves unused is no mistake.
	statements map[int]bool
}

// checkGo type-checks the Go blocks of all documents and returns what the
// compiler says about them, with document and line.
func checkGo(ctx context.Context, root string, docs ...document) ([]string, error) {
	fset := token.NewFileSet()
	var units []unit
	var problems []string
	imports := map[string]bool{}
	for _, doc := range docs {
		u, bad := parseUnits(fset, doc)
		units = append(units, u...)
		problems = append(problems, bad...)
	}
	for _, u := range units {
		for _, f := range u.files {
			for _, spec := range f.Imports {
				imp, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return nil, err
				}
				imports[imp] = true
			}
		}
	}
	exports, err := exportData(ctx, root, slices.Sorted(maps.Keys(imports)))
	if err != nil {
		return nil, err
	}
	compiled := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		file, ok := exports[path]
		if !ok {
			return nil, fmt.Errorf("no export data of %q", path)
		}
		return os.Open(file)
	})
	for _, u := range units {
		problems = append(problems, checkUnit(fset, compiled, u)...)
	}
	return problems, nil
}

func parseUnits(fset *token.FileSet, doc document) ([]unit, []string) {
	var problems []string
	shared := unit{statements: map[int]bool{}}
	whole := map[string]unit{} // by package name
	for _, b := range doc.blocks {
		if b.info != "go" || b.quotes != "" {
			continue
		}
		file, statements, err := parseBlock(fset, doc.name, b)
		switch {
		case err != nil:
			problems = append(problems, err.Error())
		case statements == nil:
			name := file.Name.Name
			whole[name] = unit{files: append(whole[name].files, file)}
		default:
			shared.files = append(shared.files, file)
			maps.Copy(shared.statements, statements)
		}
	}
	units := []unit{shared}
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		units = append(units, whole[name])
	}
	return units, problems
}

// parseBlock parses a block as a whole file, as declarations or as statements,
// in that order. The lines of statements are returned; they are nil for a whole
// file and empty for declarations.
func parseBlock(fset *token.FileSet, doc string, b block) (*ast.File, map[int]bool, error) {
	at := fmt.Sprintf("//line %s:%d:1\n", doc, b.line)
	if hasPackageClause(b.text) {
		file, err := parser.ParseFile(fset, doc, at+b.text, parser.SkipObjectResolution)
		return file, nil, err
	}

	const open, end = "func _(ctx op.Context, t *testing.T) error {\n", "return nil\n}\n"
	declarations := func(imports string) (*ast.File, error) {
		return parser.ParseFile(fset, generated, "package doc;"+imports+"\n"+at+b.text, parser.SkipObjectResolution)
	}
	statements := func(imports string) (*ast.File, error) {
		src := "package doc;" + imports + "\n" + open + at + b.text + end
		return parser.ParseFile(fset, generated, src, parser.SkipObjectResolution)
	}
	if file, err := declarations(""); err == nil {
		file, err = declarations(importsFor(file))
		return file, map[int]bool{}, err
	}
	file, err := statements("")
	if err != nil {
		return nil, nil, err
	}
	lines := map[int]bool{}
	for i := range strings.Count(b.text, "\n") {
		lines[b.line+i] = true
	}
	file, err = statements(importsFor(file))
	return file, lines, err
}

func hasPackageClause(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "//") {
			return strings.HasPrefix(line, "package ")
		}
	}
	return false
}

// importsFor returns import declarations, on one line, for the names of
// importPaths that file uses and does not import itself.
func importsFor(file *ast.File) string {
	used := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && importPaths[x.Name] != "" {
				used[x.Name] = true
			}
		}
		return true
	})
	for _, spec := range file.Imports {
		for name := range used {
			if strings.Trim(spec.Path.Value, `"`) == importPaths[name] {
				delete(used, name)
			}
		}
	}
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(used)) {
		fmt.Fprintf(&list, "import %s %q;", name, importPaths[name])
	}
	return list.String()
}

func checkUnit(fset *token.FileSet, compiled types.Importer, u unit) []string {
	var problems []string
	config := types.Config{Importer: compiled, Error: func(err error) {
		e, ok := err.(types.Error) //nolint:errorlint // go/types reports this type
		if !ok {
			problems = append(problems, err.Error())
			return
		}
		at := fset.Position(e.Pos)
		if e.Soft && (at.Filename == generated || u.statements[at.Line] && strings.Contains(e.Msg, "declared and not used")) {
			return
		}
		problems = append(problems, fmt.Sprintf("%s: %s", at, e.Msg))
	}}
	_, _ = config.Check("doc", fset, u.files, nil) // config.Error has seen every error
	return problems
}

// exportData builds the packages and what they import, and returns the files
// that hold what their importers need, by import path.
func exportData(ctx context.Context, root string, paths []string) (map[string]string, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "--"}, paths...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list -export: %w\n%s", err, stderr.String())
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		imp, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[imp] = file
	}
	return files, nil
}
