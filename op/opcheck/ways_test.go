package opcheck_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The program is a tool of go vet, and runs by itself, with facts over dependencies in both cases;
// and each has an exit code for scripts.
func TestWaysToRun(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds the tool")
	}
	tool := buildTool(t)
	tests := []struct {
		name, reason string
		args         []string
		want         string
		code         int
	}{
		{"vettool", "go vet has it check packages and what they import", []string{"go", "vet", "-vettool=" + tool, "./rules/lexical"}, "far.Late → time.Since", 1},
		{"by itself", "it loads the packages, and says so by its exit code", []string{tool, "./rules/lexical"}, "far.Late → time.Since", 3},
		{"nothing found", "a package without handlers", []string{"go", "vet", "-vettool=" + tool, "./rules/lexical/far"}, "", 0},
		{"a rule of its own", "flags choose rules, as those of go vet", []string{"go", "vet", "-vettool=" + tool, "-network", "./rules/lexical"}, "sql.DB.QueryRow", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), tt.args[0], tt.args[1:]...)
			cmd.Dir, cmd.Env = testModule(t), append(os.Environ(), "GOWORK=off")
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != tt.code || !strings.Contains(string(out), tt.want) || tt.want == "" && len(out) > 0 {
				t.Errorf("%s: exit code %d, want %d, with %q in:\n%s", tt.reason, got, tt.code, tt.want, out)
			}
		})
	}
}
