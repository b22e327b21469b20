package opcheck_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"go/types"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"github.com/perdure/perdure/op/opcheck/check"
)

// functionModules are the modules whose exported functions TestFunctions calls.
func functionModules() []string {
	return []string{
		"github.com/shirou/gopsutil/v4@v4.26.10", "github.com/otiai10/copy@v1.14.1", "github.com/google/renameio/v2@v2.0.2",
		"github.com/denisbrodbeck/machineid@v1.0.1", "github.com/magefile/mage@v1.17.2", "github.com/google/uuid@v1.6.0",
		"github.com/miekg/dns@v1.1.73", "github.com/robfig/cron/v3@v3.0.1", "github.com/spf13/afero@v1.15.0",
		"github.com/shopspring/decimal@v1.6.0", "github.com/dustin/go-humanize@v1.1.0", "github.com/Masterminds/semver/v3@v3.5.0",
	}
}

// TestFunctions writes, for exported functions of twelve modules of the registry, a handler that
// calls the function in handler code and one that calls it in a body, and compares what the rules
// say of them with testdata/functions.tsv, in which each line was judged by reading the function.
// It downloads the modules, so it runs with PERDURE_FUNCTIONS=1 alone; PERDURE_FUNCTIONS=draw draws
// the functions again.
func TestFunctions(t *testing.T) {
	t.Parallel()
	mode := os.Getenv("PERDURE_FUNCTIONS")
	if mode == "" {
		t.Skip("PERDURE_FUNCTIONS is not set: it downloads twelve modules")
	}
	dir := t.TempDir()
	functions := writeFunctions(t, dir)
	found, err := check.Run(context.Background(), check.Config{
		Dir: dir, Tool: buildTool(t), Env: append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod"), Err: os.Stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		name, handler := lineOf(t, filepath.Join(dir, f.File), f.Line)
		fn := functions[name]
		if fn == nil {
			t.Fatalf("%s:%d: no function is there: %s", f.File, f.Line, f.Message)
		}
		if !handler {
			t.Errorf("%s in a body: %s (%s)", name, f.Message, f.Rule)
			continue
		}
		fn.rules = append(fn.rules, f.Rule)
		fn.says = f.Message
	}
	t.Logf("%d functions, %d reported in handler code", len(functions), len(slices.DeleteFunc(slices.Collect(maps.Values(functions)), func(f *function) bool { return len(f.rules) == 0 })))
	if mode == "draw" {
		draw(t, functions)
		return
	}
	right := map[string][2]int{}
	for _, row := range readFunctions(t) {
		fn := functions[row[0]]
		if fn == nil {
			t.Errorf("%s: listed, and not among the functions", row[0])
			continue
		}
		verdict := cmp.Or(strings.Join(slices.Compact(slices.Sorted(slices.Values(fn.rules))), ","), "silent")
		if verdict != row[1] {
			t.Errorf("%s: got %s, want %s as judged", row[0], verdict, row[1])
		}
		kind := "reports"
		if row[1] == "silent" {
			kind = "silences"
		}
		n := right[kind]
		n[1]++
		if row[2] == "right" {
			n[0]++
		}
		right[kind] = n
	}
	for _, kind := range []string{"reports", "silences"} {
		n := right[kind]
		t.Logf("%s: %d of %d are right", kind, n[0], n[1])
		if n[1] != 100 || n[0] < 95 {
			t.Errorf("%s: %d of %d are right, want at least 95 of 100", kind, n[0], n[1])
		}
	}
}

type function struct {
	rules []string
	says  string
}

// draw draws 100 functions that are reported and 100 that are not, and writes them without a
// judgement.
func draw(t *testing.T, functions map[string]*function) {
	t.Helper()
	judged := map[string][]string{}
	for _, row := range readFunctions(t) {
		judged[row[0]] = row
	}
	r := rand.New(rand.NewPCG(3, 4))
	names := slices.Sorted(maps.Keys(functions))
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var reported, silent [][]string
	for _, name := range names {
		fn := functions[name]
		row := []string{name, "silent", "", ""}
		list := &silent
		if len(fn.rules) > 0 {
			row[1], row[3] = strings.Join(slices.Compact(slices.Sorted(slices.Values(fn.rules))), ","), fn.says
			list = &reported
		}
		if old := judged[name]; old != nil && old[1] == row[1] {
			row = old
		}
		if len(*list) < 100 {
			*list = append(*list, row)
		}
	}
	f, err := os.Create(filepath.Join("testdata", "functions.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := csv.NewWriter(f)
	w.Comma = '\t'
	rows := slices.Concat(reported, silent)
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
}

func readFunctions(t *testing.T) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "functions.tsv"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.LazyQuotes, r.Comment = '\t', true, '#'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// lineOf reads which function a line calls, and whether in handler code.
func lineOf(t *testing.T, file string, line int) (name string, handler bool) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	_, comment, _ := strings.Cut(lines[line-1], "// ")
	where, name, _ := strings.Cut(comment, " ")
	return name, where == "handler"
}

// writeFunctions makes a module that calls every exported function which zero values can be passed
// to.
func writeFunctions(t *testing.T, dir string) map[string]*function {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), "module example.test/functions\n\ngo 1.26.0\n\nrequire github.com/perdure/perdure v0.0.0\n\nreplace github.com/perdure/perdure => "+root+"\n")
	run(t, dir, append([]string{"go", "get"}, functionModules()...)...)
	var patterns []string
	for _, m := range functionModules() {
		path, _, _ := strings.Cut(m, "@")
		patterns = append(patterns, path+"/...")
	}
	loaded, err := packages.Load(&packages.Config{
		Dir: dir, Env: append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod"),
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps | packages.NeedSyntax | packages.NeedTypesInfo,
	}, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]*function{}
	for i, p := range loaded {
		if p.Name == "main" || strings.Contains(p.PkgPath, "internal") || strings.Contains(p.PkgPath, "/vendor/") || len(p.Errors) > 0 {
			continue
		}
		writePackage(t, filepath.Join(dir, fmt.Sprintf("p%d", i), "p.go"), p, functions)
	}
	run(t, dir, "go", "mod", "tidy")
	return functions
}

