package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

var errFull = errors.New("the hotel is full")

// booking is a step with a compensation; undo says how that ends.
func booking(name string, undo error) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return name, nil }).
		Undo(func(context.Context, string) error { return undo }, op.WithRetry(retry.Never()))
}

// TestSagaReportsWhatWasUndone: as a result, on the first run and on the replay, also where all was
// taken back, with the paths of the compensations that failed.
func TestSagaReportsWhatWasUndone(t *testing.T) {
	t.Parallel()
	full := op.Do("book-hotel", func(context.Context) error { return errFull }, op.WithRetry(retry.Never()))
	tests := []struct {
		reason string
		fn     func(ctx op.Context) (string, error)
		want   string
	}{
		{
			"what succeeds has nothing to report",
			func(ctx op.Context) (string, error) { return replay.Run(ctx, booking("book-car", nil)) },
			"book-car, <nil>, full false, undone [], failed [], unknown [], compensated false",
		},
		{
			"all was taken back, the last one first",
			func(ctx op.Context) (string, error) {
				return "", in(ctx, booking("book-car", nil), booking("book-flight", nil).Key("LH1"), op.Transform(full, noneText))
			},
			", the hotel is full, full true, undone [trip[work]/book-flight[LH1] trip[work]/book-car], failed [], unknown [], compensated true",
		},
		{
			"a wait between does not matter",
			func(ctx op.Context) (string, error) {
				return "", in(ctx, booking("book-car", nil), op.Transform(op.Wait("pause", time.Hour), noneText), op.Transform(full, noneText))
			},
			", the hotel is full, full true, undone [trip[work]/book-car], failed [], unknown [], compensated true",
		},
		{
			"one compensation failed",
			func(ctx op.Context) (string, error) {
				return "", in(ctx, booking("book-car", errors.New("closed")), booking("book-flight", nil), op.Transform(full, noneText))
			},
			", the hotel is full; undo failed: closed (trip[work]/book-car-undo), full true, undone [trip[work]/book-flight], " +
				"failed [trip[work]/book-car-undo: closed], unknown [], compensated false",
		},
		{
			"a group inside that was compensated before", func(ctx op.Context) (string, error) {
				inner := op.Group("inner", func(ctx op.Context) (string, error) {
					return "", in(ctx, booking("book-train", errors.New("gone")), op.Transform(full, noneText))
				})
				return "", in(ctx, booking("book-car", nil), inner)
			},
			", the hotel is full; undo failed: gone (trip[work]/inner/book-train-undo), full true, undone [trip[work]/book-car], " +
				"failed [trip[work]/inner/book-train-undo: gone], unknown [], compensated false",
		},
		{
			"a failure before anything was done", func(ctx op.Context) (string, error) { return "", in(ctx, op.Transform(full, noneText)) },
			", the hotel is full, full true, undone [], failed [], unknown [], compensated true",
		},
		{
			"a panic compensates as an error does",
			func(ctx op.Context) (string, error) {
				if err := in(ctx, booking("book-car", nil)); err != nil {
					return "", err
				}
				panic("no further")
			},
			", panic: no further, full false, undone [trip[work]/book-car], failed [], unknown [], compensated true",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var n notes
			drive(t, twice(&n, func(ctx op.Context) (string, error) {
				r, err := replay.Run(ctx, op.Saga("trip", tt.fn, op.WithErrors(codec.Sentinel("Full", errFull))))
				if err != nil {
					return "", err
				}
				var failed []string
				for _, err := range r.Failed {
					e, _ := errors.AsType[*op.Error](err)
					failed = append(failed, e.Path+": "+e.Message)
				}
				return fmt.Sprintf("%s, %v, full %t, undone %v, failed %v, unknown %v, compensated %t",
					r.Value, r.Err, errors.Is(r.Err, errFull), r.Undone, failed, r.Unknown, r.Compensated()), nil
			}), "null")
			if diff := cmp.Diff(`"`+tt.want+`"`, n.same(t, 3)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func noneText(op.None) (string, error) { return "", nil }

// in runs operations one after the other.
func in(ctx op.Context, ops ...op.Op[string]) error {
	for _, o := range ops {
		if err := replay.Exec(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// TestSagaIsAnOperation: it can be undone, timed and declared wrongly as others.
func TestSagaIsAnOperation(t *testing.T) {
	t.Parallel()
	if err := op.Validate(op.Saga[string]("trip", nil)); err == nil || !strings.Contains(err.Error(), "Saga") {
		t.Errorf("a Saga without a function: %v", err)
	}
	var released []string
	err := runIntercepted(t, func(ctx op.Context, _ string) (string, error) {
		trip := op.Saga("trip", func(ctx op.Context) (string, error) { return "t-1", nil }).
			Undo(func(_ context.Context, r op.SagaResult[string]) error {
				released = append(released, r.Value)
				return nil
			})
		if _, err := replay.Run(ctx, trip); err != nil {
			return "", err
		}
		return "", errFull
	})
	if err == nil || len(released) != 1 || released[0] != "t-1" {
		t.Errorf("%v, released %v", err, released)
	}
}
