package cli_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The command checks packages, its own program being the tool of go vet, and prints what it found
// in each format. The order of the lines is that of the file, so annotations and SARIF are compared
// with the text.
func TestCheckRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "perdure")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/perdure/perdure/cmd/perdure")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build.Args, err, out)
	}
	run := func(args ...string) (out, problems string, code int) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, append([]string{"check"}, args...)...)
		cmd.Dir = filepath.Join("..", "..", "..", "..", "op", "opcheck", "testdata", "mod")
		cmd.Env = append(os.Environ(), "GOWORK=off")
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok {
				t.Fatal(err)
			}
			code = exit.ExitCode()
		}
		return stdout.String(), stderr.String(), code
	}

	text, problems, code := run("./planted/billing")
	line := regexp.MustCompile(`(?m)^(planted/billing/billing\.go):(\d+):(\d+): (.+) \((\w+)\)$`)
	found := line.FindAllStringSubmatch(text, -1)
	if code != 1 || len(found) < 3 || problems != "" {
		t.Fatalf("exit code %d, %d findings, want 1 and several: %s%s", code, len(found), text, problems)
	}

	github, _, code := run("--format", "github", "./planted/billing")
	annotation := regexp.MustCompile(`(?m)^::(error|warning) file=(.+),line=(\d+),col=(\d+),title=perdure check%3A (\w+)::(.+)$`)
	annotations := annotation.FindAllStringSubmatch(github, -1)
	if code != 1 || len(annotations) != len(found) {
		t.Fatalf("exit code %d, %d annotations of %d findings:\n%s", code, len(annotations), len(found), github)
	}

	sarif, _, code := run("--format", "sarif", "./planted/billing")
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID    string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI, URIBaseID string }
						Region           struct{ StartLine, StartColumn json.Number }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(sarif), &log); err != nil || code != 1 || len(log.Runs) != 1 || len(log.Runs[0].Results) != len(found) {
		t.Fatalf("exit code %d, %v, want %d results: %s", code, err, len(found), sarif)
	}
	for i, f := range found {
		a := annotations[i]
		escaped := strings.NewReplacer("%", "%25").Replace(f[4])
		if a[2] != f[1] || a[3] != f[2] || a[4] != f[3] || a[5] != f[5] || a[6] != escaped {
			t.Errorf("annotation %q of %q", a[0], f[0])
		}
		r := log.Runs[0].Results[i]
		at := r.Locations[0].PhysicalLocation
		if at.ArtifactLocation.URI != f[1] || at.ArtifactLocation.URIBaseID != "%SRCROOT%" || at.Region.StartLine.String() != f[2] ||
			at.Region.StartColumn.String() != f[3] || r.Message.Text != f[4] || r.RuleID != f[5] {
			t.Errorf("result %+v of %q", r, f[0])
		}
	}

	if out, problems, code := run("./planted/ids"); code != 0 || out != "" || problems != "" {
		t.Errorf("a package without handlers: exit code %d, %q, %q", code, out, problems)
	}
	if out, problems, code := run("./planted/none"); code != 1 || !strings.Contains(problems, "planted/none") {
		t.Errorf("a package that does not exist: exit code %d, %q, %q", code, out, problems)
	}
}
