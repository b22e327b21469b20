package docs_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const root = ".."

// TestGoBlocksCompile type-checks every Go block of README.md and docs. The
// rules for writing such blocks are in CONTRIBUTING.md.
func TestGoBlocksCompile(t *testing.T) {
	t.Parallel()
	docs, problems, err := readDocuments(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := checkGo(t.Context(), root, docs...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(problems, compiler...) {
		t.Error(p)
	}
}

func TestLinksAndCommandsNameWhatExists(t *testing.T) {
	t.Parallel()
	tree := os.DirFS(root)
	docs, _, err := readDocuments(tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range docs {
		for _, p := range append(checkLinks(tree, doc), checkCommands(tree, doc)...) {
			t.Error(p)
		}
	}
}

func TestBrokenBlockIsReported(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		text         []string
		want         []string // the start of each problem; none: no problem
	}{
		{
			name:   "unknown name",
			reason: "the reader would get the same message",
			text:   []string{"# Title", "```go", "func f() string {", "\treturn missing", "}", "```"},
			want:   []string{"doc.md:4:9: undefined: missing"},
		},
		{
			name:   "statements",
			reason: "statements are wrapped into a function and keep their lines",
			text:   []string{"```go", "x := 1", "fmt.Println(y)", "```"},
			want:   []string{"doc.md:3:13: undefined: y"},
		},
		{
			name:   "syntax",
			reason: "what does not parse is reported where the parser stops",
			text:   []string{"```go", "x := ", "```"},
			want:   []string{"doc.md:"},
		},
		{
			name:   "whole file",
			reason: "a block with a package clause imports for itself",
			text:   []string{"```go", "package main", "", "func main() { fmt.Println() }", "```"},
			want:   []string{"doc.md:4:15: undefined: fmt"},
		},
		{
			name:   "whole files",
			reason: "those of one package belong together, like the files of a folder",
			text: []string{
				"```go", "package a", "func f() int { return 1 }", "```", "```go", "package a", "var x string = f()", "```",
				"```go", "package b", "var y = f()", "```",
			},
			want: []string{"doc.md:7:16: cannot use f()", "doc.md:11:9: undefined: f"},
		},
		{
			name:   "exempted",
			reason: "no block is exempt",
			text:   []string{"```go nocompile", "x := 1", "```"},
			want:   []string{`doc.md:1: code fence says "go nocompile"`},
		},
		{
			name:   "declared twice",
			reason: "the blocks of a document are one package",
			text:   []string{"```go", "type Order struct{}", "```", "text", "```go", "type Order int", "```"},
			want:   []string{"doc.md:6:6: Order redeclared", "doc.md:2:6: \tother declaration"},
		},
		{
			name:   "not closed",
			reason: "the rest of the document would be code",
			text:   []string{"text", "```go", "x := 1"},
			want:   []string{"doc.md:2: code block is not closed"},
		},
		{
			name:   "hidden declarations",
			reason: "a comment holds what the reader need not see",
			text:   []string{"<!-- go", "type Order struct{ ID string }", "-->", "```go", "func id(o Order) string { return o.ID }", "```"},
		},
		{
			name:   "unused variable in statements",
			reason: "an excerpt may stop before the variable is used",
			text:   []string{"```go", "n := len(\"a\")", "```", "```json", "{", "```"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			doc, problems := parseDocument("doc.md", strings.Join(tt.text, "\n"))
			compiler, err := checkGo(t.Context(), root, doc)
			if err != nil {
				t.Fatal(err)
			}
			problems = append(problems, compiler...)
			if len(problems) != len(tt.want) {
				t.Fatalf("%s: got %q, want %d problems", tt.reason, problems, len(tt.want))
			}
			for i, p := range problems {
				if !strings.HasPrefix(p, tt.want[i]) {
					t.Errorf("%s: got %q, want it to begin with %q", tt.reason, p, tt.want[i])
				}
			}
		})
	}
}

func TestMissingFileIsReported(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"docs/a.md": {}, "op/op.go": {}}
	text := "[a](a.md) [b](b.md#x) [c](https://example.com)\n```sh\ngo test -race ./op ./gone/...\ngo test work\n```\n"
	doc, _ := parseDocument("docs/doc.md", text)
	got := append(checkLinks(tree, doc), checkCommands(tree, doc)...)
	want := []string{
		"docs/doc.md:1: link to b.md#x, which does not exist",
		"docs/doc.md:3: go test names ./gone/..., which does not exist",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}
