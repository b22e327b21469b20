package replay_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// named is an operation as the test of occurrences chooses it: one of a few names and keys.
type named int

func (n named) name() string { return []string{"a", "b", "c"}[n%3] }

func (n named) key() string { return []string{"", "k", "l"}[n/3%3] }

// occurrenceProgram runs steps of these names, some inside a group, and waits before the last one,
// so that all of them are replayed.
func occurrenceProgram(names []int, group int) *replay.Function[op.None, op.None] {
	step := func(ctx op.Context, n int) error {
		o := op.Do(named(n).name(), func(context.Context) error { return nil }, op.WithSemantics(op.Relaxed))
		if key := named(n).key(); key != "" {
			o = o.Key(key)
		}
		return replay.Exec(ctx, o)
	}
	return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for i, n := range names {
			if i == len(names)-1 {
				if err := replay.Exec(ctx, op.Wait("nap", time.Minute)); err != nil {
					return op.None{}, err
				}
			}
			if err := step(ctx, n); err != nil {
				return op.None{}, err
			}
			if i != group%len(names) {
				continue
			}
			if err := replay.Exec(ctx, op.Group("inside", func(ctx op.Context) (op.None, error) {
				for _, n := range names {
					if err := step(ctx, n); err != nil {
						return op.None{}, err
					}
				}
				return op.None{}, nil
			})); err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	})
}

// wantIDs are the IDs of the steps of occurrenceProgram, by a count of each name and key.
func wantIDs(names []int) (ids []string) {
	for _, scope := range []string{"", oplog.ID("", "inside", "", 0)} {
		seen := make(map[[2]string]int)
		for _, n := range names {
			name, key := named(n).name(), named(n).key()
			ids = append(ids, oplog.ID(scope, name, key, seen[[2]string{name, key}]))
			seen[[2]string{name, key}]++
		}
	}
	slices.Sort(ids)
	return ids
}

// TestOccurrences: the n-th operation of a name and key in its scope has the ID of the n-th, in
// whichever order names and keys come, and also when they are replayed.
func TestOccurrences(t *testing.T) {
	t.Parallel()
	holds := func(names []int, group int) error {
		s := local.New(local.WithClock(local.NewVirtualClock(time.UnixMilli(0))))
		defer s.Close()
		if err := s.Host("f", occurrenceProgram(names, group)); err != nil {
			return err
		}
		e, err := s.Start(t.Context(), "f", "", nil)
		if err == nil {
			err = e.Drive(t.Context())
		}
		if err == nil {
			err = e.Err()
		}
		if err != nil {
			return err
		}
		var got []string
		for _, o := range e.Operations() {
			if o.Kind == checkpoint.KindStep && o.SubType == subtype.Step {
				got = append(got, o.ID)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(wantIDs(names), got); diff != "" {
			return fmt.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	}
	for _, tt := range []struct {
		reason string
		names  []int
	}{
		{"one name", []int{0, 0, 0, 0}},
		{"two names in turns", []int{0, 1, 0, 1, 0, 1}},
		{"one comes back after another", []int{0, 0, 1, 0, 1, 1, 0}},
		{"keys of one name", []int{0, 3, 6, 3, 0, 6, 6, 3, 0}},
		{"one once among many", []int{2, 0, 0, 1, 1, 2, 0, 1, 2}},
	} {
		if err := holds(tt.names, 1); err != nil {
			t.Errorf("%s: %v", tt.reason, err)
		}
	}
	parameters := gopter.DefaultTestParameters()
	parameters.MinSuccessfulTests = 100
	p := gopter.NewProperties(parameters)
	p.Property("IDs count occurrences", prop.ForAll(func(names []int, group int) (bool, error) {
		if len(names) == 0 {
			return true, nil
		}
		err := holds(names, group)
		return err == nil, err
	}, gen.SliceOf(gen.IntRange(0, 8)), gen.IntRange(0, 100)))
	p.TestingRun(t)
}
