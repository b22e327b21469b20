// Command compare measures how much faster the checkout is than an earlier commit. It builds the
// same work with both, lets the two programs take turns, and prints the ratios, which mean
// something on a busy machine too.
//
//	go run ./replay/bench/compare                       every goal, nine turns each
//	go run ./replay/bench/compare -work sqlite          the goals of work whose name contains sqlite
//	go run ./replay/bench/compare -base HEAD            what has not been committed
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/perdure/perdure/replay/bench/workload"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	missed, err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
	if missed {
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (missed bool, err error) {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	base := flags.String("base", "eef98b7", "compare with this `commit`")
	turns := flags.Int("turns", 9, "measure `n` times with each")
	name := flags.String("work", "", "only work whose name contains `text`")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	folder, err := os.MkdirTemp("", "compare-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(folder)
	old, fresh, err := build(ctx, folder, *base)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(out, "%s %s/%s, %d processors; new: this checkout, old: %s; %d turns\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *base, *turns)
	fmt.Fprintln(out, header)
	for _, w := range workload.All() {
		if !strings.Contains(w.Name, *name) {
			continue
		}
		pairs, err := compete(ctx, w.Name, filepath.Join(folder, w.Name), old, fresh, *turns)
		if err != nil {
			return false, fmt.Errorf("%s: %w", w.Name, err)
		}
		for _, g := range goals() {
			if g.work != w.Name {
				continue
			}
			line, held := g.judge(pairs)
			fmt.Fprintln(out, line)
			missed = missed || !held
		}
	}
	return missed, nil
}
