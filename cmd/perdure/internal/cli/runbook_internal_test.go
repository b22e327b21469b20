package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestRunbookCommands: whoever reads the runbook at night copies its commands. Each must be one
// that there is, with flags and arguments that it takes.
func TestRunbookCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("(?m)^perdure .*$|`perdure [^`]+`").FindAllString(string(text), -1)
	if len(commands) < 20 {
		t.Fatalf("%d commands were found: has the page another form?", len(commands))
	}
	word := regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)
	for _, line := range commands {
		var args []string
		line, _, _ = strings.Cut(line, " | ") // another program reads what it prints
		for _, w := range word.FindAllString(strings.Trim(line, "`"), -1)[1:] {
			args = append(args, strings.Trim(w, `'"`))
		}
		cmd, rest, err := (&app{}).root().Find(args)
		if err != nil || !cmd.Runnable() {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		named := strings.HasPrefix(line, "`") && len(args) == 1 // the command, not a use of it
		if left := cmd.Flags().Args(); !named && cmd.Args != nil {
			if err := cmd.Args(cmd, left); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
}

// TestCommandsCanBePasted: in a command that is shown, a shell would put nothing in the place of
// $LATEST unless it stands in single quotes.
func TestCommandsCanBePasted(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../../../docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	shown := make(map[string]string)
	for _, page := range append(pages, "../../../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range regexp.MustCompile("(?m)^(?:\\$ )?(?:perdure|aws) .*$|`(?:perdure|aws) [^`]+`").FindAllString(string(text), -1) {
			shown[line] = page
		}
	}
	var examples func(cmd *cobra.Command)
	examples = func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			shown[line] = cmd.CommandPath() + " --help"
		}
		for _, c := range cmd.Commands() {
			examples(c)
		}
	}
	examples((&app{}).root())
	if len(shown) < 50 {
		t.Fatalf("%d commands were found", len(shown))
	}
	for line, at := range shown {
		if bare := regexp.MustCompile(`'[^']*'`).ReplaceAllString(line, ""); strings.Contains(bare, "$LATEST") {
			t.Errorf("%s: %s", at, line)
		}
	}
}

// TestAlarmsFindTheirLines: what the template's filters look for is what the library writes.
func TestAlarmsFindTheirLines(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../docs/examples/refund/alarms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../../../replay/internal/engine/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var engine strings.Builder
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f, "_test.go") {
			engine.Write(src)
		}
	}
	filters := regexp.MustCompile(`\$\.message = "([^"]*)\*"`).FindAllStringSubmatch(string(text), -1)
	if len(filters) != 4 {
		t.Errorf("%d filters, want 4", len(filters))
	}
	for _, f := range filters {
		if message := strings.ReplaceAll(f[1], "''", "'"); !strings.Contains(engine.String(), `"`+message) {
			t.Errorf("the library writes no line that begins with %q", message)
		}
	}
}
