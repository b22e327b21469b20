package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// rested is an operand that takes a while: a group of a step and a wait.
func rested(name, does string) op.Op[string] { return group(name, says(does), hourly("rest")) }

func joinedText(s []string) (string, error) { return strings.Join(s, " "), nil }

// allOf is op.All as one text, with options.
func allOf(ops []op.Op[string], opts ...op.BatchOption) op.Op[string] {
	return op.Transform(op.All("all", ops...).With(opts...), joinedText)
}

// textOf is how the items of a batch ended.
func textOf(b op.Batch[string]) (string, error) {
	var said []string
	for _, it := range b.Items {
		v := it.Value
		if it.Err != nil {
			v = "failed " + it.Err.Error()
		}
		said = append(said, v)
	}
	return strings.Join(said, " "), nil
}

// parallelOf is op.Parallel as one text, with options.
func parallelOf(ops []op.Op[string], opts ...op.BatchOption) op.Op[string] {
	return op.Transform(op.Parallel("p", ops, opts...), textOf)
}

// mapText is op.Map as one text, with options.
func mapText(items string, each op.Builder[string, string], opts ...op.MapOption) op.Op[string] {
	return op.Transform(op.Map("m", strings.Fields(items), each, opts...), textOf)
}

// TestDeclaredOperands deploys declared changes of the operands of batches in every state.
func TestDeclaredOperands(t *testing.T) {
	t.Parallel()
	a, b, c := rested("a", "a"), rested("b", "b"), rested("c", "c")
	x := rested("x", "x")
	w := hourly("w")
	list := func(ops ...op.Op[string]) []op.Op[string] { return ops }
	keyed := func(item string) op.Op[string] { return rested("item", item).Key(item) }
	flat := op.WithFlat()
	race := func(ops ...op.Op[string]) op.Op[string] {
		return op.Transform(op.RaceWinner("race", ops...), func(w op.Winner[string]) (string, error) { return w.Name, nil })
	}
	slow := group("slow", hourly("rest"), hourly("more"))
	join := func(p op.Past[string]) string {
		if p.Begun() {
			return "begun"
		}
		return "never begun"
	}
	tests := []struct {
		reason        string
		before, after version
		want          []string // how executions end, sorted
	}{
		{"All: an operand is renamed", stepwise(allOf(list(a, b)), w), stepwise(allOf(list(a, op.Replaces(x, b))), w), []string{"a b", "a x"}},
		{"All: one is replaced by one of another kind", stepwise(allOf(list(a, b)), w), stepwise(allOf(list(a, op.Replaces(says("x"), b))), w), []string{"a b", "a x"}},
		{"All: one of another type", stepwise(allOf(list(a, says("5"))), w), stepwise(allOf(list(a, op.Replaces(says("x"), op.Transform(op.Step("5", func(context.Context) (string, error) { return "5", nil }),
			func(s string) (string, error) { return s + "!", nil })))), w), []string{"a 5!", "a x"}},
		{"All: a new one", stepwise(allOf(list(a, b)), w), stepwise(allOf(list(c, a, b)), w), nil},
		{"All: a new one, declared", stepwise(allOf(list(a, b)), w), stepwise(allOf(list(op.Added(c, "no c"), a, b)), w), []string{"c a b", "no c a b"}},
		{"All: one is gone", stepwise(allOf(list(a, b, c)), w), stepwise(allOf(list(a, c), op.WithRemoved(b)), w), []string{"a c"}},
		{"All: all are gone", stepwise(allOf(list(a, b)), w), stepwise(allOf(nil, op.WithRemoved(a, b)), w), []string{""}},
		{"AllSettled: a new one has its value", stepwise(op.Transform(op.AllSettled("all", a, b), textOf), w), stepwise(op.Transform(op.AllSettled("all", a, op.Added(c, "no c"), b), textOf), w), []string{"a c b", "a no c b"}},
		{"All: changed twice", stepwise(allOf(list(a, b)), w), stepwise(allOf(list(a, op.Replaces(c, op.Replaces(x, b)))), w), []string{"a b", "a c"}},
		{"All: added and removed again", stepwise(allOf(list(a)), w), stepwise(allOf(list(a, silent(op.Removed(op.Added(b, ""))))), w), []string{"a "}},
		{"Race: an operand more", stepwise(race(slow, a), w), stepwise(race(slow, op.Added(c, ""), a), w), []string{"a", "c"}},
		{"Race: the winner is gone", stepwise(race(slow, a), w), stepwise(op.Transform(op.RaceWinner("race", slow).With(op.WithRemoved(a)),
			func(w op.Winner[string]) (string, error) { return w.Name, nil }), w), nil},
		{"Race: the winner is renamed", stepwise(race(slow, a), w), stepwise(race(slow, op.Replaces(x, a)), w), []string{"x"}},
		{"Join: one is gone, and asked for", stepwise(op.Transform(op.All("j", a, b), joinedText), w), func(ctx op.Context) (string, error) {
			j, err := replay.Run(ctx, op.Join2("j", a, op.Removed(b)))
			if err != nil {
				return "", err
			}
			v, err := replay.Run(ctx, j.B.Result())
			if errors.Is(err, op.ErrRemoved) {
				v, err = "removed", nil
			}
			_, _ = replay.Run(ctx, w)
			return j.A + ", " + join(j.B) + ", " + v, err
		}, []string{"a, begun, b", "a, begun, removed", "a, never begun, removed"}},
		{"Timeout: what it limits is renamed", stepwise(op.Timeout("limit", a, 3*time.Hour), w), stepwise(op.Timeout("limit", op.Replaces(x, a), 3*time.Hour), w), []string{"a", "x"}},
		{"Parallel: a branch is renamed", stepwise(parallelOf(list(a, b)), w), stepwise(parallelOf(list(a, op.Replaces(x, b))), w), []string{"a b", "a x"}},
		{"Parallel: a branch is gone", stepwise(parallelOf(list(a, b, c)), w), stepwise(parallelOf(list(a, c), op.WithRemoved(b)), w), []string{"a c"}},
		{"Parallel: the first of those open at once is gone", stepwise(parallelOf(list(a, b, c), op.WithMaxConcurrency(2)), w), stepwise(parallelOf(list(b, c), op.WithMaxConcurrency(2), op.WithRemoved(a)), w), []string{"b c"}},
		{"flat Parallel: a branch is renamed", stepwise(parallelOf(list(a, b), flat), w), stepwise(parallelOf(list(a, op.Replaces(x, b)), flat), w), []string{"a b", "a x"}},
		{"flat Parallel: a branch is gone", stepwise(parallelOf(list(a, b, c), flat), w), stepwise(parallelOf(list(a, c), flat, op.WithRemoved(b)), w), []string{"a c"}},
		{"Parallel: a new branch", stepwise(parallelOf(list(a, b)), w), stepwise(parallelOf(list(op.Added(c, "no c"), a, b)), w), []string{"a b", "c a b"}},
		{"Map: keys are given", stepwise(mapText("a b", func(item string) op.Op[string] { return rested("item", item) }), w), stepwise(mapText("a b", func(item string) op.Op[string] { return keyed(item).WasKey("") }), w), []string{"a b"}},
		{"flat Map: keys are given", stepwise(mapText("a b", func(item string) op.Op[string] { return rested("item", item) }, flat), w), stepwise(mapText("a b", func(item string) op.Op[string] { return keyed(item).WasKey("") }, flat), w), []string{"a b"}},
		{"Map: an item is gone", stepwise(mapText("a b c", keyed), w), stepwise(mapText("a c", keyed, op.WithRemoved(keyed("b"))), w), []string{"a c"}},
		{"flat Map: an item is gone", stepwise(mapText("a b c", keyed, flat), w), stepwise(mapText("a c", keyed, flat, op.WithRemoved(keyed("b"))), w), []string{"a c"}},
		{"Map: an item has another key", stepwise(mapText("a b", keyed), w), stepwise(mapText("a b", func(item string) op.Op[string] { return keyed(item).Key("k" + item).WasKey(item) }), w), []string{"a b"}},
		{"a future of a batch whose operand is renamed", func(ctx op.Context) (string, error) {
			f := replay.Go(ctx, allOf(list(a, b)))
			return stepwise(w, f.Result())(ctx)
		}, func(ctx op.Context) (string, error) {
			f := replay.Go(ctx, allOf(list(a, op.Replaces(x, b))))
			return stepwise(w, f.Result())(ctx)
		}, []string{"a b", "a x"}},
		{"a batch of batches", stepwise(allOf(list(a, parallelOf(list(b, c)))), w), stepwise(allOf(list(a, parallelOf(list(b, op.Replaces(x, c))))), w), []string{"a b c", "a b x"}},
		{"an operand is a future that is declared", func(ctx op.Context) (string, error) {
			f := replay.Go(ctx, b)
			return stepwise(allOf(list(a, f.Result())), w)(ctx)
		}, func(ctx op.Context) (string, error) {
			f := replay.Go(ctx, op.Replaces(x, b))
			return stepwise(allOf(list(a, f.Result())), w)(ctx)
		}, []string{"a b", "a x"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got := comesTo(t, tt.before, tt.after)
			if tt.want == nil {
				if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "diverged") }) {
					t.Errorf("what is not declared does not diverge: executions end as\n%s", strings.Join(got, "\n"))
				}
				return
			}
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("executions end as\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// did counts the steps of an execution that completed, by name.
func did(e *local.Execution) map[string]int {
	count := make(map[string]int)
	for _, o := range e.Operations() {
		if o.Kind == checkpoint.KindStep && o.Status == checkpoint.StatusSucceeded && o.Name != "outcome" {
			count[o.Name]++
		}
	}
	return count
}

// dayLong is a wait of a day.
func dayLong(name string) op.Op[string] {
	return op.Transform(op.Wait(name, 24*time.Hour), func(op.None) (string, error) { return name, nil })
}

// undoneLater is a step whose compensation waits for a second attempt.
func undoneLater(name string) op.Op[string] {
	return says(name).Undo(func(ctx context.Context, _ string) error {
		if info, _ := op.InfoFrom(ctx); info.Attempt == 1 {
			return errRefused
		}
		return nil
	}, op.WithRetry(attemptsOf(2)))
}

// TestDeclaredOperandsAreUndone: what completed of an operand is taken back exactly once if the
// batch fails, whichever side it is and whether the code still has it; not at all if it succeeds.
func TestDeclaredOperandsAreUndone(t *testing.T) {
	t.Parallel()
	fails := func() op.Op[string] { return group("fails", hourly("rest"), silent(failing("f"))) }
	late := func(name string) op.Op[string] {
		return group(name, undoneLater(name), dayLong("rest")).Undo(func(context.Context, string) error { return nil })
	}
	one := op.WithMaxConcurrency(1)
	ends := func() op.Op[string] { return rested("ends", "e") }
	tests := []struct {
		reason        string
		before, after func(other op.Op[string]) op.Op[string]
	}{
		{"All: renamed", func(other op.Op[string]) op.Op[string] {
			return allOf([]op.Op[string]{undone("a"), other})
		}, func(other op.Op[string]) op.Op[string] {
			return allOf([]op.Op[string]{op.Replaces(undone("x"), undone("a")), other})
		}},
		{"All: gone", func(other op.Op[string]) op.Op[string] {
			return allOf([]op.Op[string]{undone("a"), other})
		}, func(other op.Op[string]) op.Op[string] {
			return allOf([]op.Op[string]{other}, op.WithRemoved(undone("a")))
		}},
		{"All: new", func(other op.Op[string]) op.Op[string] {
			return allOf([]op.Op[string]{other})
		}, func(other op.Op[string]) op.Op[string] {
			return allOf([]op.Op[string]{op.Added(undone("a"), ""), other})
		}},
		{"Parallel: renamed", func(other op.Op[string]) op.Op[string] {
			return parallelOf([]op.Op[string]{undone("a"), other})
		}, func(other op.Op[string]) op.Op[string] {
			return parallelOf([]op.Op[string]{op.Replaces(undone("x"), undone("a")), other})
		}},
		{"Parallel: gone", func(other op.Op[string]) op.Op[string] {
			return parallelOf([]op.Op[string]{undone("a"), other})
		}, func(other op.Op[string]) op.Op[string] {
			return parallelOf([]op.Op[string]{other}, op.WithRemoved(undone("a")))
		}},
		{"flat Parallel: gone", func(other op.Op[string]) op.Op[string] {
			return parallelOf([]op.Op[string]{undone("a"), other}, op.WithFlat())
		}, func(other op.Op[string]) op.Op[string] {
			return parallelOf([]op.Op[string]{other}, op.WithFlat(), op.WithRemoved(undone("a")))
		}},
		{"Parallel: renamed, and begun although it does not count as started in the new order", func(other op.Op[string]) op.Op[string] {
			return parallelOf([]op.Op[string]{late("a"), other, hourly("c"), hourly("d")}, one)
		}, func(other op.Op[string]) op.Op[string] {
			return parallelOf([]op.Op[string]{other, hourly("c"), hourly("d"), op.Replaces(late("x"), late("a"))}, one)
		}},
	}
	for _, tt := range tests {
		for _, other := range []struct {
			how  string
			op   func() op.Op[string]
			back bool
		}{{"the batch fails", fails, true}, {"the batch succeeds", ends, false}} {
			t.Run(tt.reason+", "+other.how, func(t *testing.T) {
				t.Parallel()
				code := func(batch func(op.Op[string]) op.Op[string]) local.Handler {
					return replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
						v, err := replay.Run(ctx, batch(other.op()))
						if _, waited := replay.Run(ctx, hourly("w")); waited != nil {
							return "", waited
						}
						return fmt.Sprint(v, err != nil), nil
					})
				}
				var completed, compensated int
				for _, begin := range []local.Handler{code(tt.before), code(tt.after)} {
					everyState(t, begin, code(tt.after), func(where string, e *local.Execution) {
						if f := e.Failure(); f != nil {
							t.Errorf("%s: %s", where, f.Message)
						}
						count := did(e)
						for _, step := range []string{"a", "x"} {
							undone := count[step+"-undo"]
							if other.back && undone != count[step] || !other.back && undone != 0 || count[step] > 1 {
								t.Errorf("%s: %v", where, count)
							}
							completed += count[step]
							compensated += undone
						}
					})
				}
				if completed < 5 || other.back && compensated < 5 {
					t.Errorf("only %d steps completed, %d were compensated", completed, compensated)
				}
			})
		}
	}
}
