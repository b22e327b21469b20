package perdure_test

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// mostColumns is how wide comments and pages may be; a tab takes four columns.
const mostColumns = 100

// TestWidth: lines of comments and of pages are no wider than that, but for tables, code, links and
// lines of one word. The count of a package may only fall, and a new file has none.
func TestWidth(t *testing.T) {
	t.Parallel()
	ratchet(t, "testdata/width.tsv", func(file, text string) (found []string) {
		for _, n := range wideLines(file, text) {
			found = append(found, fmt.Sprintf("%s:%d: more than %d columns: wrap it", file, n, mostColumns))
		}
		return found
	})
}

func TestWideLinesAreFound(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 25)
	tests := []struct {
		file, text, reason string
		want               int
	}{
		{"a.go", "// " + long, "a comment", 1},
		{"a.go", "\t// " + long[:97], "a tab takes four columns", 1},
		{"a.go", "var s = \"" + long + "\"", "code is for gofmt", 0},
		{"a.go", "//go:generate " + long, "a directive", 0},
		{"a.go", "//\t" + long, "code in a comment", 0},
		{"a.go", "// Output: " + long, "the output of an example", 0},
		{"a.go", "// " + strings.Repeat("x", 120), "one word, such as a link", 0},
		{"a.md", long, "a page", 1},
		{"a.md", "| " + long + "|", "a table", 0},
		{"a.md", "```\n" + long + "\n```", "code", 0},
		{"a.md", "<!-- go\n" + long + "\n-->", "hidden code", 0},
		{"a.md", strings.Repeat("é", 99) + " é", "columns are characters", 1},
		{"a.md", strings.Repeat("é", 98) + " é", "columns are characters", 0},
	}
	for _, tt := range tests {
		if got := len(wideLines(tt.file, tt.text)); got != tt.want {
			t.Errorf("%s: %d lines of %q are too wide, want %d", tt.reason, got, tt.text, tt.want)
		}
	}
}

var (
	ownLine   = regexp.MustCompile(`^\s*// `)
	outputs   = regexp.MustCompile(`^\s*// (?:Unordered output|Output):`)
	oneWord   = regexp.MustCompile(`^\s*(?://|[*\-]|\d+\.)?\s*\S+$`)
	unwrapped = regexp.MustCompile(`^\s*(?:\||#|\[[^\]]+\]: )`)
)

// wideLines returns the numbers of the lines of a file that are to be wrapped.
func wideLines(file, text string) (wide []int) {
	page := path.Ext(file) == ".md"
	code, hidden, output := false, false, false
	for i, line := range strings.Split(text, "\n") {
		comment := ownLine.MatchString(line)
		output = comment && (output || outputs.MatchString(line))
		switch {
		case page && strings.HasPrefix(strings.TrimSpace(line), "```"):
			code = !code
			continue
		case page && strings.Contains(line, "<!--"):
			hidden = true
		}
		prose := page && !code && !hidden && !unwrapped.MatchString(line) || !page && comment && !output
		hidden = hidden && !strings.Contains(line, "-->")
		if prose && !oneWord.MatchString(line) && columns(line) > mostColumns {
			wide = append(wide, i+1)
		}
	}
	return wide
}

func columns(line string) int {
	return utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
}
