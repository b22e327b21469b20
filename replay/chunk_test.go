package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

var errOdd = errors.New("odd")

// even is a step that fails for odd numbers.
func even(_ context.Context, n int) (string, error) {
	if n%2 == 1 {
		return "", retry.Permanent(errOdd)
	}
	return strconv.Itoa(n), nil
}

func TestChunksAreCountedByTheirItems(t *testing.T) {
	t.Parallel()
	each := op.StepFunc("even", even)
	tests := []struct {
		reason   string
		items    []int
		opts     []op.MapOption
		statuses string
		why      op.Reason
		contexts int
	}{
		{"five items in chunks of two are three branches", []int{0, 2, 4, 6, 8}, []op.MapOption{op.WithChunks(2, 0)}, "SSSSS", op.ReasonAllCompleted, 4},
		{"no items are no branches", nil, []op.MapOption{op.WithChunks(2, 0)}, "", op.ReasonAllCompleted, 1},
		{"a limit of bytes splits as well: 10 and 20 take four", []int{10, 20, 30}, []op.MapOption{op.WithChunks(0, 4)}, "SSS", op.ReasonAllCompleted, 3},
		{"an item above the limit is a chunk of its own", []int{1000, 2000}, []op.MapOption{op.WithChunks(5, 3)}, "SS", op.ReasonAllCompleted, 3},
		{
			"a chunk is run to its end, and its failures count one by one",
			[]int{1, 2, 3, 4},
			[]op.MapOption{op.WithChunks(2, 0), op.WithMaxConcurrency(1), op.WithCompletion(op.Tolerate(1))},
			"FSFS", op.ReasonToleranceExceeded, 3,
		},
		{
			"the batch ends when a chunk has brought enough",
			[]int{2, 4, 6, 8},
			[]op.MapOption{op.WithChunks(2, 0), op.WithMaxConcurrency(1), op.WithCompletion(op.MinSuccessful(2))},
			"SS", op.ReasonMinSuccessful, 2,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var live, replayed op.Batch[string]
			f := replay.Handler(func(ctx op.Context, _ string) (string, error) {
				b, _ := replay.Run(ctx, op.Map("m", tt.items, each, tt.opts...))
				if live.Reason == "" {
					live = b
				}
				replayed = b
				return "", replay.Exec(ctx, op.Wait("w", time.Second))
			})
			svc := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
			defer func() { _ = svc.Close() }()
			if err := svc.Host("f", f); err != nil {
				t.Fatal(err)
			}
			e, err := svc.Start(t.Context(), "f", "x", []byte(`""`))
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			var statuses strings.Builder
			for i, it := range live.Items {
				if it.Index != i {
					t.Errorf("item %d has the index %d", i, it.Index)
				}
				statuses.WriteString(string(it.Status)[:1])
				if it.Status == op.StatusSucceeded && it.Value != strconv.Itoa(tt.items[i]) {
					t.Errorf("item %d is %q", i, it.Value)
				}
			}
			if statuses.String() != tt.statuses || live.Reason != tt.why {
				t.Errorf("ended as %s (%s), want %s (%s)", statuses.String(), live.Reason, tt.statuses, tt.why)
			}
			if diff := cmp.Diff(fmt.Sprint(live), fmt.Sprint(replayed)); diff != "" {
				t.Errorf("replay sees another batch (-live +replayed):\n%s", diff)
			}
			contexts := 0
			for _, o := range e.Operations() {
				if o.Kind == checkpoint.KindContext {
					contexts++
				}
			}
			if contexts != tt.contexts {
				t.Errorf("%d groups in the log, want %d", contexts, tt.contexts)
			}
		})
	}
}

func TestChunksAreCompensatedTogether(t *testing.T) {
	t.Parallel()
	var undone []string
	each := op.StepFunc("even", even).Undo(func(_ context.Context, s string) error {
		undone = append(undone, s)
		return nil
	})
	err := runIntercepted(t, func(ctx op.Context, _ string) (string, error) {
		b, err := replay.Run(ctx, op.Map("m", []int{2, 4, 6, 1}, each, op.WithChunks(2, 0), op.WithMaxConcurrency(1)))
		var batch *op.BatchError
		if !errors.As(err, &batch) || batch.Total != 4 || b.Len() != 4 {
			t.Errorf("the map ended with %v and %d items", err, b.Len())
		}
		return "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"6", "4", "2"}, undone); diff != "" {
		t.Errorf("compensated (-want +got):\n%s", diff)
	}
}

// TestChunksOfDeclaredItemsAreCompensated changes the items of a chunk under way: each is undone by
// the Undo of the side that has run.
func TestChunksOfDeclaredItemsAreCompensated(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var undone []string
	item := func(side, name string) op.Op[string] {
		return says(side).Key(side + "-" + name).Undo(func(_ context.Context, v string) error {
			mu.Lock()
			defer mu.Unlock()
			if what := side + " undoes " + v; !slices.Contains(undone, what) {
				undone = append(undone, what)
			}
			return nil
		})
	}
	code := func(each op.Builder[string, string]) version {
		return func(ctx op.Context) (string, error) {
			return "", replay.Exec(ctx, op.Map("m", []string{"a", "b", "wait", "fail"}, func(name string) op.Op[string] {
				switch name {
				case "wait":
					return hourly("w").Key(name)
				case "fail":
					return failing("f").Key(name)
				}
				return each(name)
			}, op.WithChunks(2, 0), op.WithMaxConcurrency(1)))
		}
	}
	old := func(name string) op.Op[string] { return item("old", name) }
	comesTo(t, code(old), code(func(name string) op.Op[string] { return op.Replaces(item("new", name), item("old", name)) }))
	slices.Sort(undone)
	if diff := cmp.Diff([]string{"new undoes new", "old undoes old"}, undone); diff != "" {
		t.Errorf("compensated (-want +got):\n%s", diff)
	}
}

func TestChunkLimitsAreChecked(t *testing.T) {
	t.Parallel()
	for _, o := range []op.MapOption{op.WithChunks(0, 0), op.WithChunks(-1, 10), op.WithChunks(10, -1)} {
		if err := op.Validate(op.Map("m", []int{1}, op.StepFunc("even", even), o)); err == nil {
			t.Error("an invalid limit was accepted")
		}
	}
}

// A batcher that handles only the first item of each chunk loses data without an error.
func TestChunksLoseNoItem(t *testing.T) {
	t.Parallel()
	items := make([]int, 100)
	for i := range items {
		items[i] = 2 * i
	}
	err := runIntercepted(t, func(ctx op.Context, _ string) (string, error) {
		b, err := replay.Run(ctx, op.Map("m", items, op.StepFunc("even", even), op.WithChunks(7, 0)))
		if err != nil {
			return "", err
		}
		for i, v := range b.Values() {
			if v != strconv.Itoa(items[i]) {
				t.Errorf("item %d resulted in %s", i, v)
			}
		}
		if b.Len() != len(items) {
			t.Errorf("%d items in the batch, want %d", b.Len(), len(items))
		}
		return "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
