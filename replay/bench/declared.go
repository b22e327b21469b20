package bench

import (
	"context"
	"time"

	"github.com/perdure/perdure/internal/cputime"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// declaredRows replay steps that are declared changes, and the same steps without a declaration.
func declaredRows() []Row {
	run := func(ctx op.Context, o op.Op[string]) error {
		_, err := replay.Run(ctx, o)
		return err
	}
	return []Row{
		declaredRow("added", func(ctx op.Context, name string) error { return run(ctx, op.Added(says(name), "")) }),
		declaredRow("new-side", func(ctx op.Context, name string) error { return run(ctx, op.Replaces(says(name), says("was-"+name))) }),
		declaredRow("old-side", func(ctx op.Context, name string) error { return run(ctx, op.Replaces(says("new-"+name), says(name))) }),
		declaredRow("was", func(ctx op.Context, name string) error { return run(ctx, says("new-"+name).Was(name)) }),
		declaredRow("removed", func(ctx op.Context, name string) error {
			_, err := replay.Run(ctx, op.Removed(says(name)))
			return err
		}),
	}
}

// says is a step that results in its name.
func says(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return name, nil })
}

// declaredRow compares steps that are run by declared with those that are run as they are, by the
// time of processors.
func declaredRow(name string, declared func(ctx op.Context, name string) error) Row {
	return Row{
		Name:  "Declared/" + name,
		Means: "what a declared change costs when it is replayed: a step with it is compared with one without",
		Measure: func(ctx context.Context, size Size) ([]Metric, error) {
			l := newLog()
			names := make([]string, min(size.Steps, 500))
			for i := range names {
				_, names[i], _ = byNames(i)
				l.step("", names[i], "", 0, text(100))
			}
			event, err := l.event()
			if err != nil {
				return nil, err
			}
			replayed := func(run func(ctx op.Context, name string) error) func() (time.Duration, error) {
				f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					for _, name := range names {
						if err := run(ctx, name); err != nil {
							return op.None{}, err
						}
					}
					return replay.Run(ctx, op.Wait("next", time.Hour))
				})
				return func() (spent time.Duration, err error) {
					spent = cputime.Of(func() { err = invoke(ctx, new(line), f, event, pending) })
					return spent, err
				}
			}
			plain := func(ctx op.Context, name string) error {
				_, err := replay.Run(ctx, says(name))
				return err
			}
			worked, floor, err := turns(size.Turns*size.Turns, replayed(declared), replayed(plain))
			if err != nil {
				return nil, err
			}
			return []Metric{
				{Unit: "x-undeclared", Value: ratio(worked, floor), Most: 1.5, Limit: 1.9},
				{Unit: "undeclared-µs/step", Value: float64(floor) / float64(time.Microsecond) / float64(len(names))},
			}, nil
		},
	}
}
