package bench

import (
	"context"
	"time"

	"github.com/perdure/perdure/internal/outbox"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// items is how many items the map has, and how many branches are parked when an invocation
// suspends.
const items = 1000

func mapRows() []Row {
	return []Row{{
		Name:  "Map",
		Means: "a map of a thousand steps costs a handful of calls",
		Measure: func(ctx context.Context, _ Size) ([]Metric, error) {
			l, plain := &line{trip: trip}, &line{trip: trip}
			in := make([]int, items)
			pack := op.StepFunc("pack-item", func(_ context.Context, i int) (int, error) { return i, nil })
			event, err := newLog().event()
			if err != nil {
				return nil, err
			}
			took, err := timed(func() error {
				return invoke(ctx, l, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
					b, err := replay.Run(ctx, op.Map("ship", in, pack))
					return b.Len(), err
				}), event, succeeded)
			})()
			if err != nil {
				return nil, err
			}
			var floors []time.Duration
			for range 9 {
				floor, err := timed(func() error { return plain.call(ctx) })()
				if err != nil {
					return nil, err
				}
				floors = append(floors, floor)
			}
			calls, updates, _ := l.count()
			needed := (updates + outbox.MaxUpdates - 1) / outbox.MaxUpdates
			return []Metric{
				{Unit: "calls", Value: float64(calls), Most: float64(needed + 3), Limit: float64(needed + 3)},
				{Unit: "updates", Value: float64(updates)},
				{Unit: "round-trips", Value: ratio(took, median(floors)), Most: float64(needed + 3)},
			}, nil
		},
	}}
}
