package replay_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// reservations is an outside system that no crash makes forget anything.
type reservations struct {
	mu sync.Mutex
	// held is how often each thing is reserved, times what it was reserved with.
	held  map[string]int
	size  map[string]int // the length of the value that the reservation returned
	wrong []string
}

func newReservations() *reservations {
	return &reservations{held: map[string]int{}, size: map[string]int{}}
}

// make reserves a thing. A body may run twice: a thing is reserved once.
func (r *reservations) make(name, value string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[name], r.size[name] = 1, len(value)
	return value, nil
}

// release gives a thing back. Bodies of compensations run once here.
func (r *reservations) release(name, value string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[name]--
	if len(value) != r.size[name] {
		r.wrong = append(r.wrong, name+" was released with another value than it was reserved with")
	}
	return nil
}

// step reserves name, and releases it as its Undo.
func (r *reservations) step(name string) op.Op[string] { return r.reserve(name).Undo(r.releases(name)) }

func (r *reservations) releases(name string) func(context.Context, string) error {
	return func(_ context.Context, v string) error { return r.release(name, v) }
}

// reserve is step without the Undo.
func (r *reservations) reserve(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return r.make(name, name) })
}

// huge is more than a group keeps in its own record.
var huge = strings.Repeat("h", 300<<10)

// group is a group that reserves name and results in value.
func (r *reservations) group(name, value string) op.Op[string] {
	return op.Group(name+"-group", func(ctx op.Context) (string, error) {
		v, err := replay.Run(ctx, op.Step(name, func(context.Context) (string, error) { return r.make(name, value) }))
		return v, err
	})
}

func textStep(name, value string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return value, nil })
}

func groupOf(name, value string) op.Op[string] {
	return op.Group(name, func(ctx op.Context) (string, error) { return replay.Run(ctx, textStep("s", value)) })
}

