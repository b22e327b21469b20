package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const module = "github.com/perdure/perdure/replay/bench"

func coldRows() []Row {
	return []Row{{
		Name:  "ColdStart",
		Means: "from the start of the process to its first question for an event",
		Measure: func(ctx context.Context, size Size) ([]Metric, error) {
			dir, err := os.MkdirTemp("", "perdure-bench")
			if err != nil {
				return nil, err
			}
			defer os.RemoveAll(dir)
			ours, bare := filepath.Join(dir, "perdure"), filepath.Join(dir, "bare")
			tuples, logs := filepath.Join(dir, "tuples"), filepath.Join(dir, "logs")
			if err := errors.Join(
				build(ctx, ours, "perdure"), build(ctx, bare, "bare"),
				build(ctx, tuples, "bare", "tuples"), build(ctx, logs, "bare", "logs"),
			); err != nil {
				return nil, err
			}
			var ratios []float64
			var worked, floor []time.Duration
			for range size.Starts {
				b, err := start(ctx, bare)
				if err != nil {
					return nil, err
				}
				o, err := start(ctx, ours)
				if err != nil {
					return nil, err
				}
				worked, floor, ratios = append(worked, o), append(floor, b), append(ratios, ratio(o, b))
			}
			slices.Sort(ratios)
			sizes, err := bytes(ours, bare, tuples, logs)
			if err != nil {
				return nil, err
			}
			n := len(ratios)
			return []Metric{
				{Unit: "x-bare-start", Value: ratio(median(worked), median(floor)), Most: 1.05},
				{Unit: "lower-quartile", Value: ratios[n/4]},
				{Unit: "upper-quartile", Value: ratios[n*3/4]},
				{Unit: "bare-ms", Value: float64(median(floor)) / float64(time.Millisecond)},
				{Unit: "x-bare-bytes", Value: sizes[0] / sizes[1], Most: 1.05},
				{Unit: "bytes", Value: sizes[0]},
				{Unit: "bare-bytes", Value: sizes[1]},
				{Unit: "tuples-bytes", Value: sizes[2] - sizes[1]},
				{Unit: "logs-bytes", Value: sizes[3] - sizes[1]},
			}, nil
		},
	}}
}

// build makes a stripped program, as one would deploy it.
func build(ctx context.Context, out, program string, tags ...string) error {
	set := "-tags=" + strings.Join(append(tags, "lambda.norpc"), ",")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", set, "-o", out, module+"/cold/"+program) //nolint:gosec // one of ours
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("bench: %w: %s", err, text)
	}
	return nil
}

// start runs a program against a Runtime API and returns how long it takes to ask for an event.
func start(ctx context.Context, program string) (time.Duration, error) {
	asked := make(chan time.Time, 1)
	ended := make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/invocation/next") {
			return
		}
		select {
		case asked <- time.Now():
		default:
		}
		<-ended
	}))
	defer api.Close()
	defer close(ended)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"), "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "AWS_LAMBDA_FUNCTION_NAME=cold",
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}()
	select {
	case at := <-asked:
		return at.Sub(began), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("bench: %s asked for no event: %w", filepath.Base(program), ctx.Err())
	}
}

// bytes returns the sizes of files.
func bytes(names ...string) ([]float64, error) {
	var sizes []float64
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, float64(info.Size()))
	}
	return sizes, nil
}