// writePackage writes the handlers of one package; each call is on a line that says what it calls.
func writePackage(t *testing.T, file string, p *packages.Package, functions map[string]*function) {
	t.Helper()
	imports := map[string]string{}
	qualify := func(p *types.Package) string {
		if imports[p.Path()] == "" {
			imports[p.Path()] = fmt.Sprintf("i%d", len(imports))
		}
		return imports[p.Path()]
	}
	var body strings.Builder
	for _, name := range p.Types.Scope().Names() {
		fn, ok := p.Types.Scope().Lookup(name).(*types.Func)
		if !ok || !fn.Exported() || fn.Signature().TypeParams().Len() > 0 || !nameable(fn.Signature().Params()) {
			continue
		}
		full := p.PkgPath + "." + name
		functions[full] = &function{}
		var decls, args []string
		for i := range fn.Signature().Params().Len() {
			param := fn.Signature().Params().At(i)
			decls = append(decls, fmt.Sprintf("var a%d %s", i, types.TypeString(param.Type(), qualify)))
			args = append(args, fmt.Sprintf("a%d", i))
		}
		list := strings.Join(args, ", ")
		if fn.Signature().Variadic() {
			list += "..."
		}
		call := fmt.Sprintf("%s.%s(%s)", qualify(p.Types), name, list)
		vars := strings.Join(decls, "; ")
		fmt.Fprintf(&body, "func H%[1]s(ctx op.Context) error {\n\t%[2]s\n\t%[3]s // handler %[4]s\n\treturn nil\n}\n\n"+
			"func B%[1]s(ctx op.Context) error {\n\treturn replay.Exec(ctx, op.Do(\"call\", func(ctx context.Context) error {\n\t%[2]s\n\t%[3]s // body %[4]s\n\treturn nil\n\t}))\n}\n\n",
			name, vars, call, full)
	}
	if body.Len() == 0 {
		return
	}
	var head strings.Builder
	head.WriteString("package p\n\nimport (\n\t\"context\"\n\n\t\"github.com/perdure/perdure/op\"\n\t\"github.com/perdure/perdure/replay\"\n")
	for _, path := range slices.Sorted(maps.Keys(imports)) {
		fmt.Fprintf(&head, "\t%s %q\n", imports[path], path)
	}
	head.WriteString(")\n\n")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, file, head.String()+body.String())
}

// nameable reports whether another package can declare variables of all the types.
func nameable(params *types.Tuple) bool {
	ok := true
	for p := range params.Variables() {
		var walk func(t types.Type)
		walk = func(t types.Type) {
			switch t := types.Unalias(t).(type) {
			case *types.Named:
				ok = ok && (t.Obj().Pkg() == nil || t.Obj().Exported() && !strings.Contains(t.Obj().Pkg().Path(), "internal"))
			case *types.Pointer:
				walk(t.Elem())
			case *types.Slice:
				walk(t.Elem())
			case *types.Map:
				walk(t.Key())
				walk(t.Elem())
			case *types.Basic:
			case *types.Interface:
				ok = ok && t.Empty()
			case *types.Signature:
				ok = ok && nameable(t.Params()) && nameable(t.Results())
			default:
				ok = false
			}
		}
		walk(p.Type())
	}
	return ok
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// buildTool builds the command opcheck.
func buildTool(t *testing.T) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "opcheck")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", tool, "./cmd/opcheck")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the tool: %v\n%s", err, out)
	}
	return tool
}
