package docs_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
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
	docs, err := readAll(tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range docs {
		for _, p := range slices.Concat(checkLinks(tree, doc), checkCommands(tree, doc), checkQuotes(tree, doc)) {
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
			name:   "quotes nothing",
			reason: "the block that the comment is for is missing",
			text:   []string{"<!-- quote a.go -->", "text"},
			want:   []string{"doc.md:2: a code block that quotes a.go is to follow"},
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

// TestQuotesAreThoseOfTheFile: what a block quotes is compiled in its file, and so it must be what
// stands there.
func TestQuotesAreThoseOfTheFile(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"docs/a/a.go": {Data: []byte("package a\n\nfunc f() {\n\tg()\n\th()\n}\n")}}
	tests := []struct {
		reason, file, text string
		want               string // the start of the problem
	}{
		{reason: "lines in a row", file: "a/a.go", text: "func f() {\n\tg()\n"},
		{reason: "the first line", file: "a/a.go", text: "package a\n"},
		{reason: "lines are left out", file: "a/a.go", text: "func f() {\n\t// …\n\th()\n}\n"},
		{reason: "the same in a text", file: "a/a.go", text: "package a\n…\n}\n"},
		{reason: "another line", file: "a/a.go", text: "func f() {\n\th()\n", want: `docs/doc.md:3: a/a.go does not have these lines`},
		{reason: "a part of a line", file: "a/a.go", text: "f() {\n", want: "docs/doc.md:3: a/a.go does not have"},
		{
			reason: "another order", file: "a/a.go", text: "\th()\n…\n\tg()\n",
			want: `docs/doc.md:3: a/a.go does not have these lines in this order, from "\tg()" on`,
		},
		{reason: "a file that is gone", file: "a/b.go", text: "package a\n", want: "docs/doc.md:3: open docs/a/b.go"},
	}
	for _, tt := range tests {
		doc, problems := parseDocument("docs/doc.md", "<!-- quote "+tt.file+" -->\n```go\n"+tt.text+"```\n")
		got := strings.Join(append(problems, checkQuotes(tree, doc)...), "\n")
		if (tt.want == "") != (got == "") || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %q, want it to begin with %q", tt.reason, got, tt.want)
		}
	}
}

func TestMissingFileIsReported(t *testing.T) {
	t.Parallel()
	text := "[a](a.md) [b](b.md#x) [c](https://example.com) [op](../op)\n```sh\ngo test -race ./op ./gone/...\ngo test work\n```\n" +
		"[a](a.md#whats-new-in-opstep) [a](a.md#twice-1) [a](a.md#whats-new) [here](#so) [here](#but)\n# So\n"
	tree := fstest.MapFS{
		"docs/a.md":   {Data: []byte("# A\n## What's new in `op.Step`?\n## Twice\n```sh\n# Whats new\n```\n## Twice\n")},
		"docs/doc.md": {Data: []byte(text)},
		"op/op.go":    {},
	}
	doc, _ := parseDocument("docs/doc.md", text)
	got := append(checkLinks(tree, doc), checkCommands(tree, doc)...)
	want := []string{
		"docs/doc.md:1: link to b.md#x, which does not exist",
		"docs/doc.md:6: link to a.md#whats-new, but docs/a.md has no such heading",
		"docs/doc.md:6: link to #but, but docs/doc.md has no such heading",
		"docs/doc.md:3: go test names ./gone/..., which does not exist",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Each page says first whom it is for, and the list of pages has it once.
func TestPagesSayWhomTheyAreFor(t *testing.T) {
	t.Parallel()
	pages, err := fs.Glob(os.DirFS("."), "*.md")
	if err != nil || len(pages) < 20 {
		t.Fatalf("got %d pages, %v", len(pages), err)
	}
	list := readText(t, "README.md")
	for _, name := range pages {
		if name == "README.md" {
			continue
		}
		if _, first, _ := strings.Cut(readText(t, name), "\n\n"); !strings.HasPrefix(first, "For ") {
			t.Errorf("docs/%s begins with %.40q; want a sentence that begins with For, and says whom the page is for", name, first)
		}
		if n := strings.Count(list, "]("+name+")"); n != 1 {
			t.Errorf("docs/README.md lists %s %d times, want once", name, n)
		}
	}
}

// The map in CONTRIBUTING names every folder with packages, or one above it, and every file of the
// engine.
func TestMapOfTheHouseIsWhole(t *testing.T) {
	t.Parallel()
	text := readText(t, filepath.Join(root, "CONTRIBUTING.md"))
	_, text, ok := strings.Cut(text, "\n## The map\n")
	if !ok {
		t.Fatal("CONTRIBUTING has no map")
	}
	text, _, _ = strings.Cut(text, "\n## What may import what\n")
	files, err := filepath.Glob(filepath.Join(root, "replay/internal/engine/*.go"))
	if err != nil || len(files) < 20 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	for _, f := range files {
		if name := filepath.Base(f); name != "doc.go" && !strings.HasSuffix(name, "_test.go") && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("the map does not say what is in replay/internal/engine/%s", name)
		}
	}
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "testdata" || d.Name() != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		sources, _ := fs.Glob(os.DirFS(root), path.Join(name, "*.go"))
		if len(sources) == 0 || name == "." {
			return nil
		}
		// A folder inside of another is that one's business, unless it is internal: many look
		// there.
		for at := name; at != "."; at = path.Dir(at) {
			if strings.Contains(text, "`"+at+"`") {
				return nil
			}
			if path.Base(path.Dir(at)) == "internal" {
				break
			}
		}
		t.Errorf("the map does not name %s", name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
