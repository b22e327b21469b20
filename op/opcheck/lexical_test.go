package opcheck_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/op/opcheck/check"
)

// What AWS documents as not seen by its linter, which looks at the text of one function at a time,
// is found here: each by name, in the function that has it.
func TestLexicalMisses(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds the tool")
	}
	misses := []struct{ name, rule string }{
		{"a helper without a context", "clock"},
		{"a function value of which it is known what it is", "clock"},
		{"an interface of which it is known what it is", "clock"},
		{"a named function that is passed as a body", "packagevar"},
		{"a write through a pointer", "bodywrite"},
		{"a write through a pointer that a helper is given", "bodywrite"},
		{"a write to a field", "bodywrite"},
		{"a write to an element", "bodywrite"},
		{"a read of the environment", "environ"},
		{"a read of a database", "network"},
	}
	const file = "rules/lexical/lexical.go"
	dir := testModule(t)
	found, err := check.Run(context.Background(), check.Config{
		Dir: dir, Patterns: []string{"./rules/lexical"}, Tool: buildTool(t), Env: append(os.Environ(), "GOWORK=off"), Err: os.Stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	marked := regexp.MustCompile(`(?ms)^// miss: ([^\n]*)\n(.*?)^}`).FindAllStringSubmatchIndex(string(text), -1)
	lineOf := func(at int) int { return 1 + strings.Count(string(text[:at]), "\n") }
	seen := map[string]bool{}
	for _, at := range marked {
		name := string(text[at[2]:at[3]])
		i := slices.IndexFunc(misses, func(m struct{ name, rule string }) bool { return m.name == name })
		if i < 0 {
			t.Errorf("%s:%d: %q is not in the list", file, lineOf(at[0]), name)
			continue
		}
		seen[name] = true
		from, to := lineOf(at[4]), lineOf(at[1])
		if !slices.ContainsFunc(found, func(f check.Finding) bool {
			return f.File == file && f.Rule == misses[i].rule && from <= f.Line && f.Line <= to
		}) {
			t.Errorf("%s is not found: no finding of %s in lines %d to %d of %s", name, misses[i].rule, from, to, file)
		}
	}
	for _, m := range misses {
		if !seen[m.name] {
			t.Errorf("no function of %s shows %q", file, m.name)
		}
	}
	t.Logf("%d of %d are found", len(seen), len(misses))
}
