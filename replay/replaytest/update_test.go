package replaytest_test

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// goldenHelper has a process of this test binary compare a golden file; "flag" has it define
// -update.
const goldenHelper = "REPLAYTEST_GOLDEN_HELPER"

var _ = func() *bool {
	if os.Getenv(goldenHelper) != "flag" {
		return nil
	}
	return flag.Bool("update", false, "write golden files")
}()

func TestUpdateHelper(t *testing.T) { //nolint:paralleltest // alone in its process
	if os.Getenv(goldenHelper) == "" {
		t.Skip("run by TestWhenFilesAreWritten")
	}
	f := replay.Handler(func(ctx op.Context, _ int) (int, error) {
		return replay.Run(ctx, op.Step("add", func(context.Context) (int, error) { return 1, nil }))
	})
	replaytest.Run(t, f, 1).Golden(t, "folder/helper.golden")
}

// TestWhenFilesAreWritten runs this test binary with and without a flag -update of its own.
func TestWhenFilesAreWritten(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason     string
		helper, variable string
		args             []string
		before           string // in the file; empty: there is none
		written          bool
		want             string // in the output; empty: the test passes
	}{
		{name: "nothing", reason: "who adds a test sees how to write the file", helper: "plain", want: "to write it: PERDURE_UPDATE=1 go test -run '^TestUpdateHelper$'"},
		{name: "variable", reason: "the binary has no such flag", helper: "plain", variable: "1", written: true},
		{name: "flag", reason: "the binary's own flag counts", helper: "flag", args: []string{"-update"}, written: true},
		{name: "variable beside a flag", reason: "the flag may be one for other files", helper: "flag", variable: "1", written: true},
		{name: "flag that is false", reason: "it is not set", helper: "flag", args: []string{"-update=false"}, want: "to write it: go test -run '^TestUpdateHelper$' . -update"},
		{name: "flag that is not defined", reason: "the kit defines none", helper: "plain", args: []string{"-update"}, want: "flag provided but not defined: -update"},
		{name: "old file", reason: "the difference is shown, and how to accept it", helper: "plain", before: "input 2\n", want: `If it is to change: PERDURE_UPDATE=1 go test`},
		{name: "old file is replaced", reason: "it is the same afterwards", helper: "plain", variable: "1", before: "input 2\n", written: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "testdata", "folder", "helper.golden")
			if tt.before != "" {
				if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(tt.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			run := func(variable string, args ...string) (string, error) {
				cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"-test.run=^TestUpdateHelper$"}, args...)...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), goldenHelper+"="+tt.helper, replaytest.UpdateVariable+"="+variable)
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			out, err := run(tt.variable, tt.args...)
			if (err == nil) != (tt.want == "") || !strings.Contains(out, tt.want) {
				t.Errorf("%s: %v, output without %q:\n%s", tt.reason, err, tt.want, out)
			}
			text, err := os.ReadFile(file)
			if tt.written != (err == nil && strings.HasPrefix(string(text), "input 1\n")) {
				t.Errorf("%s: the file is %q, %v", tt.reason, text, err)
			}
			if tt.written {
				if out, err := run(""); err != nil {
					t.Errorf("the file that was written does not fit: %v\n%s", err, out)
				}
			}
		})
	}
}
