package opcheck_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/perdure/perdure/op/opcheck/check"
)

// The services in testdata/mod/planted were written before the rules, with thirty mistakes, each marked
// where it was made. A mistake is found if something is reported on its line or up to two lines above it,
// where the statement begins that it is part of.
func TestPlantedMistakes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds the tool")
	}
	dir := testModule(t)
	found, err := check.Run(context.Background(), check.Config{
		Dir: dir, Patterns: []string{"./planted/..."}, Tool: buildTool(t), Env: append(os.Environ(), "GOWORK=off"), Err: os.Stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]map[int][]string{}
	for _, f := range found {
		if at[f.File] == nil {
			at[f.File] = map[int][]string{}
		}
		at[f.File][f.Line] = append(at[f.File][f.Line], f.Rule)
	}
	planted, seen := 0, 0
	mark := regexp.MustCompile(`// planted: (\d+) (.*)`)
	err = filepath.WalkDir(filepath.Join(dir, "planted"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			m := mark.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			planted++
			n, _ := strconv.Atoi(m[1])
			rule := plantedRule(n)
			hit := false
			for l := i - 1; l <= i+1; l++ { // lines count from one
				for _, r := range at[file][l] {
					hit = hit || r == rule
				}
			}
			if hit {
				seen++
			} else {
				t.Logf("not found: %s:%d: %s (rule %s)", file, i+1, m[2], rule)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d mistakes are found", seen, planted)
	if planted != 30 || seen < 29 {
		t.Errorf("%d of %d mistakes are found, want at least 29 of 30", seen, planted)
	}
}

// plantedRule is the rule that a mistake belongs to.
func plantedRule(n int) string {
	return []string{
		"", "clock", "environ", "random", "maporder", "bodywrite", "unregistered", "lossy", "repeatcharge", "clock", "neverrun",
		"invocation", "deferred", "loopkey", "random", "constname", "bodywrite", "dropped", "files", "once", "lock",
		"concurrency", "secretlog", "outercontext", "blocking", "ignorescontext", "bodywrite", "unstablekey", "future", "maporder",
		"undoreads",
	}[n]
}
