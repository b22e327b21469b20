package replay_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestOutcomeIsDurableBeforeLosersAreUndone loses the function before the call that says how a race
// has ended, and keeps it away until the loser could win as well: nothing of the loser may have
// been undone by then, and whoever wins, what it did stands.
func TestOutcomeIsDurableBeforeLosersAreUndone(t *testing.T) {
	t.Parallel()
	for _, away := range []time.Duration{0, time.Second, time.Minute} {
		var undone []string
		lost, undoneThen := false, 0
		undo := func(name string) func(context.Context, int) error {
			return func(context.Context, int) error { undone = append(undone, name); return nil }
		}
		runner := func(name string, d time.Duration) op.Op[string] {
			return op.Group(name, func(ctx op.Context) (string, error) {
				book := op.Step("book-"+name, func(context.Context) (int, error) { return 1, nil }).Undo(undo(name))
				if _, err := replay.Run(ctx, book); err != nil {
					return "", err
				}
				return name, replay.Exec(ctx, op.Wait("way", d))
			})
		}
		var h *home
		h = newHome(t, local.WithFaults(local.Faults{Lose: func(p local.Point) bool {
			if p.Moment != local.MomentBeforeCall || lost {
				return false
			}
			for _, u := range p.Updates {
				lost = lost || u.Name == "outcome"
			}
			if lost {
				soon := make(chan struct{})
				time.AfterFunc(50*time.Millisecond, func() { close(soon) }) // an undo that does not wait runs meanwhile
				<-soon
				undoneThen = len(undone)
				h.clock.Advance(away)
			}
			return lost
		}}))
		e := h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
			return replay.Run(ctx, op.Race("first", runner("slower", 61*time.Second), runner("faster", time.Minute)))
		}), "null")
		got := strings.Trim(string(e.Result()), `"`)
		if !lost {
			t.Fatal("the function was not lost")
		}
		if undoneThen > 0 {
			t.Errorf("away for %v: %v was undone before the end of the race was durable", away, undone[:undoneThen])
		}
		loser := map[string]string{"slower": "faster", "faster": "slower"}[got]
		if len(undone) != 1 || undone[0] != loser {
			t.Errorf("away for %v: %q won, and %q was undone", away, got, undone)
		}
	}
}
