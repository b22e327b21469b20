// Package check runs the rules of opcheck over packages and prints what they find, for people, for
// GitHub and as SARIF.
//
// It runs go vet with a program that [IsTool] and [Tool] make out of any main function. So results
// are kept in Go's build cache, and a second run analyses only what changed.
package check

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/perdure/perdure/op/opcheck"
)

// Finding is one mistake.
type Finding struct {
	Rule    string `json:"rule"`
	File    string `json:"file"` // relative to the directory, if it is below it
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	// Severity is that of the rule.
	Severity opcheck.Severity `json:"severity"`
}

// Config says what to check.
type Config struct {
	// Dir is the directory to run in; the default is the current one.
	Dir string
	// Patterns name packages, as for go build; the default is ./... .
	Patterns []string
	// Disable lists rules that do not report, Enable opt-in rules that do.
	Disable, Enable []string
	// Summaries is a file with further summaries of functions; the default is none.
	Summaries string
	// Tool is a program that calls [Tool]; the default is this one.
	Tool string
	// Env is the environment of go vet; nil means that of this process.
	Env []string
	// Err is where go vet says which packages do not compile; nil means nowhere.
	Err io.Writer
}

// IsTool reports whether the arguments are those that go vet calls its tool with.
func IsTool(args []string) bool {
	if len(args) == 0 {
		return false
	}
	return args[0] == "-V=full" || args[0] == "-flags" || strings.HasSuffix(args[len(args)-1], ".cfg") && strings.HasPrefix(args[0], "-") ||
		len(args) == 1 && filepath.Base(args[0]) == "vet.cfg"
}

// Tool does what go vet asks its tool for. It ends the process.
func Tool() { unitchecker.Main(opcheck.Analyzers()...) }

// Run checks packages and returns what it found, by file and line. The error says that a rule does
// not exist, or that packages could not be checked, because they do not compile for instance.
func Run(ctx context.Context, c Config) ([]Finding, error) {
	args, err := c.arguments()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are the user's
	cmd.Dir, cmd.Env = c.Dir, c.Env
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	runErr := cmd.Run()
	found, err := read(&out, c.Dir)
	if text := withoutHeaders(problems.String()); text != "" && c.Err != nil {
		_, _ = io.WriteString(c.Err, text)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case runErr != nil:
		return found, fmt.Errorf("check: %s: packages were not checked: mend what go vet says: %w", strings.Join(c.patterns(), " "), runErr)
	case err != nil:
		return nil, fmt.Errorf("check: read what go vet found: %w", err)
	}
	return found, nil
}

func (c Config) patterns() []string {
	if len(c.Patterns) == 0 {
		return []string{"./..."}
	}
	return c.Patterns
}

func (c Config) arguments() ([]string, error) {
	tool := c.Tool
	if tool == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("check: find this program, which go vet runs: %w", err)
		}
		tool = self
	}
	args := []string{"vet", "-vettool=" + tool, "-json"}
	rules := opcheck.Rules()
	for _, name := range slices.Concat(c.Disable, c.Enable) {
		if !slices.ContainsFunc(rules, func(r opcheck.Rule) bool { return r.Name == name }) {
			return nil, fmt.Errorf("check: rule %q does not exist; perdure check --rules lists them", name)
		}
	}
	for _, name := range c.Disable {
		args = append(args, "-"+name+"=false")
	}
	for _, r := range rules {
		if r.OptIn && slices.Contains(c.Enable, r.Name) {
			args = append(args, "-"+r.Name+".on")
		}
	}
	if c.Summaries != "" {
		file, err := filepath.Abs(filepath.Join(c.Dir, c.Summaries))
		if filepath.IsAbs(c.Summaries) {
			file, err = c.Summaries, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(file) //nolint:gosec // the file that the user names
		if err != nil {
			return nil, fmt.Errorf("check: summaries: %w", err)
		}
		args = append(args, "-perdure.summaries="+file, fmt.Sprintf("-perdure.digest=%x", sha256.Sum256(text)))
	}
	return append(args, c.patterns()...), nil
}

// diagnostic is one of the JSON that go vet prints.
type diagnostic struct {
	Posn    string `json:"posn"`
	Message string `json:"message"`
}

// read reads the JSON objects that go vet prints, one per package.
func read(out io.Reader, dir string) ([]Finding, error) {
	severities := map[string]opcheck.Severity{}
	for _, r := range opcheck.Rules() {
		severities[r.Name] = r.Severity
	}
	base, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	var all []Finding
	dec := json.NewDecoder(out)
	for {
		var packages map[string]map[string]json.RawMessage
		err := dec.Decode(&packages)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, rules := range packages {
			for rule, raw := range rules {
				var list []diagnostic
				if json.Unmarshal(raw, &list) != nil {
					return nil, fmt.Errorf("rule %s: %s", rule, raw)
				}
				for _, d := range list {
					f := Finding{Rule: rule, Message: d.Message, Severity: severities[rule]}
					f.File, f.Line, f.Column = position(d.Posn, base)
					all = append(all, f)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule))
	})
	return slices.Compact(all), nil // a package and its tests are checked twice
}

func position(s, base string) (file string, line, column int) {
	parts := regexp.MustCompile(`^(.*?):(\d+)(?::(\d+))?$`).FindStringSubmatch(s)
	if parts == nil {
		return s, 0, 0
	}
	file = parts[1]
	if rel, err := filepath.Rel(base, file); err == nil && filepath.IsLocal(rel) {
		file = rel
	}
	line, _ = strconv.Atoi(parts[2])
	column, _ = strconv.Atoi(parts[3])
	return file, line, column
}

// withoutHeaders leaves out the lines that name packages.
func withoutHeaders(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if !strings.HasPrefix(line, "# ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Failed reports whether there is a finding that is more than a note.
func Failed(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.Severity != opcheck.Note })
}
