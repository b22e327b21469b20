package perdure_test

import (
	"context"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oldlogs"
	"github.com/perdure/perdure/replay"
)

// TestOldLogs: orders of the package's example that an earlier engine has begun are processed to
// their end.
func TestOldLogs(t *testing.T) {
	t.Parallel()
	asked := shop{ask: func(context.Context, string) error { return nil }}
	program := func(name, input string) oldlogs.Program {
		return oldlogs.Program{
			Name: name,
			New: func(oldlogs.World) oldlogs.Functions {
				return oldlogs.Functions{Function: replay.Handler(asked.processOrder)}
			},
			Prepare: func() ([]byte, oldlogs.Outside) {
				return []byte(input), func(callback checkpoint.Operation, number int, _ time.Time) (oldlogs.Answer, bool) {
					return oldlogs.Answer{At: callback.Start.Add(time.Hour), Result: []byte(`{"By":"Ada"}`)}, number == 0
				}
			},
		}
	}
	oldlogs.Test(t, "testdata/oldlogs", []oldlogs.Program{
		program("small", `{"ID":"A-1","Items":["tea","pot"],"Total":42}`),
		program("approved", `{"ID":"A-2","Items":["tea","pot"],"Total":900}`),
		program("declined", `{"ID":"A-3","Items":["gear"],"Total":1799000}`),
	}, oldlogs.Expected{Logs: 48, Names: "their names are kept apart from those of registrations by now"})
}
