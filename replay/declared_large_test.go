package replay_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// weighty is an operand whose result is too large for the record of its batch.
func weighty(name string) op.Op[string] {
	return op.Transform(op.Group(name, func(ctx op.Context) (string, error) {
		v, err := stepwise(says(name), hourly("rest"))(ctx)
		return v + strings.Repeat(".", 280<<10), err
	}), func(v string) (string, error) { return strings.TrimRight(v, "."), nil })
}

// TestOperandsOfLargeBatchesGo deploys code without operands of batches whose results are too large
// for their records, so that the branches that had ended are run again: those that had not ended
// when the batch did, or whose results a function of the former code had refused, are as they were.
//
// With the race detector, which looks at each byte of them, its rows take four minutes of a
// processor: a run with fewer draws than usual, as CI is, leaves it out there, and has it without.
func TestOperandsOfLargeBatchesGo(t *testing.T) {
	t.Parallel()
	const usual = 100
	if raceDetector && draws.Count(usual) < usual {
		t.Skip("takes minutes with the race detector: run it without, or with PERDURE_CHECKS=1")
	}
	l, w := weighty("l"), stepwise(hourly("w"), hourly("v"))
	slow := func() op.Op[string] { return group("slow", hourly("rest"), hourly("more"), hourly("most")) }
	other := func() op.Op[string] { return group("other", hourly("rest"), hourly("more"), hourly("most")) }
	nested := func() op.Op[string] { return allOf([]op.Op[string]{weighty("n"), slow()}) }
	refused := func() op.Op[string] {
		return op.Transform(rested("r", "r"), func(string) (string, error) { return "", errRefused })
	}
	accepted := func() op.Op[string] {
		return op.Transform(silent(failing("f")).MapError(func(error) error { return nil }), func(string) (string, error) { return "f", nil })
	}
	list := func(ops ...op.Op[string]) []op.Op[string] { return ops }
	race := func(ops []op.Op[string], opts ...op.BatchOption) op.Op[string] {
		return op.Race("race", ops...).With(opts...)
	}
	first := func(ops []op.Op[string], opts ...op.BatchOption) op.Op[string] {
		return op.Any("any", ops...).With(opts...)
	}
	winner := func(ops []op.Op[string], opts ...op.BatchOption) op.Op[string] {
		return op.Transform(op.RaceWinner("race", ops...).With(opts...), func(w op.Winner[string]) (string, error) { return w.Name + " " + w.Value, nil })
	}
	settled := func(ops []op.Op[string], opts ...op.BatchOption) op.Op[string] {
		return op.Transform(op.AllSettled("settled", ops...).With(opts...), textOf)
	}
	keyed := func(item string) op.Op[string] {
		if item == "slow" {
			return group("item", slow()).Key(item)
		}
		return weighty("item").Key(item)
	}
	limit := func(o op.Op[string]) op.Op[string] { return op.Timeout("limit", o, 3*time.Hour) }
	one, tolerated := op.WithCompletion(op.FirstSuccessful()), op.WithCompletion(op.Tolerate(1))
	flat, gone := op.WithFlat(), op.WithRemoved
	tests := []struct {
		reason        string
		before, after op.Op[string]
		want          []string
	}{
		{"Race, a loser, as an option", race(list(l, slow())), race(list(l), gone(slow())), []string{"l"}},
		{"Race, a loser, in its place", race(list(l, slow())), race(list(l, removed(slow()))), []string{"l"}},
		{"Race, a loser before the winner", race(list(slow(), l)), race(list(removed(slow()), l)), []string{"l"}},
		{"Race, one of two losers", race(list(l, slow(), other())), race(list(l, other()), gone(slow())), []string{"l"}},
		{"Race, a loser that is a batch", race(list(l, group("n", hourly("rest"), nested()))), race(list(l), gone(group("n", hourly("rest"), nested()))), []string{"l"}},
		{"Any, a loser", first(list(l, slow())), first(list(l), gone(slow())), []string{"l"}},
		{"Any, one that had failed", first(list(l, silent(failing("f")))), first(list(l), gone(silent(failing("f")))), []string{"l"}},
		{"Any, one whose result was refused", first(list(group("a", hourly("rest"), l), refused())), first(list(group("a", hourly("rest"), l)), gone(refused())), []string{"l"}},
		{"RaceWinner, a loser", winner(list(l, slow())), winner(list(l), gone(slow())), []string{"l l"}},
		{"Timeout, a loser of the race that it limits", limit(race(list(l, slow()))), limit(race(list(l), gone(slow()))), []string{"l"}},
		{"Timeout, what it limits is renamed", limit(l), limit(op.Replaces(weighty("x"), l)), []string{"l", "x"}},
		{"AllSettled, one whose result was refused", settled(list(l, refused())), settled(list(l), gone(refused())), []string{"l"}},
		{"AllSettled, one whose failure was accepted", settled(list(l, accepted())), settled(list(l), gone(accepted())), []string{"l"}},
		{"Parallel, one left open", parallelOf(list(l, slow()), one), parallelOf(list(l), one, gone(slow())), []string{"l"}},
		{"Parallel, one whose result was refused", parallelOf(list(l, refused()), tolerated), parallelOf(list(l), tolerated, gone(refused())), []string{"l"}},
		{"flat Parallel, one left open", parallelOf(list(l, slow()), one, flat), parallelOf(list(l), one, flat, gone(slow())), []string{"l"}},
		{"flat Parallel, one whose result was refused", parallelOf(list(l, refused()), tolerated, flat), parallelOf(list(l), tolerated, flat, gone(refused())), []string{"l"}},
		{"Map, one left open", mapText("l slow", keyed, one), mapText("l", keyed, one, gone(keyed("slow"))), []string{"item"}},
		{"flat Map, one left open", mapText("l slow", keyed, one, flat), mapText("l", keyed, one, flat, gone(keyed("slow"))), []string{"item"}},
		{"All of a Race with a loser less", allOf(list(l, race(list(weighty("x"), slow())))), allOf(list(l, race(list(weighty("x")), gone(slow())))), []string{"l x"}},
		{"All without a large All", allOf(list(l, op.Transform(op.All("n", weighty("n"), slow()), joinedText))), allOf(list(l), gone(op.Transform(op.All("n", weighty("n"), slow()), joinedText))), []string{"l"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			code := func(o op.Op[string]) version {
				return func(ctx op.Context) (string, error) {
					v, err := replay.Run(ctx, o)
					if _, waited := w(ctx); waited != nil {
						return "", waited
					}
					return v, err
				}
			}
			got := comesTo(t, code(tt.before), code(tt.after))
			if !slices.Equal(got, tt.want) {
				t.Errorf("executions end as\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestPastOfAnOperandLeftOpen: what stands for an operand that had begun, and that its batch left
// open when it ended, says that it will never end, whether the batch's results fit its record.
func TestPastOfAnOperandLeftOpen(t *testing.T) {
	t.Parallel()
	slow := func() op.Op[string] { return group("slow", hourly("rest"), hourly("more"), hourly("most")) }
	for _, tt := range []struct {
		reason string
		first  op.Op[string]
		opts   []op.BatchOption
	}{
		{"Parallel", rested("a", "a"), nil},
		{"Parallel, too large for its record", weighty("a"), nil},
		{"flat Parallel", rested("a", "a"), []op.BatchOption{op.WithFlat()}},
		{"flat Parallel, too large for its record", weighty("a"), []op.BatchOption{op.WithFlat()}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			opts := append(slices.Clone(tt.opts), op.WithCompletion(op.FirstSuccessful()))
			before := stepwise(parallelOf([]op.Op[string]{tt.first, slow()}, opts...), hourly("w"))
			after := func(ctx op.Context) (string, error) {
				var left op.Past[string]
				note := op.Transform(op.Removed(slow()), func(p op.Past[string]) (string, error) {
					left = p
					return "", nil
				})
				v, err := replay.Run(ctx, parallelOf([]op.Op[string]{tt.first, note}, opts...))
				if err != nil {
					return "", err
				}
				if _, err = replay.Run(ctx, left.Result()); errors.Is(err, op.ErrRemoved) {
					v, err = strings.TrimSpace(v)+", removed", nil
				}
				if _, waited := replay.Run(ctx, hourly("w")); waited != nil {
					return "", waited
				}
				return v, err
			}
			if got, want := comesTo(t, before, after), []string{"a, removed"}; !slices.Equal(got, want) {
				t.Errorf("executions end as %q, want %q", got, want)
			}
		})
	}
}
