package replay_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// What is an operand has been asked for: no one gets its error a second time.
func TestFuturesAsOperands(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		run    func(ctx op.Context) string
		want   string
	}{
		{
			reason: "AllSettled of futures, one of which fails",
			run: func(ctx op.Context) string {
				good, bad := replay.Go(ctx, plainStep("reserve", "held")), replay.Go(ctx, failingStep("charge"))
				b, err := replay.Run(ctx, op.AllSettled("both", good.Result(), bad.Result()))
				return fmt.Sprint(b.Values(), b.Err(), err)
			},
			want: "[held] card declined <nil>",
		},
		{
			reason: "the same future as an operand twice, one after the other",
			run: func(ctx op.Context) string {
				f := replay.Go(ctx, failingStep("charge"))
				_, first := replay.Run(ctx, op.Race("first", f.Result(), slow("pause")))
				_, second := replay.Run(ctx, op.All("second", f.Result()))
				return fmt.Sprint(first, " ", second)
			},
			want: "card declined card declined",
		},
		{
			reason: "a future that loses and fails later",
			run: func(ctx op.Context) string {
				f := replay.Go(ctx, op.Group("late", func(ctx op.Context) (string, error) {
					if err := replay.Exec(ctx, op.Wait("pause", time.Hour)); err != nil {
						return "", err
					}
					return "", errDeclined
				}))
				v, err := replay.Run(ctx, op.Race("first", f.Result(), plainStep("reserve", "held")))
				return fmt.Sprint(v, " ", err)
			},
			want: "held <nil>",
		},
		{
			reason: "futures that ended before they were raced",
			run: func(ctx op.Context) string {
				a, b := replay.Go(ctx, plainStep("reserve", "held")), replay.Go(ctx, plainStep("charge", "paid"))
				if err := replay.Exec(ctx, op.Wait("cool-off", time.Minute)); err != nil {
					return err.Error()
				}
				all, err := replay.Run(ctx, op.All("both", a.Result(), b.Result()))
				return fmt.Sprint(all, err)
			},
			want: "[held paid] <nil>",
		},
		{
			reason: "a callback and a timer",
			run: func(ctx op.Context) string {
				c, err := replay.Run(ctx, op.CreateCallback[string]("approval"))
				if err != nil {
					return err.Error()
				}
				v, err := replay.Run(ctx, op.Race("first", c.Result(), slow("pause")))
				return fmt.Sprint(v, " ", err)
			},
			want: "late <nil>",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, e := onceMore(t, tt.run)
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if e.Status() != "SUCCEEDED" {
				t.Errorf("ended as %s", end(e))
			}
		})
	}
}
