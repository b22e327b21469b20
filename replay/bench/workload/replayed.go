package workload

import (
	"context"
	"encoding/json"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

const (
	// steps is how many steps are replayed.
	steps = 2800
	// resultBytes is how many bytes the result of each has as JSON.
	resultBytes = 100
	// atRest is how long a timer may go on that an invocation has left, which holds what it knew.
	atRest = 200 * time.Millisecond
)

// eventJSON is the least that encoding/json can be asked to do with an event of steps.
type eventJSON struct {
	DurableExecutionArn   string
	CheckpointToken       string
	InitialExecutionState struct {
		Operations []struct {
			ID          string `json:"Id"`
			ParentID    string `json:"ParentId"`
			Name        string
			Type        string
			SubType     string
			Status      string
			Start       int64 `json:"StartTimestamp"`
			End         int64 `json:"EndTimestamp"`
			StepDetails *struct {
				Attempt int
				Result  string
			}
		}
		NextMarker string
	}
}

func replayed() []Work {
	return []Work{{
		Name:  "replay",
		Means: "2,800 steps of 100 B, from the bytes of the event to the next operation; a step",
		Prepare: func(ctx context.Context, _ string) (Measure, error) {
			result := strings.Repeat("x", resultBytes-len(`""`))
			builders := make([]op.Builder[int, string], steps)
			for i := range builders {
				builders[i] = op.StepFunc("charge-card-"+strconv.Itoa(i), func(context.Context, int) (string, error) { return result, nil })
			}
			read := thenWait(builders, func(ctx op.Context, o op.Op[string]) error {
				_, err := replay.Run(ctx, o)
				return err
			}, nil)
			event, err := suspendedEvent(ctx, read)
			if err != nil {
				return nil, err
			}
			var inside float64
			unread := thenWait(builders, replay.Exec, func() { inside = min(heapInUse(), heapInUse(), heapInUse()) })
			return func(ctx context.Context) (Sample, error) {
				time.Sleep(atRest)
				before := heapInUse()
				if err := invoke(ctx, new(client), unread, event, pending); err != nil {
					return nil, err
				}
				work := func() error { return invoke(ctx, new(client), read, event, pending) }
				decoded, err := best(func() error {
					var e eventJSON
					return json.Unmarshal(event, &e) //nolint:musttag // the fields are named as on the wire
				})
				if err != nil {
					return nil, err
				}
				took, err := best(work)
				if err != nil {
					return nil, err
				}
				made := allocations(func() { err = work() })
				if err != nil {
					return nil, err
				}
				return Sample{
					Micros: took / steps, Yardstick: decoded / steps, Allocs: made / steps,
					Heap: 1 + max(0, inside-before)/float64(len(event)),
				}, nil
			}, nil
		},
	}}
}

// thenWait is a handler that runs steps and then waits. before is called before the wait.
func thenWait(
	builders []op.Builder[int, string], run func(op.Context, op.Op[string]) error, before func(),
) *replay.Function[op.None, op.None] {
	return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for i, b := range builders {
			if err := run(ctx, b(i)); err != nil {
				return op.None{}, err
			}
		}
		if before != nil {
			before()
		}
		return replay.Run(ctx, op.Wait("next", time.Hour))
	})
}

// allocations is how often f allocates.
func allocations(f func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs)
}

func heapInUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
