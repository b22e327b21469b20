package conformance_test

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/oldlogs"
	"github.com/perdure/perdure/op"

	"github.com/perdure/perdure/replay/conformance"
	"github.com/perdure/perdure/replay/conformance/handlers"
)

// TestOldLogs: what earlier engines have begun of the functions of requirements, this one ends. The
// requirements themselves are read only to record a history; CONTRIBUTING.md says how.
func TestOldLogs(t *testing.T) {
	t.Parallel()
	var programs []oldlogs.Program
	for _, table := range []func(w handlers.World) map[string]lambda.Handler{handlers.Table, own} {
		for _, id := range slices.Sorted(maps.Keys(table(handlers.World{}))) {
			if strings.HasPrefix(id, "otel-") || strings.HasPrefix(id, "telemetry-") {
				continue // what they are for, spans and records of executions, is in no log
			}
			p := oldlogs.Program{Name: id, Racy: racy()[id], New: func(w oldlogs.World) oldlogs.Functions {
				m := &world{World: w, counters: make(map[string]int)}
				f := oldlogs.Functions{Function: table(m.handlers())[id], Hosts: make(map[string]local.Handler)}
				for name, target := range handlers.Targets() {
					f.Hosts[name] = target
				}
				return f
			}}
			if os.Getenv(oldlogs.Record) != "" {
				p.Prepare = prepare(t, id)
			}
			programs = append(programs, p)
		}
	}
	oldlogs.Test(t, "testdata/oldlogs", programs, oldlogs.Expected{
		Logs:      540,
		Envelopes: "they hold the identities of named branches by now",
		Names:     "their names are kept apart from those of registrations by now",
		Callbacks: "errors of groups name the callback that failed inside by now",
		Winners:   "of branches that end at the same time the one with the lower index ends first by now, where chance decided",
	})
}

// racy says of functions why they may end in several ways.
func racy() map[string]string { return nil }

// prepare reads what the function of a requirement is given, and how its callbacks are answered.
func prepare(t *testing.T, id string) func() (input []byte, answer oldlogs.Outside) {
	t.Helper()
	q := requirement(t, id)
	return func() ([]byte, oldlogs.Outside) {
		vars, err := conformance.NewVars(q.Variables, seed)
		if err != nil {
			t.Fatal(err)
		}
		input, err := conformance.InputOf(q, vars)
		if err != nil {
			t.Fatal(err)
		}
		outside := conformance.NewOutside(q, vars)
		return []byte(input), func(callback checkpoint.Operation, _ int, now time.Time) (a oldlogs.Answer, ok bool) {
			act, at, payload, ok := outside.Next(callback.Name, now)
			a.At = at
			switch {
			case !ok:
			case act.Operation == "heartbeat":
				a.Heartbeat = true
			case act.Operation == "failure":
				if a.Failure, err = conformance.FailureOf(payload); err != nil {
					t.Fatal(err)
				}
			case payload != "null":
				a.Result = []byte(payload)
			}
			return a, ok
		}
	}
}

// requirement reads the requirement of a function.
func requirement(t *testing.T, id string) *conformance.Requirement {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", id+".yaml"))
	if err == nil {
		q, _ := read(t, string(text))
		return q
	}
	all := requirements(t)
	i := slices.IndexFunc(all, func(q *conformance.Requirement) bool { return q.ID == id })
	if i < 0 {
		t.Fatalf("there is no requirement %s", id)
	}
	return all[i]
}

// world is the machine of one function.
type world struct {
	oldlogs.World

	mu       sync.Mutex // guards what follows
	counters map[string]int
}

func (w *world) handlers() handlers.World {
	return handlers.World{Out: io.Discard, Exit: exit, Sleep: w.sleep, Count: w.count}
}

// exit ends the process of a function.
func exit(ctx context.Context) {
	local.Kill(ctx)
	runtime.Goexit()
}

// sleep lets time pass, and in real time until the start of the operation is in the log.
func (w *world) sleep(ctx context.Context, d time.Duration) {
	w.Clock.Advance(d)
	info, _ := op.InfoFrom(ctx)
	e, ok := w.Service.Execution(info.ExecutionARN)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ok && ctx.Err() == nil {
		if _, started := e.Operation(info.ID); started {
			return
		}
		<-tick.C
	}
}

func (w *world) count(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counters[key]++
	return w.counters[key]
}
