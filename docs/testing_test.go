package docs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mostLines is how long the test is that a newcomer reads first.
const mostLines = 15

// TestTestsOfTheTestingPagePass builds the Go blocks of testing.md as the tests that they are, runs
// them, and compares the table that the page shows with the one that was printed.
func TestTestsOfTheTestingPagePass(t *testing.T) {
	t.Parallel()
	page := testingPage(t)
	calls := regexp.MustCompile(`\d+ checkpoint calls`) // how many concurrent operations share is chance
	steady := func(s string) string { return calls.ReplaceAllString(s, "N checkpoint calls") }
	out := steady(runPage(t, page))
	declared, passed := 0, len(regexp.MustCompile(`(?m)^--- PASS: Test`).FindAllString(out, -1))
	for _, b := range page.blocks {
		switch b.info {
		case "go":
			declared += len(regexp.MustCompile(`(?m)^func Test`).FindAllString(b.text, -1))
		case "text":
			for line := range strings.Lines(b.text) {
				if line = steady(strings.TrimSpace(line)); !strings.Contains(out, line) {
					t.Errorf("testing.md:%d: no test prints %q", b.line, line)
				}
			}
		}
	}
	if declared < 8 || passed != declared {
		t.Errorf("%d of the page's %d tests have passed:\n%s", passed, declared, out)
	}
}

func TestFirstTestIsShort(t *testing.T) {
	t.Parallel()
	for _, b := range testingPage(t).blocks {
		if b.info != "go" || !strings.Contains(b.text, "func TestOrder(") {
			continue
		}
		if lines := strings.Count(strings.TrimSpace(b.text), "\n") + 1; lines > mostLines {
			t.Errorf("testing.md:%d: the first test has %d lines, more than %d", b.line, lines, mostLines)
		}
		return
	}
	t.Error("testing.md has no test TestOrder")
}

func testingPage(t *testing.T) document {
	t.Helper()
	docs, _, err := readDocuments(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range docs {
		if filepath.Base(doc.name) == "testing.md" {
			return doc
		}
	}
	t.Fatal("there is no testing.md")
	return document{}
}

// runPage builds the blocks as a package of the module that exists in an overlay alone, and runs
// its tests in a folder of their own.
func runPage(t *testing.T, page document) string {
	t.Helper()
	dir := t.TempDir()
	home, err := filepath.Abs("page")
	if err != nil {
		t.Fatal(err)
	}
	overlay := map[string]map[string]string{"Replace": {}}
	for i, b := range page.blocks {
		if b.info != "go" {
			continue
		}
		file, _, err := parseBlock(token.NewFileSet(), page.name, b)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("block%d_test.go", i)
		var src bytes.Buffer
		src.WriteString("package page\n")
		for _, spec := range file.Imports {
			fmt.Fprintf(&src, "import %s %s\n", spec.Name.Name, spec.Path.Value)
		}
		fmt.Fprintf(&src, "//line %s:%d\n%s", page.name, b.line, b.text)
		if err := os.WriteFile(filepath.Join(dir, name), src.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][filepath.Join(home, name)] = filepath.Join(dir, name)
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "page.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, "./page")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the blocks of testing.md: %v\n%s", err, out)
	}
	run := exec.CommandContext(t.Context(), binary, "-test.v", "-test.timeout=2m")
	run.Dir = dir
	run.Env = append(os.Environ(), "PERDURE_UPDATE=1", "ORDERS_ARN=")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("run the tests of testing.md: %v\n%s", err, out)
	}
	return string(out)
}
