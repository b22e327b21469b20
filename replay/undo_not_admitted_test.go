package replay_test

import (
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestBranchesThatAreNotAdmittedAreUndone deploys a smaller bound, or another order, of a batch
// that is left behind before it has room again for a branch that the log holds: what that has
// done is undone, as if there had been room.
func TestBranchesThatAreNotAdmittedAreUndone(t *testing.T) {
	t.Parallel()
	long := func(name string) op.Op[string] { return group(name, hourly("rest"), hourly("more"), hourly("most")) }
	books := func(name string) op.Op[string] {
		return group(name, undone("booked"), hourly("rest"), hourly("more"), hourly("most"))
	}
	list := func(ops ...op.Op[string]) []op.Op[string] { return ops }
	inner := func(most int, ops []op.Op[string], opts ...op.BatchOption) op.Op[string] {
		return op.Transform(op.Parallel("p", ops, append(opts, op.WithMaxConcurrency(most))...), textOf)
	}
	fails := group("fails", hourly("rest"), hourly("more"), silent(failing("declined")))
	inAll := func(o op.Op[string]) op.Op[string] { return allOf(list(o, fails)) }
	inParallel := func(o op.Op[string]) op.Op[string] { return parallelOf(list(o, fails)) }
	inGroup := func(o op.Op[string]) op.Op[string] {
		return op.Group("g", func(ctx op.Context) (string, error) {
			replay.Go(ctx, o)
			return replay.Run(ctx, fails)
		})
	}
	inTwo := func(o op.Op[string]) op.Op[string] { return allOf(list(group("deep", o), fails)) }
	inRace := func(o op.Op[string]) op.Op[string] {
		return op.Race("race", o, group("first", hourly("rest"), hourly("more"), silent(op.Wait("moment", time.Second))))
	}
	flat := op.WithFlat()
	tests := []struct {
		reason        string
		around        func(op.Op[string]) op.Op[string]
		before, after op.Op[string]
	}{
		{"a smaller bound, in All", inAll, inner(2, list(long("a"), books("b"))), inner(1, list(long("a"), books("b")))},
		{"a smaller bound, in a Parallel", inParallel, inner(2, list(long("a"), books("b"))), inner(1, list(long("a"), books("b")))},
		{"a smaller bound of a flat batch", inAll, inner(2, list(long("a"), books("b")), flat), inner(1, list(long("a"), books("b")), flat)},
		{"another order", inAll, inner(1, list(books("b"), long("a"))), inner(1, list(long("a"), books("b")))},
		{"another order in a flat batch", inAll, inner(1, list(books("b"), long("a")), flat), inner(1, list(long("a"), books("b")), flat)},
		{"in a group that fails", inGroup, inner(2, list(long("a"), books("b"))), inner(1, list(long("a"), books("b")))},
		{"deeper", inTwo, inner(2, list(long("a"), books("b"))), inner(1, list(long("a"), books("b")))},
		{"in a race that another one wins", inRace, inner(2, list(long("a"), books("b"))), inner(1, list(long("a"), books("b")))},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			booked := 0
			everyState(t, stepwise(tt.around(tt.before), hourly("w")).handler(), stepwise(tt.around(tt.after), hourly("w")).handler(), func(where string, e *local.Execution) {
				count := did(e)
				booked += count["booked"]
				if count["booked-undo"] != count["booked"] {
					t.Errorf("%s: %v, which ended as %s", where, count, end(e))
				}
			})
			if booked < 3 {
				t.Errorf("only %d executions have booked", booked)
			}
		})
	}
}
