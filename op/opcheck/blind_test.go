package opcheck_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/op/opcheck/check"
)

// The services in testdata/mod/blind were written by an engineer who had not seen the rules, with a
// mistake each in thirty places. When they were first checked, 15 were found; eight more led to
// rules that follow more. testdata/blind.tsv has the number of each, where it was made, where it is
// reported and by which rule, and what it is: what no rule finds has a dash.
func TestBlindMistakes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds the tool")
	}
	found, err := check.Run(context.Background(), check.Config{
		Dir: testModule(t), Patterns: []string{"./blind/..."}, Tool: buildTool(t), Env: append(os.Environ(), "GOWORK=off"), Err: os.Stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("testdata", "blind.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	planted, seen := 0, 0
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 5 {
			t.Fatalf("blind.tsv: %q: want number, place, place of the finding, rule and what it is", line)
		}
		planted++
		if fields[3] == "-" {
			t.Logf("not found: %s: %s", fields[1], fields[4])
			continue
		}
		if !slices.ContainsFunc(found, func(f check.Finding) bool {
			return fmt.Sprintf("%s:%d", f.File, f.Line) == "blind/"+fields[2] && f.Rule == fields[3]
		}) {
			t.Errorf("mistake %s: %s reports nothing at %s: %s", fields[0], fields[3], fields[2], fields[4])
			continue
		}
		seen++
	}
	t.Logf("%d of %d mistakes are found", seen, planted)
	if planted != 30 || seen < 23 {
		t.Errorf("%d of %d mistakes are found, want at least 23 of 30", seen, planted)
	}
}
