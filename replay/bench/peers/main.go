// Command peers measures what steps cost here and in other libraries of the kind. All do the same
// work in one run and take turns, so that a busy machine holds up all of them.
//
//	go run . [-turns 9] [-only replay|first-run]
//
// What it measures is the library alone: no service, no network, no disk. A replay goes from the
// bytes of a recorded execution of 2,800 steps, with results of 100 bytes each, to the operation
// after the last of them. A first run has 1,000 steps that do nothing, and a client that accepts
// everything at once.
//
// The module is not in go.work: what the others bring along is large.
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
)

const (
	// replayed and run are the steps of a replay, and those of a first run: as many as package work
	// takes for perdure.
	replayed, run = 2800, 1000
	// resultBytes is the length of each recorded result as JSON.
	resultBytes = 100
	// tries is how often a measurement is repeated within a turn: the best one counts.
	tries = 3
)

// peer is a library.
type peer struct {
	name string
	// replay and first do the work once and return the microseconds of a step. Nil: it has no such
	// work, see note.
	replay, first func(context.Context) (float64, error)
	note          string
	close         func() error // may be nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := compare(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func compare(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	turns := flags.Int("turns", 9, "measure `n` times with each")
	only := flags.String("only", "", "only the `work` of this name, replay or first-run")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *turns < 1 {
		return fmt.Errorf("-turns is %d, want at least 1", *turns)
	}
	var peers []peer
	defer func() {
		for _, p := range peers {
			if p.close != nil {
				if closing := p.close(); err == nil {
					err = closing
				}
			}
		}
	}()
	for _, prepare := range []func(context.Context) (peer, error){perdure, javaScript, goWorkflows, temporal} {
		p, err := prepare(ctx)
		if err != nil {
			return err
		}
		peers = append(peers, p)
	}
	fmt.Fprintf(out, "%s %s/%s, %d processors; %d turns\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *turns)
	works := []struct {
		name, means string
		of          func(peer) func(context.Context) (float64, error)
	}{
		{"replay", "a step of a replay of 2,800", func(p peer) func(context.Context) (float64, error) { return p.replay }},
		{"first-run", "a step that does nothing, of 1,000", func(p peer) func(context.Context) (float64, error) { return p.first }},
	}
	for _, w := range works {
		if *only != "" && *only != w.name {
			continue
		}
		samples, err := inTurns(ctx, peers, *turns, w.of)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%s: %s\n%-34s %10s %14s   %s\n", w.name, w.means, "library", "µs", "perdure = 1", "(quartiles)")
		for i, p := range peers {
			if len(samples[i]) == 0 {
				fmt.Fprintf(out, "%-34s %10s %14s   %s\n", p.name, "–", "–", p.note)
				continue
			}
			ratios := make([]float64, *turns)
			for turn := range ratios {
				ratios[turn] = samples[i][turn] / samples[0][turn]
			}
			low, middle, high := quartiles(ratios)
			_, micros, _ := quartiles(samples[i])
			fmt.Fprintf(out, "%-34s %10.3g %14.3g   (%.3g to %.3g)\n", p.name, micros, middle, low, high)
		}
	}
	return nil
}

// inTurns has each library do the work in turns; another one is first each time. A turn before the
// first one is not counted.
func inTurns(
	ctx context.Context, peers []peer, turns int, of func(peer) func(context.Context) (float64, error),
) ([][]float64, error) {
	samples := make([][]float64, len(peers))
	for turn := range turns + 1 {
		for at := range peers {
			i := (at + turn) % len(peers)
			work := of(peers[i])
			if work == nil {
				continue
			}
			best := 0.0
			for range tries {
				micros, err := work(ctx)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", peers[i].name, err)
				}
				if best == 0 || micros < best {
					best = micros
				}
			}
			if turn > 0 {
				samples[i] = append(samples[i], best)
			}
		}
	}
	return samples, nil
}

// quartiles returns the lower quartile, the median and the upper quartile.
func quartiles(values []float64) (low, middle, high float64) {
	sorted := slices.Sorted(slices.Values(values))
	at := func(quarter int) float64 { return sorted[(len(sorted)-1)*quarter/4] } //nolint:mnd // quarters
	return at(1), at(2), at(3)                                                   //nolint:mnd // quarters
}
