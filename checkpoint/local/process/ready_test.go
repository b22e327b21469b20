//go:build unix

package process_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// readiness is a row for a check that decides whether CI runs the tests of a language.
type readiness struct {
	name, reason string
	programs     map[string]string // what is in PATH
	ready        bool
	says         string
}

// TestNodeReady covers the check that decides whether CI runs the tests of JavaScript: a mistake in
// it would skip them without a word.
func TestNodeReady(t *testing.T) {
	t.Parallel()
	checkReady(t, "node-ready", []readiness{
		{
			name: "present", reason: "the oldest that the SDK runs on",
			programs: map[string]string{"node": "echo v20.0.0", "npm": ""}, ready: true, says: "node v20.0.0",
		},
		{
			name: "newer", reason: "versions are numbers and not text: 100 is later than 20",
			programs: map[string]string{"node": "echo v100.1.2", "npm": ""}, ready: true, says: "node v100.1.2",
		},
		{name: "no node", reason: "nothing can run", programs: map[string]string{"npm": ""}, says: "there is no node"},
		{
			name: "no npm", reason: "nothing can be installed",
			programs: map[string]string{"node": "echo v22.1.0"}, says: "there is no npm",
		},
		{
			name: "too old", reason: "the SDK does not support it",
			programs: map[string]string{"node": "echo v18.19.1", "npm": ""}, says: "node is v18.19.1, and the SDK needs 20 or later",
		},
		{
			name: "much too old", reason: "9 is earlier than 20",
			programs: map[string]string{"node": "echo v9.11.2", "npm": ""}, says: "node is v9.11.2",
		},
		{
			name: "broken", reason: "a node that cannot start, as of another architecture",
			programs: map[string]string{"node": "exit 126", "npm": ""}, says: "says no version: ''",
		},
	})
}

// TestPythonReady covers the same for Python.
func TestPythonReady(t *testing.T) {
	t.Parallel()
	python := func(version, pip string) map[string]string {
		return map[string]string{"python3": `if [ "$1" = --version ]; then echo ` + version + `; else ` + pip + `; fi`}
	}
	checkReady(t, "python-ready", []readiness{
		{name: "present", reason: "the oldest that the SDK runs on", programs: python("Python 3.11.0", "true"), ready: true, says: "Python 3.11.0"},
		{name: "newer", reason: "versions are numbers and not text", programs: python("Python 3.100.1", "true"), ready: true, says: "Python 3.100.1"},
		{name: "next", reason: "a later major version", programs: python("Python 4.0.0", "true"), ready: true, says: "Python 4.0.0"},
		{name: "no python", reason: "nothing can run", says: "there is no python3"},
		{name: "no pip", reason: "nothing can be installed", programs: python("Python 3.12.1", "exit 1"), says: "Python 3.12.1 has no pip"},
		{
			name: "too old", reason: "9 is earlier than 11",
			programs: python("Python 3.9.18", "true"), says: "python3 is 3.9.18, and the SDK needs 3.11 or later",
		},
		{name: "much too old", reason: "the major version counts first", programs: python("Python 2.18.0", "true"), says: "python3 is 2.18.0"},
		{name: "broken", reason: "a python that cannot start", programs: map[string]string{"python3": "exit 126"}, says: "says no version: ''"},
	})
}

func checkReady(t *testing.T, name string, tests []readiness) {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("..", "..", "..", ".ci", name))
	if err != nil {
		t.Fatal(err)
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash, which CI runs with")
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, body := range tt.programs {
				text := "#!" + bash + "\n" + body + "\n"
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), bash, script)
			cmd.Env = []string{"PATH=" + dir}
			out, err := cmd.CombinedOutput()
			_, failed := errors.AsType[*exec.ExitError](err)
			if err != nil && !failed {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(string(out)); failed == tt.ready || !strings.Contains(got, tt.says) {
				t.Errorf("%s: ready %t, says %q, want %t and %q", tt.reason, !failed, got, tt.ready, tt.says)
			}
		})
	}
}
