package opcheck_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perdure/perdure/op/opcheck/check"
)

// The handlers of this repository have no finding that testdata/own.tsv does not explain: many are
// mistakes that a test makes on purpose. Each line has a file, a rule, how often, and why.
func TestOwnHandlers(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.work")); err != nil || testing.Short() {
		t.Skip("it checks the repository, which is not here, or takes long")
	}
	got := map[[2]string]int{}
	tool := buildTool(t)
	for _, dir := range []string{".", "docs/examples", "replay/conformance", "checkpoint/sqlite", "cmd/perdure", "replay/bench"} {
		found, err := check.Run(context.Background(), check.Config{Dir: filepath.Join(root, dir), Tool: tool, Err: os.Stderr})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			file := filepath.ToSlash(filepath.Join(dir, f.File))
			got[[2]string{file, f.Rule}]++
			if os.Getenv("PERDURE_OWN") != "" {
				t.Logf("%s:%d: %s (%s)", file, f.Line, f.Message, f.Rule)
			}
		}
	}
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
	for k, n := range got {
		if !explained[k] {
			t.Errorf("%s: %d findings of %s, not explained in testdata/own.tsv", k[0], n, k[1])
		}
	}
	t.Logf("%d kinds of findings in %d files of mistakes made on purpose", len(got), len(files(got)))
}

func files(m map[[2]string]int) map[string]bool {
	all := map[string]bool{}
	for k := range m {
		all[k[0]] = true
	}
	return all
}
