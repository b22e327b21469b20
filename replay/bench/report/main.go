// Command report measures each row and prints it in the format of Go's benchmarks, for benchstat,
// and after that each goal and whether it held in this run.
//
//	go run ./replay/bench/report                     everything, three times
//	go run ./replay/bench/report -row Replay         the rows whose name contains Replay
//	go run ./replay/bench/report -quick              only to see that it works
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
	live := flags.Int("live", 0, "run so many steps one after the other, instead of 300")
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
	var goals []string
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
	}
	fmt.Fprintf(out, "\n# Goals: the median of %d runs, the least and the greatest.\n", *count)
	for _, g := range goals {
		fmt.Fprintln(out, "#", g)
	}
	return nil
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
		var values []float64
		for _, metrics := range runs {
			values = append(values, metrics[i].Value)
		}
		slices.Sort(values)
		m.Value = values[len(values)/2]
		answer := "held    "
		if !m.Held() {
			answer = "NOT HELD"
		}
		lines = append(lines, fmt.Sprintf("  %s %-28s %10.4g (%.4g to %.4g), at most %.4g",
			answer, m.Unit, m.Value, values[0], values[len(values)-1], m.Most))
	}
	return lines
}
