package replaytest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

func TestGoldenOfASequence(t *testing.T) {
	t.Parallel()
	fails := 0
	f := replay.Handler(func(ctx op.Context, n int) (int, error) {
		v, err := replay.Run(ctx, op.Group("sum", func(ctx op.Context) (int, error) {
			return replay.Run(ctx, op.Step("add", func(context.Context) (int, error) {
				if fails++; fails == 1 {
					return 0, errors.New("try again")
				}
				return n + 1, nil
			}))
		}))
		if err != nil {
			return 0, err
		}
		return v, replay.Exec(ctx, op.Wait("pause", time.Hour))
	})
	replaytest.Run(t, f, 1).Golden(t, "sequence.golden")
}

func TestGoldenOfConcurrentOperations(t *testing.T) {
	t.Parallel()
	for range 20 {
		f := replay.Handler(newShop().process)
		replaytest.Run(t, f, order{ID: "A-1", Total: 200, Items: strings.Fields("a b c d e f g h i j k l")},
			replaytest.CallbackResult("manager-approval", approval{By: "Ann"})).Golden(t, "order.golden")
	}
}

func TestGoldenOfFlatBranches(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, items []string) (int, error) {
		each := op.GroupFunc("each", func(ctx op.Context, s string) (string, error) {
			if err := replay.Exec(ctx, op.Wait("pause", time.Second)); err != nil {
				return "", err
			}
			return replay.Run(ctx, op.Step("echo", func(context.Context) (string, error) { return s, nil }))
		})
		b, err := replay.Run(ctx, op.Map("all", items, each, op.WithFlat()))
		return b.Len(), err
	})
	for range 20 {
		replaytest.Run(t, f, strings.Fields("a b c d e f g h i j k l")).Golden(t, "flat.golden")
	}
}

func TestChangedTrafficIsReported(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, n int) (int, error) {
		return replay.Run(ctx, op.Step("other", func(context.Context) (int, error) { return n, nil }))
	})
	got := record(t, func(tb *recorder) { replaytest.Run(tb, f, 1).Golden(tb, "sequence.golden") })
	if len(got.errs) != 1 || !strings.Contains(got.errs[0], "other Step START") {
		t.Errorf("got %q", got.errs)
	}
	got = record(t, func(tb *recorder) { replaytest.Run(tb, f, 1).Golden(tb, "missing.golden") })
	if len(got.errs) != 1 || !strings.Contains(got.errs[0], replaytest.UpdateVariable) {
		t.Errorf("got %q", got.errs)
	}
}
