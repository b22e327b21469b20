package replay_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// skipUnlessPlanted skips a test of many broken engines unless PERDURE_PLANTED asks for its table:
// compiling each takes a minute or more. The tests of two more tables try one row of them always.
func skipUnlessPlanted(t *testing.T, table string) {
	t.Helper()
	if which := os.Getenv("PERDURE_PLANTED"); which != table && which != "all" {
		t.Skipf("breaks the engine in many ways: PERDURE_PLANTED is not %q or \"all\"", table)
	}
}

// buildBroken compiles the tests of a package against the engine that a patch of testdata/mutants
// has broken; none is the engine as it is.
func buildBroken(t *testing.T, pkg, patch string) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	replace := make(map[string]string)
	if patch != "" {
		for file, text := range breakFiles(t, root, patch) {
			broken := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
			if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			replace[filepath.Join(root, filepath.FromSlash(file))] = broken
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "broken.test")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", list, "-o", binary, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the broken engine does not compile: %v\n%s", err, out)
	}
	return binary
}

// hunk is a place that a patch changes: old are its lines, with some around them, new what they
// become.
type hunk struct{ file, old, new string }

// readPatch reads a unified diff. Where a hunk belongs is found by its text, not by the numbers of
// its lines.
func readPatch(t *testing.T, name string) (hunks []hunk) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "mutants", name+".patch"))
	if err != nil {
		t.Fatal(err)
	}
	file := ""
	for line := range strings.Lines(string(b)) {
		last := len(hunks) - 1
		switch {
		case strings.HasPrefix(line, "--- "):
		case strings.HasPrefix(line, "+++ b/"):
			file = strings.TrimSpace(strings.TrimPrefix(line, "+++ b/"))
		case strings.HasPrefix(line, "@@"):
			hunks = append(hunks, hunk{file: file})
		case line[0] == ' ':
			hunks[last].old += line[1:]
			hunks[last].new += line[1:]
		case line[0] == '-':
			hunks[last].old += line[1:]
		case line[0] == '+':
			hunks[last].new += line[1:]
		}
	}
	return hunks
}

// breakFiles returns the files that a patch changes, by their paths in the module, as they are
// afterwards.
func breakFiles(t *testing.T, root, patch string) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, h := range readPatch(t, patch) {
		text, ok := texts[h.file]
		if !ok {
			b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(h.file)))
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if n := strings.Count(text, h.old); n != 1 {
			t.Fatalf("%s contains %d times what %s.patch is to change; find where the rule is now, and make the patch again:\n%s",
				h.file, n, patch, h.old)
		}
		texts[h.file] = strings.Replace(text, h.old, h.new, 1)
	}
	return texts
}

// runBroken runs tests of a package that were compiled against a broken engine, with these
// variables.
func runBroken(t *testing.T, pkg, binary string, env []string, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append(args, "-test.timeout", "5m")...)
	dir, err := filepath.Abs(pkg)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), []string{"PERDURE_SEED=1", "PERDURE_WATCHDOG=10s"}, env)
	return cmd.CombinedOutput()
}

// TestPatchesFit: each patch of testdata/mutants changes what the engine has now. The tests that
// compile them take a sample, which a patch that has gone stale would escape.
func TestPatchesFit(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	patches, err := filepath.Glob(filepath.Join("testdata", "mutants", "*.patch"))
	if err != nil || len(patches) == 0 {
		t.Fatalf("there are no patches: %v", err)
	}
	for _, path := range patches {
		name := strings.TrimSuffix(filepath.Base(path), ".patch")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for file, text := range breakFiles(t, root, name) {
				before, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
				if err != nil {
					t.Fatal(err)
				}
				if text == string(before) {
					t.Errorf("it changes nothing in %s", file)
				}
			}
		})
	}
}
