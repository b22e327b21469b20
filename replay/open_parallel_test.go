package replay_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestOpenParallelIsBounded starts branches faster than they end: at most as many as allowed run at
// once, in every state that a function can be lost in, and each runs.
func TestOpenParallelIsBounded(t *testing.T) {
	t.Parallel()
	for most := 1; most <= 4; most++ {
		t.Run(strconv.Itoa(most), func(t *testing.T) {
			t.Parallel()
			var running, peak atomic.Int32
			code := version(func(ctx op.Context) (string, error) {
				v, err := replay.Run(ctx, op.OpenParallel("open", func(ctx op.Context) ([]string, error) {
					var all []*replay.Future[string]
					for i := range 5 {
						all = append(all, replay.Go(ctx, op.Branch(fmt.Sprint("branch-", i), func(ctx op.Context) (string, error) {
							return replay.Run(ctx, op.Step("work", func(context.Context) (string, error) {
								if n := running.Add(1); n > peak.Load() {
									peak.Store(n)
								}
								defer running.Add(-1)
								return strconv.Itoa(i), nil
							}))
						})))
					}
					var said []string
					for _, f := range all {
						v, err := replay.Run(ctx, f.Result())
						if err != nil {
							return nil, err
						}
						said = append(said, v)
					}
					return said, nil
				}, op.WithMaxConcurrency(most)))
				if err != nil {
					return "", err
				}
				return strings.Join(v, " "), replay.Exec(ctx, op.Wait("w", time.Hour))
			})
			if got, want := comesTo(t, code, code), []string{"0 1 2 3 4"}; !slices.Equal(got, want) {
				t.Errorf("executions end as %q, want %q", got, want)
			}
			if n := peak.Load(); int(n) > most {
				t.Errorf("%d bodies ran at once, of %d allowed", n, most)
			}
		})
	}
}

// TestOpenParallelOpensOneAfterAnother reads the order of the records.
func TestOpenParallelOpensOneAfterAnother(t *testing.T) {
	t.Parallel()
	code := version(func(ctx op.Context) (string, error) {
		return replay.Run(ctx, op.OpenParallel("open", func(ctx op.Context) (string, error) {
			replay.Go(ctx, op.Branch("first", stepwise(hourly("rest"))))
			replay.Go(ctx, op.Branch("second", stepwise(hourly("rest"))))
			return "", nil
		}, op.WithMaxConcurrency(1)))
	})
	e := drive(t, code.handler(), "null")
	var got []string
	for _, ev := range e.History() {
		if what, ok := strings.CutPrefix(string(ev.Type), "Context"); ok {
			got = append(got, what+" "+ev.Name+" "+ev.SubType)
		}
	}
	want := []string{
		"Started open Parallel", "Started first ParallelBranch", "Succeeded first ParallelBranch",
		"Started second ParallelBranch", "Succeeded second ParallelBranch", "Succeeded open Parallel",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the history is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestChangesOfAnOpenParallel deploys changes of its branches in every state: it is an ordered
// scope, so what is declared fits, and another bound needs nothing.
func TestChangesOfAnOpenParallel(t *testing.T) {
	t.Parallel()
	branch := func(name string) op.Op[string] { return op.Branch(name, stepwise(says(name), hourly("rest"))) }
	open := func(most int, ops ...op.Op[string]) version {
		return stepwise(op.OpenParallel("open", func(ctx op.Context) (string, error) {
			var all []op.Op[string]
			for _, o := range ops {
				all = append(all, replay.Go(ctx, o).Result())
			}
			return stepwise(all...)(ctx)
		}, op.WithMaxConcurrency(most)), hourly("w"))
	}
	a, b, c := branch("a"), branch("b"), branch("c")
	tests := []struct {
		reason        string
		before, after version
		want          []string
	}{
		{"fewer at once", open(3, a, b, c), open(1, a, b, c), []string{"a b c"}},
		{"more at once", open(1, a, b, c), open(3, a, b, c), []string{"a b c"}},
		{"one is added", open(2, a, c), open(2, a, op.Added(b, "no b"), c), []string{"a b c", "a c", "a no b c"}},
		{"one is replaced", open(2, a, b), open(2, a, op.Replaces(c, b)), []string{"a b", "a c"}},
		{"one is removed", open(2, a, b, c), open(2, a, silent(op.Removed(b)), c), []string{"a b c", "a c"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if got := comesTo(t, tt.before, tt.after); !slices.Equal(got, tt.want) {
				t.Errorf("executions end as\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}
