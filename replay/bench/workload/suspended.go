package workload

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// settled is how long the last branch runs on, so that the others have parked before it.
const settled = 100 * time.Millisecond

func suspended() []Work {
	return []Work{{
		Name:  "suspend",
		Means: "a thousand branches that wait, from the last line that runs to the answer, against goroutines that end",
		Prepare: func(ctx context.Context, _ string) (Measure, error) {
			event, err := suspendedEvent(ctx, waitingGroups(nil))
			if err != nil {
				return nil, err
			}
			var last time.Time
			f := waitingGroups(func() {
				time.Sleep(settled) // all others have parked
				last = time.Now()
			})
			return func(ctx context.Context) (Sample, error) {
				var floor, took time.Duration
				for i := range tries {
					plain := goexits(branches)
					if err := invoke(ctx, new(client), f, event, pending); err != nil {
						return nil, err
					}
					worked := time.Since(last)
					if i == 0 || plain < floor {
						floor = plain
					}
					if i == 0 || worked < took {
						took = worked
					}
				}
				return Sample{
					Micros: float64(took) / float64(time.Microsecond), Yardstick: float64(floor) / float64(time.Microsecond),
				}, nil
			}, nil
		},
	}}
}

// goexits returns how long it takes to end goroutines that wait for one channel, with nothing on
// their stacks.
func goexits(n int) time.Duration {
	gate := make(chan struct{})
	var ready, group sync.WaitGroup
	ready.Add(n)
	for range n {
		group.Go(func() {
			ready.Done()
			<-gate
			runtime.Goexit()
		})
	}
	ready.Wait()
	for range 10 {
		runtime.Gosched() // so that they have parked
	}
	began := time.Now()
	close(gate)
	group.Wait()
	return time.Since(began)
}
