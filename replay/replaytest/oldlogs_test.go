package replaytest_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/oldlogs"
	"github.com/perdure/perdure/replay"
)

// TestOldLogs: what earlier engines have begun, this one ends. CONTRIBUTING.md says what the histories protect,
// and how one is added.
func TestOldLogs(t *testing.T) {
	t.Parallel()
	var programs []oldlogs.Program
	for _, name := range slices.Sorted(maps.Keys(corpus())) {
		p := oldlogs.Program{Name: name, Racy: racy()[name]}
		p.Prepare = func() ([]byte, oldlogs.Outside) { return []byte("1"), outside(name) }
		p.New = func(oldlogs.World) oldlogs.Functions {
			program := corpus()[name] // of its own: some keep what they have seen
			return oldlogs.Functions{
				Function: replay.Handler(program.run, program.set...),
				Hosts:    map[string]local.Handler{"double": double(), "quadruple": quadruple()},
			}
		}
		programs = append(programs, p)
	}
	oldlogs.Test(t, "testdata/oldlogs", programs, oldlogs.Expected{Logs: 450})
}

// outside is what the outside does to the callbacks of a program, as soon as it has suspended.
func outside(program string) oldlogs.Outside {
	answers := map[string]map[string]oldlogs.Answer{
		"callback": {"answer": {Result: []byte("7")}},
		"asked, and refused": {
			"first-callback":  {Result: []byte("1")},
			"second-callback": {Failure: &checkpoint.Failure{Type: "Refused", Message: "no"}},
		},
	}
	return func(callback checkpoint.Operation, number int, now time.Time) (oldlogs.Answer, bool) {
		a, ok := answers[program][callback.Name]
		a.At = now
		return a, ok && number == 0
	}
}

// racy says of programs why they may end in several ways.
func racy() map[string]string {
	return map[string]string{
		"a step against its retries": "whichever step ends first has won",
	}
}
