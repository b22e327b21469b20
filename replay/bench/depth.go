package bench

import (
	"context"
	"strconv"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// levels is how deep the groups of the deep execution are.
const levels = 10

// few is how many operations the deep execution is compared with.
const few = 1000

func depthRows() []Row {
	return []Row{
		{
			Name:  "Depth/replay",
			Means: "a long log costs what its operations cost, one by one",
			Measure: func(ctx context.Context, size Size) ([]Metric, error) {
				return linear(size, func(n int) (func() error, error) {
					event, err := nestedLog(n).event()
					f := nestedSteps(n)
					return func() error { return invoke(ctx, new(line), f, event, pending) }, err
				})
			},
		},
		{
			Name:  "Depth/first",
			Means: "a long execution costs what its operations cost, one by one, when it runs for the first time",
			Measure: func(ctx context.Context, size Size) ([]Metric, error) {
				event, err := newLog().event()
				if err != nil {
					return nil, err
				}
				return linear(size, func(n int) (func() error, error) {
					f := nestedSteps(n)
					return func() error { return invoke(ctx, new(line), f, event, pending) }, nil
				})
			},
		},
		{
			Name:  "Depth/live",
			Means: "the same on the local service",
			Measure: func(ctx context.Context, size Size) ([]Metric, error) {
				return linear(size, func(n int) (func() error, error) {
					f := nestedSteps(n)
					return func() error { return liveNested(ctx, f) }, nil
				})
			},
		},
	}
}

// linear compares the time per operation of an execution of many with that of one of few. Each is
// the best of its turns.
func linear(size Size, prepare func(n int) (func() error, error)) ([]Metric, error) {
	best := make(map[int]float64)
	for range max(1, size.Turns/2) {
		for _, n := range []int{few, size.Nested} {
			f, err := prepare(n)
			if err != nil {
				return nil, err
			}
			heapInUse() // what others have left behind is not this row's
			// As many operations for both, so that neither is luckier.
			again := max(1, size.Nested/n)
			took, err := timed(func() error {
				for range again {
					if err := f(); err != nil {
						return err
					}
				}
				return nil
			})()
			if err != nil {
				return nil, err
			}
			each := float64(took) / float64(n*again)
			if best[n] == 0 || each < best[n] {
				best[n] = each
			}
		}
	}
	return []Metric{
		{Unit: "x-1000-operations", Value: best[size.Nested] / best[few], Most: 1.2, Limit: 1.8},
		{Unit: "ns/operation", Value: best[size.Nested]},
	}, nil
}

// stepsPerLevel is how many steps each level of n operations has, beside its group.
func stepsPerLevel(n int) int { return n/levels - 1 }

// nestedLog is the log of nestedSteps when all steps are done.
func nestedLog(n int) *log {
	l := newLog()
	scope := ""
	for level := range levels {
		for i := range stepsPerLevel(n) {
			l.step(scope, "charge-card-"+strconv.Itoa(i), "", 0, text(100))
		}
		scope = l.add(scope, checkpoint.Operation{
			Name: "level-" + strconv.Itoa(level), Kind: checkpoint.KindContext, SubType: "RunInChildContext",
			Status: checkpoint.StatusStarted,
		})
	}
	return l
}

// nestedSteps is a handler with steps in groups in groups, which waits in the innermost one.
func nestedSteps(n int) *replay.Function[op.None, op.None] {
	result := "x"
	builders := make([]op.Builder[int, string], stepsPerLevel(n))
	for i := range builders {
		builders[i] = op.StepFunc("charge-card-"+strconv.Itoa(i), func(context.Context, int) (string, error) { return result, nil })
	}
	var level func(ctx op.Context, depth int) (op.None, error)
	level = func(ctx op.Context, depth int) (op.None, error) {
		if depth == levels {
			return replay.Run(ctx, op.Wait("next", time.Hour))
		}
		for i, b := range builders {
			if _, err := replay.Run(ctx, b(i)); err != nil {
				return op.None{}, err
			}
		}
		return replay.Run(ctx, op.Group("level-"+strconv.Itoa(depth), func(ctx op.Context) (op.None, error) {
			return level(ctx, depth+1)
		}))
	}
	return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return level(ctx, 0) })
}

// liveNested runs the function on a service of its own until it waits.
func liveNested(ctx context.Context, f *replay.Function[op.None, op.None]) error {
	s := local.New(local.WithClock(local.NewVirtualClock(epoch())), local.WithLimits(local.Limits{Operations: 1 << 20}))
	defer s.Close()
	if err := s.Host("deep", f); err != nil {
		return err
	}
	e, err := s.Start(ctx, "deep", "", nil)
	if err != nil {
		return err
	}
	return e.RunUntilSuspended(ctx)
}