// execAll runs operations one after the other.
func execAll[T any](ctx op.Context, ops ...op.Op[T]) error {
	for _, o := range ops {
		if err := replay.Exec(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// befores are what runs before something is reserved: a look-ahead has to go through it.
func befores() map[string]func(ctx op.Context) error {
	half := 160 << 10
	each := op.StepFunc("each", func(_ context.Context, i int) (string, error) { return huge[:half], nil })
	eachGroup := op.GroupFunc("each", func(ctx op.Context, i int) (string, error) {
		return replay.Run(ctx, textStep("s", huge))
	})
	return map[string]func(ctx op.Context) error{
		"nothing": func(op.Context) error { return nil },
		"a small map": func(ctx op.Context) error {
			return execAll(ctx, op.Map("m", []int{1, 2}, op.StepFunc("e", func(_ context.Context, i int) (int, error) { return i, nil })))
		},
		"a large map":      func(ctx op.Context) error { return execAll(ctx, op.Map("m", []int{1, 2}, each)) },
		"a large flat map": func(ctx op.Context) error { return execAll(ctx, op.Map("m", []int{1, 2}, each, op.WithFlat())) },
		"large chunks": func(ctx op.Context) error {
			return execAll(ctx, op.Map("m", []int{1, 2, 3}, each, op.WithChunks(2, 0)))
		},
		"a map of large groups": func(ctx op.Context) error {
			return execAll(ctx, op.Map("m", []int{1, 2}, eachGroup))
		},
		"a large All": func(ctx op.Context) error {
			return execAll(ctx, op.All("all", textStep("a", huge[:half]), groupOf("b", huge[:half])))
		},
		"a large Parallel": func(ctx op.Context) error {
			return execAll(ctx, op.Parallel("p", []op.Op[string]{textStep("a", huge), groupOf("b", huge)}))
		},
		"a large race": func(ctx op.Context) error {
			return execAll(ctx, op.Race("r", groupOf("a", huge), op.Transform(op.Wait("w", time.Hour), func(op.None) (string, error) { return "", nil })))
		},
		"a large time-out": func(ctx op.Context) error { return execAll(ctx, op.Timeout("t", groupOf("a", huge), time.Hour)) },
		"large attempts":   func(ctx op.Context) error { return execAll(ctx, op.Retry("a", groupOf("a", huge), retry.Default())) },
		"a large group":    func(ctx op.Context) error { return execAll(ctx, groupOf("g", huge)) },
		"a large map in a large group": func(ctx op.Context) error {
			return execAll(ctx, op.Group("g", func(ctx op.Context) ([]string, error) {
				b, err := replay.Run(ctx, op.Map("m", []int{1, 2}, each))
				return b.Values(), err
			}))
		},
		"a large map that failed": func(ctx op.Context) error {
			some := op.StepFunc("each", func(_ context.Context, i int) (string, error) {
				if i == 3 {
					return "", errDenied
				}
				return huge[:half], nil
			}, op.WithRetry(retry.Never()))
			if err := execAll(ctx, op.Map("m", []int{1, 2, 3}, some, op.WithCompletion(op.AllCompleted()))); err != nil {
				return err
			}
			_, err := replay.Run(ctx, op.All("all", textStep("a", huge), op.Step("b", func(context.Context) (string, error) { return "", errDenied }, op.WithRetry(retry.Never()))))
			if err == nil {
				return errors.New("All did not fail")
			}
			return nil
		},
		"a large future": func(ctx op.Context) error {
			return execAll(ctx, replay.Go(ctx, op.Map("m", []int{1, 2}, each)).Result())
		},
		"a large future that is not awaited": func(ctx op.Context) error {
			replay.Go(ctx, groupOf("g", huge))
			return execAll(ctx, op.Wait("second", time.Second))
		},
		"a WaitUntil after a relaxed step": func(ctx op.Context) error {
			if err := execAll(ctx, op.Step("relaxed", func(context.Context) (string, error) { return "", nil }, op.WithSemantics(op.Relaxed))); err != nil {
				return err
			}
			return execAll(ctx, op.WaitUntil("until", replay.Now(ctx)))
		},
		"a wait and a callback's creation": func(ctx op.Context) error {
			if err := execAll(ctx, op.Wait("second", time.Second)); err != nil {
				return err
			}
			_, err := replay.Run(ctx, op.CreateCallback[string]("cb"))
			return err
		},
	}
}

// undoPlaces are where an Undo may stand. Each place reserves "x", and is then at its end but for
// its wait.
func undoPlaces(r *reservations) map[string]func(ctx op.Context) error {
	group := func(name, value string) op.Op[string] { return r.group(name, value) }
	open := func(name string, o op.Op[string]) op.Op[string] { // a group that is not at its end
		return op.Group(name, func(ctx op.Context) (string, error) {
			return "", errors.Join(execAll(ctx, o), execAll(ctx, op.Wait("long", 1000*time.Hour)))
		})
	}
	never := func(name string) op.Op[string] {
		return op.Transform(op.Wait(name, 1000*time.Hour), func(op.None) (string, error) { return "", nil })
	}
	item := func(o op.Op[string]) op.Builder[string, string] {
		return op.GroupFunc("item", func(ctx op.Context, s string) (string, error) {
			if s == "x" {
				return replay.Run(ctx, o)
			}
			return replay.Run(ctx, never("long"))
		})
	}
	steps := func() op.Builder[string, string] {
		b := op.StepFunc("item", func(_ context.Context, s string) (string, error) { return r.make(s, s) })
		return b.Undo(func(_ context.Context, s string) error { return r.release(s, s) })
	}
	values := func(_ context.Context, b op.Batch[string]) error {
		for _, v := range b.Values() {
			_ = r.release(v, v)
		}
		return nil
	}
	return map[string]func(ctx op.Context) error{
		"a step":               func(ctx op.Context) error { return execAll(ctx, r.step("x")) },
		"a keyed step":         func(ctx op.Context) error { return execAll(ctx, r.step("x").Key("k")) },
		"the second of a name": func(ctx op.Context) error { return execAll(ctx, textStep("x", ""), r.step("x")) },
		"a mapped error": func(ctx op.Context) error {
			return execAll(ctx, r.step("x").MapError(func(err error) error { return err }))
		},
		"a transformed step": func(ctx op.Context) error {
			return execAll(ctx, op.Transform(r.step("x"), func(string) (int, error) { return 1, nil }))
		},
		"a step attempted": func(ctx op.Context) error {
			return execAll(ctx, r.reserve("x").UndoAttempted(func(context.Context) error { return r.release("x", "x") }))
		},
		"a relaxed step": func(ctx op.Context) error {
			o := op.Step("x", func(context.Context) (string, error) { return r.make("x", "x") }, op.WithSemantics(op.Relaxed))
			return execAll(ctx, o.Undo(r.releases("x")))
		},
		"a condition": func(ctx op.Context) error {
			return execAll(ctx, op.WaitForCondition("x", "", func(context.Context, string) (string, bool, error) {
				v, err := r.make("x", "x")
				return v, true, err
			}).Undo(r.releases("x")))
		},
		"a wait": func(ctx op.Context) error {
			o := op.Step("r", func(context.Context) (string, error) { return r.make("x", "") })
			if err := execAll(ctx, o); err != nil {
				return err
			}
			return execAll(ctx, op.Wait("x", time.Second).Undo(func(context.Context, op.None) error { return r.release("x", "") }))
		},
		"a group":                        func(ctx op.Context) error { return execAll(ctx, group("x", "x").Undo(r.releases("x"))) },
		"a large group":                  func(ctx op.Context) error { return execAll(ctx, group("x", huge).Undo(r.releases("x"))) },
		"in an open group":               func(ctx op.Context) error { return execAll(ctx, open("o", r.step("x"))) },
		"in two open groups":             func(ctx op.Context) error { return execAll(ctx, open("o", open("p", r.step("x")))) },
		"a large group in an open group": func(ctx op.Context) error { return execAll(ctx, open("o", group("x", huge).Undo(r.releases("x")))) },
		"a future":                       func(ctx op.Context) error { return execAll(ctx, replay.Go(ctx, r.step("x")).Result()) },
		"a future of a group": func(ctx op.Context) error {
			return execAll(ctx, replay.Go(ctx, group("x", huge).Undo(r.releases("x"))).Result())
		},
		"a future not awaited": func(ctx op.Context) error {
			replay.Go(ctx, r.step("x"))
			return execAll(ctx, op.Wait("second", time.Second))
		},
		"a large future not awaited": func(ctx op.Context) error {
			replay.Go(ctx, group("x", huge).Undo(r.releases("x")))
			return execAll(ctx, op.Wait("second", time.Second))
		},
		"in an open future": func(ctx op.Context) error { return execAll(ctx, replay.Go(ctx, open("o", r.step("x"))).Result()) },
		"a map": func(ctx op.Context) error {
			return execAll(ctx, op.Map("m", []string{"x"}, op.StepFunc("i", func(_ context.Context, s string) (string, error) { return r.make(s, s) })).Undo(values))
		},
		"a map of groups that is large": func(ctx op.Context) error {
			b := op.GroupFunc("i", func(ctx op.Context, s string) (string, error) { return replay.Run(ctx, group("x", huge)) })
			return execAll(ctx, op.Map("m", []string{"x"}, b).Undo(func(_ context.Context, b op.Batch[string]) error { return r.release("x", strings.Join(b.Values(), "")) }))
		},
		"items of an open map": func(ctx op.Context) error {
			return execAll(ctx, op.Map("m", []string{"x", "y"}, func(s string) op.Op[string] {
				if s == "x" {
					return r.step("x")
				}
				return never("long")
			}))
		},
		"items of an open flat map": func(ctx op.Context) error {
			return execAll(ctx, op.Map("m", []string{"x", "y"}, item(open("o", r.step("x"))), op.WithFlat()))
		},
		"in a branch of an open map": func(ctx op.Context) error {
			return execAll(ctx, op.Map("m", []string{"x", "y"}, item(open("o", r.step("x")))))
		},
		"steps of an open map": func(ctx op.Context) error {
			return execAll(ctx, op.Parallel("p", []op.Op[string]{r.step("x"), never("long")}))
		},
		"a large group in an open Parallel": func(ctx op.Context) error {
			return execAll(ctx, op.Parallel("p", []op.Op[string]{group("x", huge).Undo(r.releases("x")), never("long")}))
		},
		"a large group in an open All": func(ctx op.Context) error {
			return execAll(ctx, op.All("p", group("x", huge).Undo(r.releases("x")), never("long")))
		},
		"a group attempted in an open All": func(ctx op.Context) error {
			return execAll(ctx, op.All("p", open("o", r.reserve("x")).UndoAttempted(func(context.Context) error { return r.release("x", "x") }), never("long")))
		},
		"an open map of chunks": func(ctx op.Context) error {
			return errors.Join(execAll(ctx, op.All("p", op.Transform(op.Map("m", []string{"x"}, steps(), op.WithChunks(2, 0)).Undo(values), func(op.Batch[string]) (string, error) { return "", nil }), never("long"))))
		},
		"a time-out": func(ctx op.Context) error { return execAll(ctx, op.Timeout("t", r.step("x"), time.Hour)) },
		"a time-out of a large group": func(ctx op.Context) error {
			return execAll(ctx, op.Timeout("t", group("x", huge).Undo(r.releases("x")), time.Hour))
		},
		"attempts": func(ctx op.Context) error { return execAll(ctx, op.Retry("a", r.step("x"), retry.Default())) },
		"attempts of a large group": func(ctx op.Context) error {
			return execAll(ctx, op.Retry("a", group("x", huge).Undo(r.releases("x")), retry.Default()))
		},
		"a time-out of attempts": func(ctx op.Context) error {
			return execAll(ctx, op.Timeout("t", op.Retry("a", r.step("x"), retry.Default()), time.Hour))
		},
		"attempts of a time-out": func(ctx op.Context) error {
			return execAll(ctx, op.Retry("a", op.Timeout("t", r.step("x"), time.Hour), retry.Default()))
		},
		"an open time-out": func(ctx op.Context) error {
			return execAll(ctx, op.Timeout("t", open("o", r.step("x")), 900*time.Hour))
		},
		"open attempts": func(ctx op.Context) error {
			return execAll(ctx, op.Retry("a", open("o", r.step("x")), retry.Default()))
		},
		"two wrappers of one name inside": func(ctx op.Context) error {
			return execAll(ctx, op.Timeout("t", r.step("x"), time.Hour), op.Timeout("u", r.step("y"), time.Hour))
		},
	}
}
