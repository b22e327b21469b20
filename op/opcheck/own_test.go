package opcheck_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perdure/perdure/op/opcheck/check"
)

// The handlers of this repository have no finding that testdata/own.tsv does not explain, and it
// explains nothing else: many are mistakes that a test makes on purpose. Each line has a file, a
// rule, and why. Examples have no line. PERDURE_OWN names the program that checks: .ci/run builds
// perdure, and the checks of single packages, which go vet keeps, are those of the command.
func TestOwnHandlers(t *testing.T) {
	t.Parallel()
	tool := os.Getenv("PERDURE_OWN")
	if tool == "" {
		t.Skip("PERDURE_OWN is not set: it checks all modules of the repository")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	explained := readOwn(t)
	seen := map[[2]string]int{}
	for _, dir := range modules(t, root) {
		found, err := check.Run(context.Background(), check.Config{Dir: filepath.Join(root, dir), Tool: tool, Err: os.Stderr})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			file := filepath.ToSlash(filepath.Join(dir, f.File))
			key := [2]string{file, f.Rule}
			seen[key]++
			if !explained[key] {
				t.Errorf("%s:%d: %s (%s)\nMend it, or allow it with a reason; if it is a mistake on purpose, explain it in own.tsv:\n%s",
					file, f.Line, f.Message, f.Rule, strings.Join([]string{file, f.Rule, "why"}, "\t"))
			}
		}
	}
	for key := range explained {
		if seen[key] == 0 {
			t.Errorf("own.tsv: %s: rule %s finds nothing there: remove the line", key[0], key[1])
		}
		if strings.HasPrefix(key[0], "docs/") {
			t.Errorf("own.tsv: %s: users copy examples: mend them", key[0])
		}
	}
	t.Logf("%d kinds of findings in %d files, each explained", len(seen), files(seen))
}

// readOwn reads which findings have a reason, by file and rule.
func readOwn(t *testing.T) map[[2]string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "own.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	explained := map[[2]string]bool{}
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		if len(fields) != 3 || fields[2] == "" {
			t.Fatalf("own.tsv: %q: want a file, a rule and a reason", line)
		}
		explained[[2]string{fields[0], fields[1]}] = true
	}
	return explained
}

// modules lists the folders of go.work, relative to the root.
func modules(t *testing.T, root string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	var dirs []string
	for dir := range strings.Lines(string(out)) {
		rel, err := filepath.Rel(root, strings.TrimSpace(dir))
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, rel)
	}
	if len(dirs) < 2 {
		t.Fatalf("modules %q: %s has go.work with nested ones", dirs, root)
	}
	return dirs
}

func files(m map[[2]string]int) int {
	all := map[string]bool{}
	for k := range m {
		all[k[0]] = true
	}
	return len(all)
}
