package replay_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	updateTraces = flag.Bool("update", false, "rewrite the outputs of the traces in testdata/traces")
	traceRounds  = flag.Int("traces", 1, "how often each trace is played, in another order each time")
)

// traceScript is a file of testdata/traces: see the README there.
type traceScript struct {
	path, text string
	// head are the comments that it begins with; inputs the lines before the signs that outputs
	// follow.
	head   string
	inputs []string
}

// readTrace reads a script. Blocks are separated by empty lines; a line "----" in a block separates
// the input from what came of it.
func readTrace(t *testing.T, path string) *traceScript {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &traceScript{path: path, text: string(b)}
	head, rest, _ := strings.Cut(s.text, "\n\n")
	s.head = head + "\n"
	for block := range strings.SplitSeq(strings.TrimSpace(rest), "\n\n") {
		input, _, _ := strings.Cut(block, "\n----\n")
		s.inputs = append(s.inputs, strings.TrimSuffix(input, "\n----"))
	}
	if !strings.HasPrefix(s.head, "# Rule: ") {
		t.Errorf("%s: the first line does not name the rule: %q", path, s.head)
	}
	return s
}

// Each script is an execution, from inputs to outputs: what the engine does with them is the same
// each time, byte for byte, in any order of the scripts and on any number of processors.
func TestTraces(t *testing.T) { //nolint:paralleltest // the order is drawn
	paths, err := filepath.Glob("testdata/traces/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no traces: %v", err)
	}
	for range *traceRounds { //nolint:paralleltest // as above
		rand.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		for _, path := range paths {
			s := readTrace(t, path)
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
				got := playTrace(t, s)
				if *updateTraces {
					if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if _, what, bad := strings.Cut(got, scriptError); bad {
					what, _, _ = strings.Cut(what, "\n")
					t.Errorf("%s: an input cannot be carried out: %s", path, what)
					return
				}
				if got == s.text || *updateTraces {
					return
				}
				t.Errorf("%s: what comes of it has changed (-want +got); if it is meant, run with -update and read the diff:\n%s",
					path, cmp.Diff(strings.Split(s.text, "\n"), strings.Split(got, "\n")))
			})
		}
	}
}
