package main

import (
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oldlogs"
	"github.com/perdure/perdure/replay"
)

// TestOldLogs: refunds that an earlier engine has begun are paid and closed.
func TestOldLogs(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	program := func(name, input string, outside oldlogs.Outside) oldlogs.Program {
		return oldlogs.Program{
			Name: name,
			New: func(oldlogs.World) oldlogs.Functions {
				return oldlogs.Functions{Function: replay.Handler(process, replay.WithDivergence(replay.DivergenceHold))}
			},
			Prepare: func() ([]byte, oldlogs.Outside) { return []byte(input), outside },
		}
	}
	oldlogs.Test(t, "testdata/oldlogs", []oldlogs.Program{
		program("little", `{"id":"R-1","cents":500}`, nil),
		program("much", `{"id":"R-2","cents":10001}`, func(callback checkpoint.Operation, number int, _ time.Time) (oldlogs.Answer, bool) {
			return oldlogs.Answer{At: callback.Start.Add(day), Result: []byte(`"Ann"`)}, number == 0
		}),
		program("nobody answers", `{"id":"R-3","cents":20000}`, nil),
	}, oldlogs.Expected{
		Logs:      24,
		Names:     "their names are kept apart from those of registrations by now",
		Callbacks: "errors of groups name the callback that failed inside by now",
	})
}
