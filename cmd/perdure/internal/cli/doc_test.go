package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// update has docs/cli.md and the files of testdata written again.
const update = "PERDURE_UPDATE"

// TestDocumentedSession runs the commands of docs/cli.md, one after the other, and compares what
// they print. Blocks of the kind console are a session; a comment such as
//
//	<!-- later: 3h -->
//
// moves the clock. In a command, YXJu… stands for the callback that is waited for.
func TestDocumentedSession(t *testing.T) {
	t.Parallel()
	name := filepath.Join("..", "..", "..", "..", "docs", "cli.md")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got := newSite(t).replay(string(text))
	if os.Getenv(update) != "" {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(string(text), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("docs/cli.md shows something else than happens (-document +program); if the program is right, run the test with %s=1:\n%s", update, diff)
	}
	if n := strings.Count(got, "\n$ perdure "); n < 10 {
		t.Errorf("the session of docs/cli.md has %d commands", n)
	}
}

// replay returns a document with what its commands print now.
func (s *site) replay(document string) string {
	s.t.Helper()
	var b strings.Builder
	inside := false
	for _, line := range strings.SplitAfter(document, "\n") {
		text := strings.TrimSuffix(line, "\n")
		command, isCommand := strings.CutPrefix(text, "$ ")
		switch {
		case text == "```console":
			inside = true
			b.WriteString(line)
		case text == "```":
			inside = false
			b.WriteString(line)
		case inside && isCommand:
			b.WriteString(line)
			b.WriteString(s.shell(command))
		case !inside:
			b.WriteString(line)
			s.directive(text)
		}
	}
	return b.String()
}

func (s *site) directive(line string) {
	s.t.Helper()
	text, ok := strings.CutPrefix(line, "<!-- later: ")
	if !ok {
		return
	}
	d, err := time.ParseDuration(strings.TrimSuffix(text, " -->"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.advance(d)
}

// shell runs a command line and returns what a terminal would show.
func (s *site) shell(line string) string {
	s.t.Helper()
	if line == "echo $?" {
		return s.last
	}
	words := split(line)
	for i := range words {
		if words[i] == "YXJu…" {
			words[i] = s.callback()
		}
	}
	if len(words) == 0 || words[0] != "perdure" {
		s.t.Fatalf("%q does not run perdure", line)
	}
	o := s.run(words[1:]...)
	s.settle()
	s.last = fmt.Sprintln(o.code)
	return o.err + o.out
}

// split splits a command line at spaces that stand in no quotes.
func split(line string) (words []string) {
	var word strings.Builder
	quote, open := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, open = r, true
		case quote == 0 && r == ' ':
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}
