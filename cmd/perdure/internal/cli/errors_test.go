package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// TestExitCodes: one command for each exit code, and the table in docs/cli.md has no others.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run("start", "payment", `"B-1"`, "--name", "P-1")
	s.settle()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "main.go"), []byte("package main\n\nfunc main() { nothing }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		reason string
		args   []string
		ctx    context.Context //nolint:containedctx // that of one command
		code   int
	}{
		{reason: "it is done", args: []string{"list"}, code: cli.ExitOK},
		{reason: "the execution has failed", args: []string{"start", "payment", `"B-1"`, "--name", "P-1", "--wait"}, code: cli.ExitFailed},
		{reason: "an argument is missing", args: []string{"show"}, code: cli.ExitUsage},
		{reason: "a flag that there is not", args: []string{"show", "--frob"}, code: cli.ExitUsage},
		{reason: "an argument too many, also of what cobra adds", args: []string{"completion", "bash", "x"}, code: cli.ExitUsage},
		{reason: "version takes none", args: []string{"version", "x"}, code: cli.ExitUsage},
		{reason: "no such execution", args: []string{"show", "P-9"}, code: cli.ExitNotFound},
		{reason: "no such function", args: []string{"list", "nope"}, code: cli.ExitNotFound},
		{reason: "no such callback", args: []string{"callback", "heartbeat", "no-id"}, code: cli.ExitNotFound},
		{reason: "the service refuses it", args: []string{"pause", "P-1"}, code: cli.ExitUnavailable},
		{reason: "no service", args: []string{"list", "--endpoint", "http://127.0.0.1:1"}, code: cli.ExitUnavailable},
		{reason: "no such port", args: []string{"dev", folder, "--memory", "--listen", "127.0.0.1:99999"}, code: cli.ExitUnavailable},
		{reason: "code that does not compile", args: []string{"compat", folder}, code: cli.ExitCode},
		{reason: "the same, to be deployed", args: []string{"upgrade", folder, "--deploy", "true"}, code: cli.ExitCode},
		{reason: "the same, to be run once", args: []string{"dev", folder, "--memory", "--watch=false", "--listen", "127.0.0.1:0"}, code: cli.ExitCode},
		{reason: "Ctrl-C", args: []string{"list"}, ctx: ended, code: cli.ExitInterrupted},
	}
	var shown []int
	for _, tt := range tests {
		ctx := tt.ctx
		if ctx == nil {
			ctx = t.Context()
		}
		if got := s.runIn(ctx, "", tt.args...); got.code != tt.code {
			t.Errorf("%s: %q: exit code %d, want %d: %s", tt.reason, tt.args, got.code, tt.code, got.err)
		}
		shown = append(shown, tt.code)
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "| exit code | |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var documented []int
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(table, -1) {
		code, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		documented = append(documented, code)
	}
	slices.Sort(shown)
	if shown = slices.Compact(shown); !slices.Equal(shown, documented) {
		t.Errorf("docs/cli.md has the exit codes %v, and these are shown: %v", documented, shown)
	}
}

// TestErrorsAreOfOneStyle: an error is a line that begins with the program, names no command twice,
// ends without a full stop, says no word of another package, and what to do after a semicolon where
// something can be done by whoever has typed it.
func TestErrorsAreOfOneStyle(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begun("A-1")
	s.run("start", "payment", `"B-1"`, "--name", "P-1")
	s.run("start", "payment", `"C-1"`, "--name", "P-2")
	s.settle()
	var lines []string
	for _, args := range []string{
		"frob", "start", "start order {} more", "start order {", "start nope {}", "show", "show A-9", "show A-9 -f order", "show A-1 --frob", "show A-1 -o svg",
		"show A-1 -o dot --timeline", "list nope", "list --status GONE", "list --since tomorrow", "list --limit many", "list --limit", "stop", "stop P-1", "pause", "pause P-1",
		"pause A-1 --all", "resume A-1", "delete A-1", "callback", "callback succeed", "callback succeed no-id yes", "callback heartbeat no-id",
		"redrive", "redrive A-1", "redrive P-2", "redrive A-1 --aws", "fork A-1", "fork A-1 --before fly", "skip A-1", "skip A-1 tomorrow", "skip A-1 --operation reserve", "skip P-1 1h",
		"history", "record A-1", "stats --since 3x", "stats --store nope.db", "compat", "compat ./nope", "upgrade", "upgrade ./nope", "dev", "dev ./nope",
		"doctor order", "collect", "ui --listen here", "list --timeout 0s", "list --endpoint here", "version x",
	} {
		got := s.run(strings.Fields(args)...)
		line, rest, _ := strings.Cut(got.err, "\n")
		lines = append(lines, line)
		switch {
		case got.code == cli.ExitOK || got.code == cli.ExitFailed || rest != "" || !strings.HasPrefix(line, "perdure: "):
			t.Errorf("%s: is no error of one line: %+v", args, got)
		case strings.HasPrefix(line, "perdure: perdure"), strings.Contains(line, "rror: "), strings.Contains(line, "local: "), strings.HasSuffix(line, "."),
			strings.Contains(line, "strconv"), strings.Contains(line, "arn:aws:lambda:us-east-1:1"):
			t.Errorf("%s: is not of the style: %s", args, line)
		case got.code == cli.ExitUsage && !strings.ContainsAny(line, ";:,"):
			t.Errorf("%s: does not say what is expected, or what to do: %s", args, line)
		}
	}
	t.Logf("%d errors:\n%s", len(lines), strings.Join(lines, "\n"))
}

// TestDaysInFlags: durations are taken as they are printed, with days.
func TestDaysInFlags(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run("start", "payment", `"C-1"`, "--name", "P-1")
	s.settle()
	s.clock.Advance(50 * time.Hour)
	if got := s.run("list", "--since", "1d"); got.code != 0 || !strings.Contains(got.err, "there are no such executions") {
		t.Errorf("within a day: %+v", got)
	}
	if got := s.run("list", "--since", "2d3h"); got.code != 0 || !strings.Contains(got.out, "P-1") {
		t.Errorf("within two days: %+v", got)
	}
}
