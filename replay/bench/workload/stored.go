package workload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/sqlite"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

const (
	// inputBytes is the size of a large input.
	inputBytes = 1 << 20
	// listed is how many executions a list has.
	listed = 20
	// storedSteps is how many steps an execution with a large input has.
	storedSteps = 10
	// atOnce is how many executions run at the same time, rounds how many one after the other.
	atOnce, rounds = 64, 8
)

func stored() []Work {
	return []Work{
		{
			Name:  "sqlite-input",
			Means: "ten steps of an execution with an input of 1 MB, in a file; against one without an input",
			Prepare: func(_ context.Context, folder string) (Measure, error) {
				return inFile(folder, storedSteps, func(ctx context.Context, s *local.Service, _ local.Store) (Sample, error) {
					small, err := best(func() error { return execute(ctx, s, "f", []byte("1")) })
					if err != nil {
						return nil, err
					}
					took, err := best(func() error { return execute(ctx, s, "f", largeInput()) })
					return Sample{Micros: took, Yardstick: small}, err
				})
			},
		},
		{
			Name:  "sqlite-list",
			Means: "a list of twenty executions with inputs of 1 MB, in a file; against one without inputs",
			Prepare: func(_ context.Context, folder string) (Measure, error) {
				full := false
				return inFile(folder, 1, func(ctx context.Context, s *local.Service, kept local.Store) (Sample, error) {
					if !full {
						for range listed {
							err := errors.Join(execute(ctx, s, "f", largeInput()), execute(ctx, s, "small", []byte("1")))
							if err != nil {
								return nil, err
							}
						}
						full = true
					}
					small, err := best(func() error { return list(kept, "small") })
					if err != nil {
						return nil, err
					}
					took, err := best(func() error { return list(kept, "f") })
					return Sample{Micros: took, Yardstick: small}, err
				})
			},
		},
		{
			Name:  "sqlite-64",
			Means: "executions of three steps, 64 at a time, in a file; an execution",
			Prepare: func(_ context.Context, folder string) (Measure, error) {
				return inFile(folder, shortSteps, func(ctx context.Context, s *local.Service, _ local.Store) (Sample, error) {
					took, err := micros(func() error { return executeAll(ctx, s) })
					return Sample{Micros: took / (atOnce * rounds)}, err
				})
			},
		},
	}
}

// inFile measures with a service whose store is a file. It is closed with the process.
func inFile(
	folder string, steps int, measure func(ctx context.Context, s *local.Service, kept local.Store) (Sample, error),
) (Measure, error) {
	store, err := sqlite.Open(filepath.Join(folder, "executions.db"))
	if err != nil {
		return nil, err
	}
	step := op.StepFunc("step", func(_ context.Context, n int) (int, error) { return n + 1, nil })
	s := local.New(local.WithStore(store))
	f := replay.Handler(func(ctx op.Context, _ json.RawMessage) (n int, err error) {
		for i := 0; i < steps && err == nil; i++ {
			n, err = replay.Run(ctx, step(n).Key(strconv.Itoa(i)))
		}
		return n, err
	})
	err = errors.Join(s.Host("f", f), s.Host("small", f))
	return func(ctx context.Context) (Sample, error) { return measure(ctx, s, store) }, err
}

// execute runs an execution to its end.
func execute(ctx context.Context, s *local.Service, function string, input []byte) error {
	e, err := s.Start(ctx, function, "", input)
	if err != nil {
		return err
	}
	if err := e.Wait(ctx); err != nil {
		return err
	}
	return e.Err()
}

// list lists the executions of a function.
func list(kept local.Store, function string) error {
	found, err := kept.List(local.Query{Function: "arn:aws:lambda:us-east-1:123456789012:function:" + function})
	if err == nil && len(found) != listed {
		err = fmt.Errorf("work: %d executions are listed, want %d", len(found), listed)
	}
	return err
}

func executeAll(ctx context.Context, s *local.Service) error {
	errs := make([]error, atOnce)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			for range rounds {
				errs[i] = errors.Join(errs[i], execute(ctx, s, "f", []byte("1")))
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func largeInput() []byte { return []byte(`"` + strings.Repeat("x", inputBytes-len(`""`)) + `"`) }
