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

// steadied hides what chance decides in the output of a test, where operations run beside each
// other: how many of them share a call, and so at how many places Explore interrupts them.
func steadied(s string) string {
	numbers := regexp.MustCompile(`\d+`)
	unsteady := regexp.MustCompile(`\d+ checkpoint calls|.*(schedules: | interruptions, ).*`)
	return unsteady.ReplaceAllStringFunc(s, func(s string) string { return numbers.ReplaceAllString(s, "N") })
}

// TestTestsOfPagesPass builds the Go blocks of pages that show tests as the tests that they are,
// runs them, and compares the tables that the pages show with what was printed.
func TestTestsOfPagesPass(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		page  string
		least int // how many tests it has
	}{{"testing.md", 9}, {"quickstart.md", 1}, {"observability.md", 0}} {
		t.Run(tt.page, func(t *testing.T) {
			t.Parallel()
			doc := page(t, tt.page)
			out := steadied(runPage(t, doc))
			declared, passed := testsBeside(t, tt.page), len(regexp.MustCompile(`(?m)^--- PASS: Test`).FindAllString(out, -1))
			for _, b := range doc.blocks {
				switch b.info {
				case "go":
					declared += len(regexp.MustCompile(`(?m)^func Test`).FindAllString(b.text, -1))
				case "text":
					for line := range strings.Lines(b.text) {
						if line = steadied(strings.TrimSpace(line)); !strings.Contains(out, line) {
							t.Errorf("%s:%d: no test prints %q", tt.page, b.line, line)
						}
					}
				}
			}
			if declared < max(tt.least, 1) || passed != declared {
				t.Errorf("%d of the page's %d tests have passed:\n%s", passed, declared, out)
			}
		})
	}
}

func TestFirstTestIsShort(t *testing.T) {
	t.Parallel()
	for _, b := range page(t, "testing.md").blocks {
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

func page(t *testing.T, name string) document {
	t.Helper()
	docs, _, err := readDocuments(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range docs {
		if filepath.Base(doc.name) == name {
			return doc
		}
	}
	t.Fatalf("there is no %s", name)
	return document{}
}

// besides is where the tests are that run what a page declares, for pages that show no tests
// themselves: the folder of testdata that is called like the page.
func besides(t *testing.T, page string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", strings.TrimSuffix(page, ".md"), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// testsBeside is how many tests there are beside a page.
func testsBeside(t *testing.T, page string) (n int) {
	t.Helper()
	for _, name := range besides(t, page) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n += len(regexp.MustCompile(`(?m)^func Test`).FindAll(text, -1))
	}
	return n
}

// runPage builds the blocks as a package of the module that exists in an overlay alone, with the
// tests beside the page, and runs its tests in a folder of their own.
func runPage(t *testing.T, doc document) string {
	t.Helper()
	dir := t.TempDir()
	home, err := filepath.Abs("page")
	if err != nil {
		t.Fatal(err)
	}
	overlay := map[string]map[string]string{"Replace": {}}
	for i, b := range doc.blocks {
		if b.info != "go" || b.quotes != "" {
			continue
		}
		file, statements, err := parseBlock(token.NewFileSet(), doc.name, b)
		if err != nil {
			t.Fatal(err)
		}
		if statements == nil || len(statements) > 0 { // a file of its own, or no declarations
			continue
		}
		name := fmt.Sprintf("block%d_test.go", i)
		var src bytes.Buffer
		src.WriteString("package page\n")
		for _, spec := range file.Imports {
			fmt.Fprintf(&src, "import %s %s\n", spec.Name.Name, spec.Path.Value)
		}
		fmt.Fprintf(&src, "//line %s:%d\n%s", doc.name, b.line, b.text)
		if err := os.WriteFile(filepath.Join(dir, name), src.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][filepath.Join(home, name)] = filepath.Join(dir, name)
	}
	for _, name := range besides(t, filepath.Base(doc.name)) {
		at, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][filepath.Join(home, filepath.Base(name))] = at
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
		t.Fatalf("build the blocks of %s: %v\n%s", doc.name, err, out)
	}
	run := exec.CommandContext(t.Context(), binary, "-test.v", "-test.timeout=2m")
	run.Dir = dir
	run.Env = append(os.Environ(), "PERDURE_UPDATE=1", "ORDERS_ARN=")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("run the tests of %s: %v\n%s", doc.name, err, out)
	}
	return string(out)
}
