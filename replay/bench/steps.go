package bench

import (
	"context"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

const (
	// warm is how many steps show how long bodies of their name take.
	warm = 3
	// block is how many steps run between two looks at the yardstick.
	block = 10
)

func sequentialRows() []Row {
	const ms = time.Millisecond
	var rows []Row
	for _, body := range []time.Duration{0, 2 * ms, 9 * ms} {
		rows = append(rows, Row{
			Name:  "Sequential/body=" + body.String(),
			Means: "a step with a body shorter than a round trip takes the body and one round trip",
			Measure: func(ctx context.Context, size Size) ([]Metric, error) {
				s, err := sequence(ctx, size.Live, body, func(ctx context.Context, l *line) error {
					time.Sleep(body)
					return l.call(ctx)
				})
				if err != nil {
					return nil, err
				}
				return []Metric{
					{Unit: "round-trips/step", Value: 1 + float64(s.worked-s.floor)/float64(s.trip), Most: 1.05},
					{Unit: "calls/step", Value: s.calls, Most: 1, Limit: 1.5},
					{Unit: "missing-starts/step", Value: 1 - s.starts, Most: 1e-9, Limit: 1e-9},
				}, nil
			},
		})
	}
	for _, body := range []time.Duration{11 * ms, 15 * ms, 21 * ms, 50 * ms} {
		rows = append(rows, Row{
			Name:  "Sequential/body=" + body.String(),
			Means: "a longer body does not wait for its START",
			Measure: func(ctx context.Context, size Size) ([]Metric, error) {
				s, err := sequence(ctx, size.Live, body, func(ctx context.Context, l *line) error {
					var start sync.WaitGroup
					start.Go(func() { _ = l.call(ctx) })
					time.Sleep(body)
					start.Wait()
					return l.call(ctx)
				})
				if err != nil {
					return nil, err
				}
				return []Metric{
					{Unit: "x-start-at-once", Value: ratio(s.worked, s.floor), Most: 1.05},
					{Unit: "calls/step", Value: s.calls},
					{Unit: "missing-starts/step", Value: 1 - s.starts, Most: 1e-9, Limit: 1e-9},
				}, nil
			},
		})
	}
	return rows
}

// sequenced is what steps one after the other cost, per step. floor is the same without the
// interpreter, trip a round trip.
type sequenced struct {
	worked, floor, trip time.Duration
	calls, starts       float64
}

// sequence runs steps one after the other, and between them, in the handler, the yardstick.
func sequence(
	ctx context.Context, steps int, body time.Duration, yardstick func(context.Context, *line) error,
) (sequenced, error) {
	l, plain := &line{trip: trip}, &line{trip: trip}
	step := op.StepFunc("charge-card", func(_ context.Context, i int) (int, error) {
		if body > 0 {
			time.Sleep(body)
		}
		return i, nil
	})
	var s sequenced
	var calls, starts int
	f := replay.Handler(func(dc op.Context, _ op.None) (op.None, error) {
		var n int
		for ; n < warm; n++ {
			if err := replay.Exec(dc, step(n)); err != nil {
				return op.None{}, err
			}
		}
		calls, _, starts = l.count()
		for n < warm+steps {
			size := min(block, warm+steps-n)
			took, err := timed(func() error {
				for range size {
					if err := replay.Exec(dc, step(n)); err != nil {
						return err
					}
					n++
				}
				return nil
			})()
			if err != nil {
				return op.None{}, err
			}
			s.worked += took
			for range size {
				took, err := timed(func() error { return yardstick(ctx, plain) })()
				if err != nil {
					return op.None{}, err
				}
				s.floor += took
			}
			took, err = timed(func() error { return plain.call(ctx) })()
			if err != nil {
				return op.None{}, err
			}
			s.trip += took * time.Duration(size)
		}
		return op.None{}, nil
	})
	event, err := newLog().event()
	if err != nil {
		return s, err
	}
	err = invoke(ctx, l, f, event, succeeded)
	made, _, began := l.count()
	n := time.Duration(steps)
	s.worked, s.floor, s.trip = s.worked/n, s.floor/n, s.trip/n
	s.calls, s.starts = float64(made-calls)/float64(steps), float64(began-starts)/float64(steps)
	return s, err
}

func relaxedRows() []Row {
	return []Row{{
		Name:  "Relaxed",
		Means: "steps that may be lost together share calls",
		Measure: func(ctx context.Context, size Size) ([]Metric, error) {
			l := &line{trip: trip}
			step := op.StepFunc("charge-card", func(_ context.Context, i int) (int, error) { return i, nil },
				op.WithSemantics(op.Relaxed))
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				for i := range size.Steps {
					if err := replay.Exec(ctx, step(i)); err != nil {
						return op.None{}, err
					}
				}
				return op.None{}, nil
			})
			event, err := newLog().event()
			if err != nil {
				return nil, err
			}
			took, err := timed(func() error { return invoke(ctx, l, f, event, succeeded) })()
			calls, _, starts := l.count()
			n := float64(size.Steps)
			return []Metric{
				{Unit: "calls/step", Value: float64(calls) / n, Most: 0.05, Limit: 0.05},
				{Unit: "missing-starts/step", Value: 1 - float64(starts)/n, Most: 1e-9, Limit: 1e-9},
				{Unit: "µs/step", Value: float64(took) / float64(time.Microsecond) / n},
			}, err
		},
	}}
}

func longRows() []Row {
	return []Row{{
		Name:  "LongBody",
		Means: "the log shows soon that a long body runs",
		Measure: func(ctx context.Context, size Size) ([]Metric, error) {
			var began, seen []time.Time
			l := &line{trip: trip, seen: func(us []checkpoint.Update) {
				if us[0].Action == checkpoint.ActionStart {
					seen = append(seen, time.Now())
				}
			}}
			step := op.StepFunc("render", func(context.Context, int) (int, error) {
				began = append(began, time.Now())
				time.Sleep(5 * trip)
				return 0, nil
			})
			event, err := newLog().event()
			if err != nil {
				return nil, err
			}
			steps := max(2, size.Turns)
			if err := invoke(ctx, l, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				for i := range steps {
					if err := replay.Exec(ctx, step(i)); err != nil {
						return op.None{}, err
					}
				}
				return op.None{}, nil
			}), event, succeeded); err != nil {
				return nil, err
			}
			plain := &line{trip: trip}
			var trips, later []time.Duration
			for i := range steps {
				took, err := timed(func() error { return plain.call(ctx) })()
				if err != nil {
					return nil, err
				}
				trips = append(trips, took)
				if i > 0 {
					later = append(later, seen[i].Sub(began[i]))
				}
			}
			return []Metric{
				{Unit: "round-trips-to-first-start", Value: ratio(seen[0].Sub(began[0]), median(trips)), Most: 3},
				{Unit: "round-trips-to-later-start", Value: ratio(median(later), median(trips)), Most: 1.5},
			}, nil
		},
	}}
}
