// Command report measures each row and prints it in the format of Go's benchmarks, for benchstat,
// and after that each goal and whether it held in this run.
//
//	go run ./replay/bench/report                     everything, three times
//	go run ./replay/bench/report -row Replay         the rows whose name contains Replay
//	go run ./replay/bench/report -quick              only to see that it works
//	go run ./replay/bench/report -check              fails if a row is slower than a later change may make it
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"

	"github.com/perdure/perdure/replay/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	count := flags.Int("count", 3, "measure each row `n` times")
	name := flags.String("row", "", "only rows whose name contains `text`")
	quick := flags.Bool("quick", false, "little work: the figures mean nothing")
	live := flags.Int("live", 0, "run `n` steps one after the other, instead of 300")
	check := flags.Bool("check", false, "fail if the median of a number is above its limit, which has room for a busy machine")
	if err := flags.Parse(args); err != nil {
		return err
	}
	size := bench.Full()
	if *quick {
		size = bench.Quick()
	}
	if *live > 0 {
		size.Live = *live
	}
	fmt.Fprintf(out, "goos: %s\ngoarch: %s\npkg: github.com/perdure/perdure/replay/bench\ncpus: %d\n",
		runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	var goals, over []string
	for _, row := range bench.Rows() {
		if !strings.Contains(row.Name, *name) {
			continue
		}
		runs := make([][]bench.Metric, 0, *count)
		for range *count {
			metrics, err := row.Measure(ctx, size)
			if err != nil {
				return fmt.Errorf("%s: %w", row.Name, err)
			}
			fmt.Fprintln(out, line(row.Name, metrics))
			runs = append(runs, metrics)
		}
		goals = append(goals, held(row, runs)...)
		over = append(over, above(row, runs)...)
	}
	fmt.Fprintf(out, "\n# Goals: the median of %d runs, the least and the greatest.\n", *count)
	for _, g := range goals {
		fmt.Fprintln(out, "#", g)
	}
	if *check && len(over) > 0 {
		return fmt.Errorf("slower than a change may make it:\n%s", strings.Join(over, "\n"))
	}
	return nil
}

// above says which numbers of a row are above their limits.
func above(row bench.Row, runs [][]bench.Metric) (lines []string) {
	for i, m := range runs[0] {
		if m.Value, _, _ = spread(runs, i); !m.Passes() {
			lines = append(lines, fmt.Sprintf("  %s: %.4g %s, at most %.4g", row.Name, m.Value, m.Unit, m.Limit))
		}
	}
	return lines
}

// spread returns the median, the least and the greatest of the i-th number of all runs.
func spread(runs [][]bench.Metric, i int) (median, least, greatest float64) {
	var values []float64
	for _, metrics := range runs {
		values = append(values, metrics[i].Value)
	}
	slices.Sort(values)
	return values[len(values)/2], values[0], values[len(values)-1]
}

// line is one run as a line of a benchmark.
func line(name string, metrics []bench.Metric) string {
	var b strings.Builder
	fmt.Fprintf(&b, "BenchmarkRows/%s 1", name)
	for _, m := range metrics {
		fmt.Fprintf(&b, "\t%.4g %s", m.Value, m.Unit)
	}
	return b.String()
}

// held says of each goal of a row whether its runs kept it.
func held(row bench.Row, runs [][]bench.Metric) []string {
	lines := []string{row.Name + ": " + row.Means}
	for i, m := range runs[0] {
		if m.Most == 0 {
			continue
		}
		var least, greatest float64
		m.Value, least, greatest = spread(runs, i)
		answer := "held    "
		if !m.Held() {
			answer = "NOT HELD"
		}
		lines = append(lines, fmt.Sprintf("  %s %-28s %10.4g (%.4g to %.4g), at most %.4g",
			answer, m.Unit, m.Value, least, greatest, m.Most))
	}
	return lines
}
