package plugin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/op/opcheck/check"
)

// linterModule is the golangci-lint that the plugin is built into, as docs/check.md has it.
const linterModule = "github.com/golangci/golangci-lint/v2@v2.15.0"

// TestLinterWithPlugin builds golangci-lint with the plugin, and compares what it reports with what
// go vet reports, by file, line, rule and message: effects of helpers in other packages, too, which
// need facts. It does what golangci-lint custom does, with the source that the module proxy has in
// place of a clone. It takes minutes, so it runs with PERDURE_PLUGIN=1 alone.
func TestLinterWithPlugin(t *testing.T) {
	t.Parallel()
	if os.Getenv("PERDURE_PLUGIN") == "" {
		t.Skip("PERDURE_PLUGIN is not set: it builds golangci-lint")
	}
	linter := buildLinter(t)
	module := abs(t, filepath.Join("..", "testdata", "mod"))
	tool := filepath.Join(t.TempDir(), "opcheck")
	output(t, abs(t, ".."), os.Environ(), "go", "build", "-o", tool, "./cmd/opcheck")
	env := append(os.Environ(), "GOWORK=off")
	found, err := check.Run(context.Background(), check.Config{
		Dir: module, Tool: tool, Env: env, Disable: []string{"constname"}, Enable: []string{"unresolved"}, Err: os.Stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	through := 0
	for _, f := range found {
		want[fmt.Sprintf("%s:%d: %s: %s", filepath.ToSlash(f.File), f.Line, f.Rule, f.Message)] = true
		if strings.Contains(f.Message, "→") {
			through++
		}
	}
	if through < 5 {
		t.Fatalf("%d of %d findings are those of helpers: too few to show anything", through, len(found))
	}
	config := filepath.Join(t.TempDir(), "golangci.yml")
	text := `version: "2"
linters:
  default: none
  enable: [perdure]
  settings:
    custom:
      perdure:
        type: module
        settings:
          disable: [constname]
          enable: [unresolved]
issues:
  max-issues-per-linter: 0
  max-same-issues: 0
  uniq-by-line: false
run:
  relative-path-mode: gomod
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := output(t, module, append(env, "GOLANGCI_LINT_CACHE="+t.TempDir()), linter, "run", "--config", config,
		"--issues-exit-code", "0", "--show-stats=false", "--output.json.path", "stdout", "./...")
	var got struct {
		Issues []struct {
			FromLinter, Text string
			Pos              struct {
				Filename string
				Line     int
			}
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	reported := map[string]bool{}
	for _, i := range got.Issues {
		if i.FromLinter != "perdure" {
			t.Errorf("%s reports %s", i.FromLinter, i.Text)
		}
		reported[fmt.Sprintf("%s:%d: %s", filepath.ToSlash(i.Pos.Filename), i.Pos.Line, i.Text)] = true
	}
	for _, f := range difference(want, reported) {
		t.Errorf("go vet alone reports %s", f)
	}
	for _, f := range difference(reported, want) {
		t.Errorf("golangci-lint alone reports %s", f)
	}
	t.Logf("golangci-lint reports what go vet does: %d findings, %d through helpers", len(want), through)
}

func difference(a, b map[string]bool) []string {
	var only []string
	for f := range a {
		if !b[f] {
			only = append(only, f)
		}
	}
	slices.Sort(only)
	return only
}

// buildLinter builds golangci-lint with an import of the plugin.
func buildLinter(t *testing.T) string {
	t.Helper()
	dir, linter := t.TempDir(), filepath.Join(t.TempDir(), "golangci-lint")
	env := append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	var module struct{ Dir string }
	if err := json.Unmarshal(output(t, dir, env, "go", "mod", "download", "-json", linterModule), &module); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(module.Dir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cmd/golangci-lint", "go.mod", "go.sum"} { // the module cache is read-only
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	imports := "package main\n\nimport _ \"github.com/perdure/perdure/op/opcheck/plugin\"\n"
	if err := os.WriteFile(filepath.Join(dir, "cmd", "golangci-lint", "perdure.go"), []byte(imports), 0o600); err != nil {
		t.Fatal(err)
	}
	const plugin = "github.com/perdure/perdure/op/opcheck"
	output(t, dir, env, "go", "mod", "edit", "-require", plugin+"@v0.0.0", "-replace", plugin+"="+abs(t, ".."))
	output(t, dir, env, "go", "build", "-o", linter, "./cmd/golangci-lint")
	return linter
}

func output(t *testing.T, dir string, env []string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, env
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, out, problems.String())
	}
	return out
}

func abs(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return full
}
