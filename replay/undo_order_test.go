package replay_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestLastIsUndoneFirst counts compensations of each kind of scope: however many there are, the
// last operation is undone first, and each is given its own result.
func TestLastIsUndoneFirst(t *testing.T) {
	t.Parallel()
	booking := func(i int, undone *[]int) op.Op[int] {
		return op.Step("book", func(context.Context) (int, error) { return i, nil }).
			Undo(func(_ context.Context, n int) error { *undone = append(*undone, n); return nil })
	}
	sequence := func(ctx op.Context, n int, undone *[]int) error {
		for i := range n {
			if _, err := replay.Run(ctx, booking(i, undone).Key(strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	}
	fails := op.Group("fails", func(ctx op.Context) (int, error) {
		if err := replay.Exec(ctx, op.Wait("minute", time.Minute)); err != nil {
			return 0, err
		}
		return 0, errDenied
	})
	item := func(i int, undone *[]int) op.Op[int] {
		return op.Group("item", func(ctx op.Context) (int, error) {
			return replay.Run(ctx, op.Step("book", func(context.Context) (int, error) { return i, nil }))
		}).Undo(func(_ context.Context, n int) error { *undone = append(*undone, n); return nil }).Key(strconv.Itoa(i))
	}
	tests := []struct {
		scope, reason string
		run           func(ctx op.Context, n int, undone *[]int) error
	}{
		{"the handler", "in the order of the claims, turned round", func(ctx op.Context, n int, undone *[]int) error {
			if err := sequence(ctx, n, undone); err != nil {
				return err
			}
			return errDenied
		}},
		{"a group", "its undos come before its own failure is seen", func(ctx op.Context, n int, undone *[]int) error {
			return replay.Exec(ctx, op.Group("group", func(ctx op.Context) (op.None, error) {
				if err := sequence(ctx, n, undone); err != nil {
					return op.None{}, err
				}
				return op.None{}, errDenied
			}))
		}},
		{"a group that was abandoned", "who abandons it undoes what it did", func(ctx op.Context, n int, undone *[]int) error {
			return replay.Exec(ctx, op.Timeout("limit", op.Group("group", func(ctx op.Context) (op.None, error) {
				if err := sequence(ctx, n, undone); err != nil {
					return op.None{}, err
				}
				return op.None{}, replay.Exec(ctx, op.Wait("hour", time.Hour))
			}), time.Minute))
		}},
		{"a batch that fails", "by index, whichever ended first", func(ctx op.Context, n int, undone *[]int) error {
			ops := []op.Op[int]{}
			for i := range n {
				ops = append(ops, item(i, undone))
			}
			return replay.Exec(ctx, op.Parallel("all", append(ops, fails)))
		}},
		{"a batch that ends early", "its losers, by index", func(ctx op.Context, n int, undone *[]int) error {
			ops := []op.Op[int]{op.Group("winner", func(ctx op.Context) (int, error) {
				return 0, replay.Exec(ctx, op.Wait("minute", time.Minute))
			})}
			for i := range n {
				ops = append(ops, op.Group("loser", func(ctx op.Context) (int, error) {
					if _, err := replay.Run(ctx, booking(i, undone)); err != nil {
						return 0, err
					}
					return 0, replay.Exec(ctx, op.Wait("hour", time.Hour))
				}).Key(strconv.Itoa(i)))
			}
			return replay.Exec(ctx, op.Race("first", ops...))
		}},
	}
	for _, tt := range tests {
		for n := 1; n <= 7; n++ {
			t.Run(fmt.Sprint(tt.scope, ", ", n), func(t *testing.T) {
				t.Parallel()
				var undone, want []int
				drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, tt.run(ctx, n, &undone) }), "null")
				for i := range n {
					want = append(want, i)
				}
				slices.Reverse(want)
				if diff := cmp.Diff(want, undone); diff != "" {
					t.Errorf("%s: %s: undone (-want +got):\n%s", tt.scope, tt.reason, diff)
				}
			})
		}
	}
}
