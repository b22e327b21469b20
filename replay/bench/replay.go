package bench

import (
	"context"
	"encoding/json"
	"runtime"
	"strconv"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
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

func replayRows() []Row {
	const kilobyte = 1 << 10
	small := replayGoals{ratio: 0.4, micros: 2, allocs: 3, limit: 0.7}
	return []Row{
		replayRow("100B", byNames, 100, small),
		replayRow("100B-occurrences", byOccurrences, 100, replayGoals{allocs: 3, limit: 0.7}),
		replayRow("100B-keys", byKeys, 100, replayGoals{allocs: 4, limit: 0.8}),
		replayRow("2KB", byNames, 2*kilobyte, replayGoals{limit: 0.5}),
		replayRow("33KB", byNames, 33*kilobyte, replayGoals{limit: 0.5}),
	}
}

// replayGoals are the goals of a replay, and the limit of the ratio, which stands for the time.
type replayGoals struct{ ratio, micros, allocs, limit float64 }

// shape is how a handler distinguishes its steps. It returns the i-th one, and its name and key.
type shape func(i int) (b op.Builder[int, string], name, key string)

func echo(context.Context, int) (string, error) { return "", nil }

// byNames is a handler that reads from top to bottom.
func byNames(i int) (b op.Builder[int, string], name, key string) {
	name = "charge-card-" + strconv.Itoa(i)
	return op.StepFunc(name, echo), name, ""
}

// byOccurrences is one name in a loop.
func byOccurrences(int) (b op.Builder[int, string], name, key string) {
	return op.StepFunc("charge-card", echo), "charge-card", ""
}

// byKeys is one name in a loop over items.
func byKeys(i int) (b op.Builder[int, string], name, key string) {
	key = "SKU-" + strconv.Itoa(i)
	step := op.StepFunc("charge-card", echo)
	return func(in int) op.Op[string] { return step(in).Key(key) }, "charge-card", key
}

// replayRow is a log of steps that have succeeded with results of that many bytes, from the bytes
// of the event to the next operation.
func replayRow(name string, of shape, bytes int, goals replayGoals) Row {
	return Row{
		Name:  "Replay/" + name,
		Means: "what an invocation spends before it does something new",
		Measure: func(ctx context.Context, size Size) ([]Metric, error) {
			steps := min(size.Steps, size.Payload/bytes)
			builders, event, err := completed(steps, bytes, of)
			if err != nil {
				return nil, err
			}
			read := stepsThenWait(builders, func(ctx op.Context, o op.Op[string]) error {
				_, err := replay.Run(ctx, o)
				return err
			}, nil)
			work := func() error { return invoke(ctx, new(line), read, event, pending) }
			worked, floor, err := turns(size.Turns, timed(work), timed(func() error {
				var e eventJSON
				return json.Unmarshal(event, &e) //nolint:musttag // the fields are named as on the wire
			}))
			if err != nil {
				return nil, err
			}
			heap, err := liveHeap(ctx, builders, event)
			if err != nil {
				return nil, err
			}
			n := float64(steps)
			metrics := []Metric{
				{Unit: "x-encoding-json", Value: ratio(worked, floor), Most: goals.ratio, Limit: goals.limit},
				{Unit: "µs/step", Value: float64(worked) / float64(time.Microsecond) / n, Most: goals.micros},
				{Unit: "encoding-json-µs/step", Value: float64(floor) / float64(time.Microsecond) / n},
				{Unit: "allocs/step", Value: allocations(func() { err = work() }) / n, Most: goals.allocs, Limit: goals.allocs},
				{Unit: "live-heap/event", Value: heap},
			}
			if bytes > 32<<10 && steps >= 1000 {
				metrics[4].Most = 1.3
			}
			return metrics, err
		},
	}
}

// completed returns steps and the event of an execution in which they have succeeded.
func completed(steps, bytes int, of shape) ([]op.Builder[int, string], []byte, error) {
	l := newLog()
	result := text(bytes)
	builders := make([]op.Builder[int, string], steps)
	occurrences := make(map[string]int)
	for i := range builders {
		b, name, key := of(i)
		builders[i] = b
		l.step("", name, key, occurrences[name+key], result)
		occurrences[name+key]++
	}
	event, err := l.event()
	return builders, event, err
}

// stepsThenWait is a handler that runs steps and then waits. before is called before the wait.
func stepsThenWait(
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

// atRest is how long a timer may go on that an invocation has left, which holds what it knew.
const atRest = 200 * time.Millisecond

// liveHeap is what lives on the heap when steps were replayed whose results no one used, the event
// included, as a multiple of the event.
func liveHeap(ctx context.Context, builders []op.Builder[int, string], event []byte) (float64, error) {
	var inside uint64
	f := stepsThenWait(builders, replay.Exec, func() {
		inside = min(heapInUse(), heapInUse(), heapInUse()) // a watchdog that looks meanwhile holds a dump of stacks
	})
	time.Sleep(atRest)
	before := heapInUse()
	err := invoke(ctx, new(line), f, event, pending)
	grown := max(0, float64(inside)-float64(before))
	return 1 + grown/float64(len(event)), err
}

// allocations is how often f allocates.
func allocations(f func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs)
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
