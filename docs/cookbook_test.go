package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestCookbookNamesWhatExists: every example that the cookbook names is one of the module's.
func TestCookbookNamesWhatExists(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	example := regexp.MustCompile(`(?m)^func (Example\w*)\(\)`)
	for _, pattern := range []string{"*_test.go", "op/*_test.go", "replay/*_test.go", "retry/*_test.go", "codec/*_test.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range example.FindAllSubmatch(text, -1) {
				declared[string(m[1])] = true
			}
		}
	}
	text, err := os.ReadFile("cookbook.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Example\\w*)`").FindAllSubmatch(text, -1)
	if len(named) < 80 {
		t.Errorf("the cookbook names %d examples", len(named))
	}
	for _, m := range named {
		if name := string(m[1]); !declared[name] {
			t.Errorf("there is no %s", name)
		}
	}
}
