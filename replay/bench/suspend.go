package bench

import (
	"context"
	"runtime"
	"strconv"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// settled is how long the last branch runs on, so that the others have parked before it.
const settled = 100 * time.Millisecond

func suspendRows() []Row {
	return []Row{
		{
			Name:  "Suspend/scope",
			Means: "from the last line that runs to the answer",
			Measure: func(ctx context.Context, size Size) ([]Metric, error) {
				l := newLog()
				waiting(l, "")
				var last time.Time
				f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					last = time.Now()
					return replay.Run(ctx, op.Wait("next", time.Hour))
				})
				worked, floor, err := suspend(ctx, size, l, f, 1, func() time.Time { return last })
				return []Metric{
					{Unit: "µs", Value: float64(worked) / float64(time.Microsecond), Most: 100},
					{Unit: "x-goexit", Value: ratio(worked, floor)},
				}, err
			},
		},
		{
			Name:  "Suspend/branches",
			Means: "a thousand branches that wait end about as fast as plain goroutines",
			Measure: func(ctx context.Context, size Size) ([]Metric, error) {
				l := newLog()
				batch := l.add("", openContext("ship", "Map"))
				in := make([]int, items)
				for i := range in {
					waiting(l, l.item(batch, i))
				}
				var last time.Time
				for i := range in {
					in[i] = i
				}
				each := op.GroupFunc("item", func(ctx op.Context, i int) (op.None, error) {
					if i == items-1 {
						time.Sleep(settled) // all others have parked
						last = time.Now()
					}
					return replay.Run(ctx, op.Wait("next", time.Hour))
				})
				f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					return op.None{}, replay.Exec(ctx, op.Map("ship", in, each))
				})
				before := runtime.NumGoroutine()
				worked, floor, err := suspend(ctx, size, l, f, items, func() time.Time { return last })
				if err != nil {
					return nil, err
				}
				deep := goexits{goroutines: items, frames: branchFrames, guards: branchGuards}
				cold := deep
				cold.cold = true
				inCache, notInCache, err := turns(3*size.Turns, deep.measure, cold.measure)
				return []Metric{
					{Unit: "x-goexit", Value: ratio(worked, floor), Most: 4, Limit: 12},
					{Unit: "x-goexit-same-stack", Value: ratio(worked, inCache)},
					{Unit: "x-goexit-same-stack-cold", Value: ratio(worked, notInCache)},
					{Unit: "µs", Value: float64(worked) / float64(time.Microsecond)},
					{Unit: "goexit-µs", Value: float64(floor) / float64(time.Microsecond)},
					{Unit: "goroutines-left", Value: float64(goroutinesAbove(before)), Most: 1e-9, Limit: 1e-9},
				}, err
			},
		},
	}
}

// suspend measures from last, the time of the last line that runs, to the answer. The yardstick is
// one channel that is closed, as many goroutines that end by Goexit, and one WaitGroup.
func suspend(
	ctx context.Context, size Size, l *log, f *replay.Function[op.None, op.None], goroutines int, last func() time.Time,
) (worked, floor time.Duration, err error) {
	event, err := l.event()
	if err != nil {
		return 0, 0, err
	}
	return turns(3*size.Turns, func() (time.Duration, error) {
		err := invoke(ctx, new(line), f, event, pending)
		return time.Since(last()), err
	}, goexits{goroutines: goroutines}.measure)
}

// goroutinesAbove is how many goroutines there are more than before, when those that are about to
// end had the time to.
func goroutinesAbove(before int) int {
	for began := time.Now(); runtime.NumGoroutine() > before && time.Since(began) < time.Second; {
		runtime.Gosched()
	}
	return max(0, runtime.NumGoroutine()-before)
}

// openContext is a context that has not ended.
func openContext(name, subType string) checkpoint.Operation {
	return checkpoint.Operation{Name: name, Kind: checkpoint.KindContext, SubType: subType, Status: checkpoint.StatusStarted}
}

// item appends an open item of a map and returns its ID.
func (l *log) item(batch string, index int) string {
	o := openContext("item-"+strconv.Itoa(index), "MapIteration")
	o.ID, o.ParentID, o.Start = oplog.ID(batch, "item", "", index), batch, epoch()
	*l = append(*l, o)
	return o.ID
}

// waiting adds a wait that goes on for long.
func waiting(l *log, scope string) {
	l.add(scope, checkpoint.Operation{
		Name: "next", Kind: checkpoint.KindWait, SubType: "Wait", Status: checkpoint.StatusStarted,
		Due: time.Now().Add(100 * 24 * time.Hour),
	})
}
