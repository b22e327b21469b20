package perdure_test

import (
	"flag"
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	update = flag.Bool("update", false, "write the counts of testdata again, where they have fallen")
	strict = flag.Bool("strict", false, "fail where counts have risen, as CI does, in place of saying so")
	force  = flag.Bool("force", false, "with -update, also where they have risen: when the word list has become longer")
)

// avoided is a word that a reader stumbles over, who is at home in English or not, and what is
// written in its place.
type avoided struct{ pattern, instead string }

// avoidedWords is the word list. Add to it what readers stumble over: the counts are then written
// once with -update -force.
var avoidedWords = []avoided{
	{`nobody`, `no one, or better what does not happen: "if the result is not used"`},
	{`somebody`, `someone, or better who: "another process", "a caller"`},
	{`tells?`, `returns, says, reports, distinguishes`},
	{`told`, `is given, is reported, distinguished`},
	{`telling`, `saying, distinguishing`},
	{`com(?:es|e|ing) to`, `reaches, ends as, amounts to`},
	{`came to`, `reached, ended as`},
	{`bears?`, `survives, allows, carries`},
	{`anew`, `again`},
	{`so many`, `that many, n`},
	{`what there is not`, `what is absent`},
	{`thereby`, `so`},
	{`lest`, `so that … not`},
	{`hither|thither|wherein|whereof`, `where, of which`},
	{`for ever`, `forever`},
}

// allowedEnglish are texts that have an avoided word for a reason.
var allowedEnglish = []struct{ file, text, reason string }{
	{"english_test.go", "", "the list itself"},
	{"testdata/english.tsv", "", "the counts"},
	{"docs/examples/refund/oldlogs_test.go", "nobody answers", "the name of a recorded history"},
	{"replay/replaytest/corpus_races_test.go", "a future that nobody awaits", "the name of a recorded history"},
	{"replay/replaytest/corpus_test.go", `"told"`, "the name of a step in recorded histories"},
}

const englishCounts = "testdata/english.tsv"

// TestPlainEnglish: comments, messages, names of tests and pages have none of the words of the list
// beyond those that they had when the counts were written. The count of a package may only fall,
// and a new file has none.
func TestPlainEnglish(t *testing.T) {
	t.Parallel()
	var patterns []string
	for _, w := range avoidedWords {
		patterns = append(patterns, w.pattern)
	}
	word := regexp.MustCompile(`(?i)\b(?:` + strings.Join(patterns, "|") + `)\b`)
	ratchet(t, englishCounts, func(file, text string) (found []string) {
		for _, p := range proseOf(file, text) {
			for _, m := range word.FindAllString(withoutAllowed(file, p.text), -1) {
				found = append(found, fmt.Sprintf("%s:%d: %q: write %s", file, p.line, m, insteadOf(m)))
			}
		}
		return found
	})
}

// TestAvoidedWordsAreFound: the test sees words where they are, and not where they are names.
func TestAvoidedWordsAreFound(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file, text, reason string
		want               int
	}{
		{"a.go", "package a // told", "a comment", 1},
		{"a.go", "package a\n\nvar told = tells()", "names in code are not prose", 0},
		{"a.go", "package a\n\nvar s = \"nobody waits\"", "a message", 1},
		{"a.go", "package a\n\nvar s = `so\nmany`", "over the end of a line", 1},
		{"a_test.go", "package a\n\nfunc TestNobodyIsTold(t *testing.T) {}", "the name of a test", 2},
		{"a.md", "It comes\nto this.", "a page, over the end of a line", 1},
		{"a.md", "A bearer intels.", "other words", 0},
	}
	for _, tt := range tests {
		got := 0
		for _, p := range proseOf(tt.file, tt.text) {
			for _, w := range avoidedWords {
				got += len(regexp.MustCompile(`(?i)\b(?:`+w.pattern+`)\b`).FindAllString(p.text, -1))
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q: found %d, want %d", tt.reason, tt.text, got, tt.want)
		}
	}
}

func insteadOf(word string) string {
	for _, w := range avoidedWords {
		if regexp.MustCompile(`(?i)^(?:` + w.pattern + `)$`).MatchString(word) {
			return w.instead
		}
	}
	return "another word"
}

