package bench

import (
	"context"
	"os"

	"github.com/perdure/perdure/replay/bench/workload"
)

// workRows are the rows whose work other versions are compared by, too: see the program in compare.
// Each has a yardstick in the same run.
func workRows() []Row {
	x := func(of string) func(workload.Sample) float64 {
		return func(s workload.Sample) float64 { return s[workload.Micros] / s[of] }
	}
	return []Row{
		workRow("First/steps", "first-run", "x-encoding-json/step", x(workload.Yardstick), 5, 7, "µs/step"),
		workRow("First/short", "short", "x-encoding-json/step", x(workload.Yardstick), 20, 35, "µs/invocation"),
		workRow("Nested", "nested", "x-fifth", x(workload.Few), 6, 12, "µs"),
		workRow("Waiting", "waiting", "x-encoding-json/step", x(workload.Yardstick), 6000, 10_000, "µs"),
		workRow("SQLite/input", "sqlite-input", "x-small-input", x(workload.Yardstick), 5, 12, "µs"),
		workRow("SQLite/list", "sqlite-list", "x-small-inputs", x(workload.Yardstick), 1.5, 2, "µs"),
	}
}

// workRow is the row of a work with one ratio, and the time in microseconds.
func workRow(
	name, of, unit string, ratio func(workload.Sample) float64, most, limit float64, micros string,
) Row {
	w, err := workload.Find(of)
	return Row{
		Name: name, Means: w.Means,
		Measure: func(ctx context.Context, _ Size) ([]Metric, error) {
			if err != nil {
				return nil, err
			}
			folder, err := os.MkdirTemp("", "bench-")
			if err != nil {
				return nil, err
			}
			defer os.RemoveAll(folder)
			measure, err := w.Prepare(ctx, folder)
			if err != nil {
				return nil, err
			}
			s, err := measure(ctx)
			if err != nil {
				return nil, err
			}
			return []Metric{{Unit: unit, Value: ratio(s), Most: most, Limit: limit}, {Unit: micros, Value: s[workload.Micros]}}, nil
		},
	}
}
