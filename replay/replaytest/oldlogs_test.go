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

// TestOldLogs: what earlier engines have begun, this one ends. CONTRIBUTING.md says what the
// histories protect, and how one is added.
func TestOldLogs(t *testing.T) {
	t.Parallel()
	var programs []oldlogs.Program
	for _, name := range slices.Sorted(maps.Keys(corpus())) {
		if unrecorded()[name] != "" {
			continue
		}
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
	oldlogs.Test(t, "testdata/oldlogs", programs, oldlogs.Expected{
		Logs: 600,
		Exceptions: []oldlogs.Exception{
			{Program: "the hour is cancelled", Cut: "call 5", Reason: started},
			{Program: "enough", Cut: "call 10", Reason: started},
		},
		Envelopes: "they hold the identities of named branches by now",
		Names:     "their names are kept apart from those of registrations by now",
		Callbacks: "errors of groups name the callback that failed inside by now",
		Winners:   "of branches that end at the same time the one with the lower index ends first by now, where chance decided",
	})
}

// started is why engine 1 was wrong where a batch had ended before it was lost.
const started = "how many branches count as started depended on where the function was lost"

// unrecorded says of programs why there is no history of them that is to be kept.
func unrecorded() map[string]string {
	const lost = "engine 1 lost the compensation"
	const chance = "under engine 1 chance decided how it ended"
	// The histories are of one execution, and their clients start no other one.
	const starts = "it starts an execution"
	return map[string]string{
		"starts": starts, "starts beside each other": starts, "a start that is tried again": starts,
		"continues": starts, "continues when all has ended": starts, "continues by an alias, and starts": starts,
		"a step again and again": lost, "a step within a time": lost, "a group beside a failure": lost,
		"a step in a group that was abandoned after a large map": lost,
		"a place of one that was left behind":                    chance, "two may win": chance, "polls for several ends": chance,
	}
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
