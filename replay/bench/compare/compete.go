package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/perdure/perdure/replay/bench/workload"
)

// pair is what both contenders have measured in one turn.
type pair struct{ old, fresh workload.Sample }

// compete lets both programs do the work in turns; the one that is first changes each time. A turn
// before the first one is not counted.
func compete(ctx context.Context, name, folder, old, fresh string, turns int) (pairs []pair, err error) {
	a, err := start(ctx, old, name, filepath.Join(folder, "old"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.end()) }()
	b, err := start(ctx, fresh, name, filepath.Join(folder, "new"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.end()) }()
	for i := range turns + 1 {
		first, second := a, b
		if i%2 == 1 {
			first, second = b, a
		}
		var p pair
		for _, c := range []*contender{first, second} {
			sample, err := c.measure()
			if err != nil {
				return nil, err
			}
			if c == a {
				p.old = sample
			} else {
				p.fresh = sample
			}
		}
		if i > 0 {
			pairs = append(pairs, p)
		}
	}
	return pairs, nil
}

// contender is a program that measures when it is asked to.
type contender struct {
	program *exec.Cmd
	asked   io.WriteCloser
	samples *json.Decoder
}

func start(ctx context.Context, program, name, folder string) (*contender, error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, err
	}
	c := &contender{program: exec.CommandContext(ctx, program, name, folder)} //nolint:gosec // built by build
	c.program.Stderr = os.Stderr
	asked, err := c.program.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.program.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.asked, c.samples = asked, json.NewDecoder(out)
	return c, c.program.Start()
}

func (c *contender) measure() (sample workload.Sample, err error) {
	if _, err := io.WriteString(c.asked, "\n"); err != nil {
		return nil, err
	}
	if err := c.samples.Decode(&sample); err != nil {
		return nil, fmt.Errorf("%s has ended instead of measuring: %w", filepath.Base(c.program.Path), err)
	}
	return sample, nil
}

func (c *contender) end() error { return errors.Join(c.asked.Close(), c.program.Wait()) }
