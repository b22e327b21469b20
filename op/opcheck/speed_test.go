package opcheck_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSpeed compares the time that the rules take with that of go vet, for a service of 200
// packages: from nothing, again, and after one package changed. It runs with PERDURE_SPEED=1, on a
// machine that is quiet.
func TestSpeed(t *testing.T) {
	t.Parallel()
	if os.Getenv("PERDURE_SPEED") == "" {
		t.Skip("PERDURE_SPEED is not set: it measures time")
	}
	dir, tool := t.TempDir(), buildTool(t)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), "module example.test/service\n\ngo 1.26.0\n\nrequire github.com/perdure/perdure v0.0.0\n\nreplace github.com/perdure/perdure => "+root+"\n")
	const packages = 200
	for i := range packages {
		service(t, dir, i, "")
	}
	run(t, dir, "go", "mod", "tidy")
	run(t, dir, "go", "build", "./...")
	warm := filepath.Join(dir, "p000")
	measure := func(what string) {
		vet := timed(t, dir, "go", "vet", "./...")
		check := timed(t, dir, "go", "vet", "-vettool="+tool, "./...")
		t.Logf("%s: go vet %v, the rules %v, %.2f times as long", what, vet, check, check.Seconds()/vet.Seconds())
		if what == "from nothing" && check > 2*vet {
			t.Errorf("the rules take %v, go vet %v: want at most twice as long", check, vet)
		}
	}
	// What is imported is the same for both, and stays in the cache.
	timed(t, warm, "go", "vet", ".")
	timed(t, warm, "go", "vet", "-vettool="+tool, ".")
	measure("from nothing")
	measure("again")
	service(t, dir, 100, "var Changed = 1\n")
	measure("after a package changed")
}

// service writes a package with a handler, helpers and a body, which calls the package before it.
func service(t *testing.T, dir string, i int, more string) {
	t.Helper()
	folder := filepath.Join(dir, fmt.Sprintf("p%03d", i))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	imports, call := "", "n"
	if i%10 > 0 {
		imports = fmt.Sprintf("\t%q\n", fmt.Sprintf("example.test/service/p%03d", i-1))
		call = fmt.Sprintf("p%03d.Compute(n)", i-1)
	}
	text := fmt.Sprintf("package p%03d\n\nimport (\n\t\"context\"\n\t\"fmt\"\n\t\"strings\"\n%s\n\t\"github.com/perdure/perdure/op\"\n\t\"github.com/perdure/perdure/replay\"\n)\n\n"+
		"type Order struct{ ID string; Lines []string }\n\nfunc Compute(n int) int { return %s + 1 }\n\n", i, imports, call)
	var b strings.Builder
	b.WriteString(text)
	for j := range 15 {
		fmt.Fprintf(&b, "func helper%[1]d(o Order) (string, error) {\n\tvar b strings.Builder\n\tfor i, l := range o.Lines {\n\t\tif i > %[1]d {\n\t\t\tfmt.Fprintf(&b, \"%%s-%%d\", l, Compute(i))\n\t\t}\n\t}\n\treturn b.String(), nil\n}\n\n"+
			"func Handle%[1]d(ctx op.Context, o Order) (string, error) {\n\ts, err := helper%[1]d(o)\n\tif err != nil {\n\t\treturn \"\", err\n\t}\n\tfor _, l := range o.Lines {\n\t\tif err := replay.Exec(ctx, op.Do(\"ship\", func(ctx context.Context) error { return ctx.Err() }).Key(l)); err != nil {\n\t\t\treturn \"\", err\n\t\t}\n\t}\n\treturn replay.Run(ctx, op.Step(\"charge\", func(context.Context) (string, error) { return s, nil }))\n}\n\n", j)
	}
	write(t, filepath.Join(folder, "p.go"), b.String()+more)
}

func timed(t *testing.T, dir string, args ...string) time.Duration {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return time.Since(began).Round(10 * time.Millisecond)
}
