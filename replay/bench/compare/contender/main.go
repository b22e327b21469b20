// Command contender measures one kind of work each time a line arrives, for compare, which builds
// it with both versions that it compares.
//
//	contender <work> <empty folder>
//	contender -times 20 -profile cpu.out <work> <empty folder>      where the time goes
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/pprof"
	"strings"

	"github.com/perdure/perdure/replay/bench/workload"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "contender:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("contender", flag.ContinueOnError)
	times := flags.Int("times", 0, "measure `n` times, instead of once for each line")
	profile := flags.String("profile", "", "write a CPU profile of that to a `file`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 { //nolint:mnd // as the documentation of the command says
		return errors.New("usage: contender [-times n] [-profile file] <work> <empty folder>")
	}
	w, err := workload.Find(flags.Arg(0))
	if err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) //nolint:sloglint // lines are made, and not shown
	measure, err := w.Prepare(ctx, flags.Arg(1))
	if err != nil {
		return fmt.Errorf("prepare %s: %w", w.Name, err)
	}
	samples := json.NewEncoder(out)
	if *times > 0 {
		in = strings.NewReader(strings.Repeat("\n", *times))
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		sample, err := measure(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		if err := samples.Encode(sample); err != nil {
			return err
		}
	}
	return lines.Err()
}