func withoutAllowed(file, text string) string {
	for _, a := range allowedEnglish {
		if a.file != file {
			continue
		}
		if a.text == "" {
			return ""
		}
		text = strings.ReplaceAll(text, a.text, "")
	}
	return text
}

// prose is a text that people read, on one line.
type prose struct {
	line int
	text string
}

var (
	spaces   = regexp.MustCompile(`\s+`)
	camel    = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	testName = regexp.MustCompile(`^(?:Test|Example|Benchmark|Fuzz)[A-Z]`)
)

// proseOf returns what of a file people read: of Go the comments, strings and names of tests, else
// all.
func proseOf(file, text string) []prose {
	if path.Ext(file) != ".go" {
		return []prose{{1, spaces.ReplaceAllString(text, " ")}}
	}
	var all []prose
	fset := token.NewFileSet()
	f := fset.AddFile(file, -1, len(text))
	var s scanner.Scanner
	s.Init(f, []byte(text), nil, scanner.ScanComments)
	block := false // the last token was a comment, which goes on
	for {
		pos, tok, lit := s.Scan()
		line := f.Line(pos)
		switch tok { //nolint:exhaustive // the others are code
		case token.EOF:
			return all
		case token.COMMENT:
			said := strings.TrimSpace(strings.TrimPrefix(lit, "//"))
			if last := len(all) - 1; block && strings.HasPrefix(lit, "//") {
				all[last].text += " " + said
			} else {
				all = append(all, prose{line, spaces.ReplaceAllString(said, " ")})
			}
			block = strings.HasPrefix(lit, "//")
			continue
		case token.STRING:
			all = append(all, prose{line, spaces.ReplaceAllString(lit, " ")})
		case token.IDENT:
			if testName.MatchString(lit) {
				all = append(all, prose{line, camel.ReplaceAllString(lit, "$1 $2")})
			}
		}
		if tok != token.SEMICOLON || lit != "\n" {
			block = false
		}
	}
}

// ratchet counts what look finds in each file of the repository, and compares with the counts that
// are written down in a file of testdata: those of a package may only fall, and a file that is not
// there has none.
func ratchet(t *testing.T, record string, look func(file, text string) []string) {
	t.Helper()
	allowed := readCounts(t, record)
	counts, found := make(map[string]int), make(map[string][]string)
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "oldlogs" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || path.Ext(file) != ".go" && path.Ext(file) != ".md":
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if lines := look(filepath.ToSlash(file), string(text)); len(lines) > 0 {
			counts[filepath.ToSlash(file)], found[filepath.ToSlash(file)] = len(lines), lines
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	now, before := byPackage(counts), byPackage(allowed)
	fell := false
	for _, dir := range slices.Sorted(maps.Keys(before)) {
		if now[dir] < before[dir] {
			fell = true
			t.Logf("%s: %d, were %d", dir, now[dir], before[dir])
		}
	}
	for _, file := range slices.Sorted(maps.Keys(counts)) {
		dir := path.Dir(file)
		if *force {
			break
		}
		if allowed[file] == 0 || now[dir] > before[dir] && counts[file] > allowed[file] {
			report := t.Logf
			if *strict {
				report = t.Errorf
			}
			report("%d in %s, where %d are allowed (%d in %s, where %d are):\n\t%s",
				counts[file], file, allowed[file], now[dir], dir, before[dir], strings.Join(found[file], "\n\t"))
		}
	}
	if *update && !t.Failed() {
		writeCounts(t, record, counts)
	} else if fell {
		t.Logf("take the lower counts over: go test . -run %s -update", t.Name())
	}
}

func byPackage(counts map[string]int) map[string]int {
	sums := make(map[string]int)
	for file, n := range counts {
		sums[path.Dir(file)] += n
	}
	return sums
}

func readCounts(t *testing.T, file string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		name, n, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if counts[name], err = strconv.Atoi(n); err != nil {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
	}
	return counts
}

func writeCounts(t *testing.T, file string, counts map[string]int) {
	t.Helper()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%s\t%d\n", name, counts[name])
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
