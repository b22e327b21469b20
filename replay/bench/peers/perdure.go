package main

import (
	"context"
	"os"
	"time"

	"github.com/perdure/perdure/replay/bench/workload"
)

func perdure(ctx context.Context) (peer, error) {
	folder, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return peer{}, err
	}
	p := peer{name: "perdure", close: func() error { return os.RemoveAll(folder) }}
	for name, to := range map[string]*func(context.Context) (float64, error){"replay": &p.replay, "first-run": &p.first} {
		w, err := workload.Find(name)
		if err != nil {
			return peer{}, err
		}
		measure, err := w.Prepare(ctx, folder)
		if err != nil {
			return peer{}, err
		}
		*to = func(ctx context.Context) (float64, error) {
			sample, err := measure(ctx)
			return sample[workload.Micros], err
		}
	}
	return p, nil
}

// perStep returns the microseconds of one of n steps that took so long.
func perStep(took time.Duration, n int) float64 {
	return float64(took) / float64(time.Microsecond) / float64(n)
}
