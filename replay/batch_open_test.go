package replay_test

import (
	"context"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Of a thousand items with a bound of ten, the service never sees an eleventh open, and the
// results come in the order of the items.
func TestNeverAnEleventhBranchOpen(t *testing.T) {
	t.Parallel()
	const count, bound = 1000, 10
	items := make([]int, count)
	for i := range items {
		items[i] = i
	}
	double := op.StepFunc("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		b, err := replay.Run(ctx, op.Map("m", items, double, op.WithMaxConcurrency(bound)))
		if err != nil {
			return op.None{}, err
		}
		for i, v := range b.Values() {
			if v != 2*i {
				t.Errorf("item %d resulted in %d", i, v)
			}
		}
		return op.None{}, nil
	})
	svc := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	t.Cleanup(func() { _ = svc.Close() })
	must(t, svc.Host("f", f))
	e, err := svc.Start(t.Context(), "f", "x", []byte("null"))
	must(t, err)
	must(t, e.Drive(t.Context()))
	open, most, ended := 0, 0, 0
	for _, ev := range e.History() {
		switch {
		case ev.SubType != "MapIteration":
		case ev.Type == local.EventContextStarted:
			open++
			most = max(most, open)
		default:
			open--
			ended++
		}
	}
	if most != bound || ended != count {
		t.Errorf("at most %d branches were open and %d ended, want %d and %d", most, ended, bound, count)
	}
}
