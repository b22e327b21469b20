package edits

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// All returns the catalogue.
func All() []Edit {
	var all []Edit
	for _, part := range [][]Edit{sequences(), batches(), maps(), kinds(), types(), inputs(), loops(), closed(), later()} {
		all = append(all, part...)
	}
	declared := declarations()
	for i := range all {
		e := &all[i]
		d := declared[e.ID]
		e.Declared, e.How = d.code, d.how
	}
	return all
}

// sequences are edits of operations that run one after the other.
func sequences() []Edit {
	order := sequence("reserve", "charge", "~cool-off", "ship")
	return []Edit{
		{ID: "01", Name: "rename a step in the middle", Before: order, After: sequence("reserve", "charge-card", "~cool-off", "ship")},
		{ID: "02", Name: "rename the wait", Before: order, After: sequence("reserve", "charge", "~pause", "ship")},
		{ID: "03", Name: "insert a step at the beginning", Before: order, After: sequence("check", "reserve", "charge", "~cool-off", "ship")},
		{ID: "04", Name: "insert a step between two", Before: order, After: sequence("reserve", "check", "charge", "~cool-off", "ship")},
		{ID: "05", Name: "insert a step at the end", Before: order, After: sequence("reserve", "charge", "~cool-off", "ship", "thank")},
		{ID: "06", Name: "remove a step", Before: order, After: sequence("reserve", "~cool-off", "ship")},
		{ID: "07", Name: "remove the wait", Before: order, After: sequence("reserve", "charge", "ship")},
		{ID: "08", Name: "swap two sequential steps", Before: order, After: sequence("charge", "reserve", "~cool-off", "ship")},
		{ID: "17", Name: "wrap two steps in a group", Before: order, After: text(func(c *code) {
			c.add(do(c, steps(c, "prepare", "reserve", "charge")))
			c.run("~cool-off", "ship")
		})},
		{ID: "18", Name: "unwrap a group", Before: text(func(c *code) {
			c.add(do(c, steps(c, "prepare", "reserve", "charge")))
			c.run("~cool-off", "ship")
		}), After: order},
		{ID: "19", Name: "move steps into a function that is called in the same scope", Before: order, After: text(func(c *code) {
			prepare := func() { c.run("reserve", "charge") }
			prepare()
			c.run("~cool-off", "ship")
		})},
		{ID: "20", Name: "a step becomes a group of the same name", Before: order, After: text(func(c *code) {
			c.run("reserve")
			c.add(do(c, steps(c, "charge", "charge-card")))
			c.run("~cool-off", "ship")
		})},
		{ID: "21", Name: "two sequential steps run in Join2", Before: order, After: text(func(c *code) {
			both := do(c, op.Join2("both", step(c, "reserve", "reserve"), step(c, "charge", "charge")))
			c.out = append(c.out, both.A, both.B)
			c.run("~cool-off", "ship")
		})},
		{ID: "21b", Name: "a step is started by Go and awaited later", Before: order, After: text(func(c *code) {
			reserve := replay.Go(c.Context, step(c, "reserve", "reserve"))
			charge := do(c, step(c, "charge", "charge"))
			c.add(do(c, reserve.Result()))
			c.add(charge)
			c.run("~cool-off", "ship")
		})},
		{ID: "31", Name: "split a step in two", Before: order, After: sequence("reserve", "authorize", "capture", "~cool-off", "ship")},
		{ID: "31b", Name: "merge two steps into one", Before: order, After: sequence("reserve-and-charge", "~cool-off", "ship")},
		{ID: "33", Name: "conditional added (taken for this input)", Before: order, After: sequence("reserve", "charge", "notify", "~cool-off", "ship")},
		{ID: "33b", Name: "conditional added around a step (not taken)", Before: order, After: sequence("charge", "~cool-off", "ship")},
		{ID: "34", Name: "early return added after the wait", Before: sequence("reserve", "~cool-off", "charge", "~dry", "ship"), After: sequence("reserve", "~cool-off")},
		{ID: "41", Name: "remove the first of two steps of one name without keys", Before: text(func(c *code) {
			c.add(do(c, effect(c, "notify", "notify-buyer", "buyer")))
			c.add(do(c, effect(c, "notify", "notify-seller", "seller")))
			c.run("~cool-off")
		}), After: text(func(c *code) {
			c.add(do(c, effect(c, "notify", "notify-seller", "seller")))
			c.run("~cool-off")
		})},
	}
}

// parallel is a version with a batch of branches and a wait after it.
func parallel(names ...string) Version {
	return text(func(c *code) {
		values(c, do(c, op.Parallel("both", branches(c, names...))))
		c.run("~deploy", "ship")
	})
}

// batches are edits of branches that have names.
func batches() []Edit {
	return []Edit{
		{ID: "10", Name: "reorder the branches of a Parallel", Before: parallel("a", "b"), After: parallel("b", "a")},
		{ID: "11a", Name: "new branch in a Parallel, appended", Before: parallel("a", "b"), After: parallel("a", "b", "c")},
		{ID: "11b", Name: "new branch in a Parallel, in front", Before: parallel("a", "b"), After: parallel("c", "a", "b")},
		{ID: "11c", Name: "branch of a Parallel removed", Before: parallel("a", "b"), After: parallel("b")},
		{ID: "22", Name: "Parallel becomes Map (same name)", Before: parallel("a", "b"), After: mapped(each, []string{"a", "b"})},
	}
}

// mapped is a version with a map of items and a wait after it.
func mapped(build func(*code) op.Builder[string, string], items []string, opts ...op.MapOption) Version {
	return text(func(c *code) {
		values(c, do(c, op.Map("both", items, build(c), opts...)))
		c.run("~deploy", "ship")
	})
}

// maps are edits of the items and the options of a map.
func maps() []Edit {
	ab, abc := []string{"a", "b"}, []string{"a", "b", "c"}
	one := op.WithMaxConcurrency(1)
	first := func(n int) Version { return mapped(each, abc, one, op.WithCompletion(op.MinSuccessful(n))) }
	return []Edit{
		{ID: "09", Name: "move the wait behind the map", Before: text(func(c *code) {
			c.run("~cool-off")
			values(c, do(c, op.Map("both", ab, each(c))))
			c.run("ship")
		}), After: text(func(c *code) {
			values(c, do(c, op.Map("both", ab, each(c))))
			c.run("~cool-off", "ship")
		})},
		{ID: "23a", Name: "map: item appended (by index)", Before: mapped(each, ab), After: mapped(each, abc)},
		{ID: "23b", Name: "map: item put in front (by index)", Before: mapped(each, ab), After: mapped(each, []string{"c", "a", "b"})},
		{ID: "23c", Name: "map: item put in front (keys)", Before: mapped(keyed, ab), After: mapped(keyed, []string{"c", "a", "b"})},
		{ID: "23d", Name: "map: items reordered (keys)", Before: mapped(keyed, ab), After: mapped(keyed, []string{"b", "a"})},
		{ID: "23e", Name: "map: item removed (keys)", Before: mapped(keyed, abc), After: mapped(keyed, []string{"a", "c"})},
		{ID: "23f", Name: "map: an item replaced by another (keys)", Before: mapped(keyed, ab), After: mapped(keyed, []string{"a", "c"})},
		{ID: "23g", Name: "map: keys added", Before: mapped(each, ab), After: mapped(keyed, ab)},
		{ID: "24", Name: "map: concurrency 3 to 1", Before: mapped(each, abc), After: mapped(each, abc, one)},
		{ID: "25a", Name: "map: nested to flat", Before: mapped(each, ab), After: mapped(each, ab, op.WithFlat())},
		{ID: "25b", Name: "map: flat to nested", Before: mapped(each, ab, op.WithFlat()), After: mapped(each, ab)},
		{ID: "26a", Name: "map: MinSuccessful 1 to 3, one at a time", Before: first(1), After: first(3)},
		{ID: "26b", Name: "map: MinSuccessful 3 to 1, one at a time", Before: first(3), After: first(1)},
		{ID: "26c", Name: "map: chunks of 1 to chunks of 2", Before: mapped(each, abc, op.WithChunks(1, 0)), After: mapped(each, abc, op.WithChunks(2, 0))},
	}
}

// approval is an operation that waits for an answer from outside.
func approval(c *code, name string) op.Op[string] {
	return op.WaitForCallback[string](name, func(ctx context.Context, _ string) error {
		c.w.ran(ctx, "ask-"+name)
		return nil
	})
}

// around is a version that runs something between two steps.
func around(middle func(c *code)) Version {
	return text(func(c *code) {
		c.run("reserve")
		middle(c)
		c.run("~cool-off", "ship")
	})
}

// flaky is a step whose first attempt fails.
func flaky(c *code, p retry.Policy) op.Op[string] {
	return op.Step("charge", func(ctx context.Context) (string, error) {
		if info, _ := op.InfoFrom(ctx); info.Attempt == 1 {
			return "", errors.New("busy")
		}
		c.w.ran(ctx, "charge")
		return "charge", nil
	}, op.WithRetry(p))
}

var errLate = errors.New("too late")

// undone is a version whose scope fails after a step that may have an Undo.
func undone(undo bool) Version {
	return undoneBy(func(_ *code, reserve op.Op[string], release func(context.Context, string) error) op.Op[string] {
		if undo {
			return reserve.Undo(release)
		}
		return reserve
	})
}

// undoneBy is undone for a step that with makes of the plain one and of what takes it back.
func undoneBy(with func(c *code, reserve op.Op[string], release func(context.Context, string) error) op.Op[string]) Version {
	return text(func(c *code) {
		_, err := replay.Run(c.Context, op.Group("try", func(ctx op.Context) (string, error) {
			c := c.inside(ctx)
			do(c, with(c, step(c, "reserve", "reserve"), func(ctx context.Context, _ string) error {
				c.w.ran(ctx, "release")
				return nil
			}))
			c.run("~cool-off")
			return "", errLate
		}))
		c.add(err != nil)
		c.run("~dry")
	})
}

// prefixed is a codec with a format of its own.
func prefixed() codec.Typed[string] {
	return codec.Of(
		func(s string) ([]byte, error) { return []byte("v2:" + s), nil },
		func(b []byte) (string, error) {
			s, ok := strings.CutPrefix(string(b), "v2:")
			if !ok {
				return "", errors.New("not of version 2")
			}
			return s, nil
		},
	)
}

// kinds are edits of what an operation is, and of its options.
func kinds() []Edit {
	plain := around(func(c *code) { c.run("charge") })
	fixed := func(d time.Duration) retry.Policy { return retry.Fixed(d, retry.MaxAttempts(3)) }
	charge := func(opts ...op.StepOption) Version {
		return around(func(c *code) { c.add(do(c, step(c, "charge", "charge", opts...))) })
	}
	builder := func(amount int) Version {
		return around(func(c *code) {
			charge := op.StepFunc("charge", func(ctx context.Context, _ int) (string, error) {
				c.w.ran(ctx, "charge")
				return "charge", nil
			})
			c.add(do(c, charge(amount)))
		})
	}
	return []Edit{
		{ID: "12", Name: "change the input of a step", Before: builder(1), After: builder(2)},
		{
			ID: "14", Name: "change the retry policy",
			Before: around(func(c *code) { c.add(do(c, flaky(c, fixed(time.Minute)))) }),
			After:  around(func(c *code) { c.add(do(c, flaky(c, fixed(time.Hour)))) }),
		},
		{
			ID: "15", Name: "change the timeout of a callback",
			Before: around(func(c *code) { c.add(do(c, approval(c, "approve"))) }),
			After: around(func(c *code) {
				c.add(do(c, op.WaitForCallback[string]("approve", func(ctx context.Context, _ string) error {
					c.w.ran(ctx, "ask-approve")
					return nil
				}, op.WithTimeout(48*time.Hour))))
			}),
		},
		{ID: "16", Name: "change the duration of a wait", Before: plain, After: text(func(c *code) {
			c.run("reserve", "charge")
			do(c, op.Wait("cool-off", 3*time.Hour))
			c.run("ship")
		})},
		{
			ID: "27", Name: "replace a wait by a callback of the same name", Before: plain,
			After: text(func(c *code) {
				c.run("reserve", "charge")
				do(c, approval(c, "cool-off"))
				c.run("ship")
			}),
		},
		{
			ID: "28", Name: "put a Timeout around a callback",
			Before: around(func(c *code) { c.add(do(c, approval(c, "approve"))) }),
			After:  around(func(c *code) { c.add(do(c, op.Timeout("in-time", approval(c, "approve"), 72*time.Hour))) }),
		},
		{ID: "29", Name: "add Undo to a step (the scope fails later)", Before: undone(false), After: undone(true)},
		{ID: "29b", Name: "remove Undo from a step", Before: undone(true), After: undone(false)},
		{
			ID: "30", Name: "change the codec of a step to one with another format", Before: plain,
			After: around(func(c *code) {
				c.add(do(c, step(c, "charge", "charge").WithCodec(prefixed())))
			}),
		},
		{ID: "37", Name: "key added to a step", Before: plain, After: around(func(c *code) { c.add(do(c, step(c, "charge", "charge").Key("k"))) })},
		{ID: "38", Name: "a step becomes at-most-once", Before: plain, After: charge(op.WithSemantics(op.AtMostOncePerRetry))},
		{ID: "39", Name: "a step becomes relaxed", Before: plain, After: charge(op.WithSemantics(op.Relaxed))},
		{ID: "40", Name: "a step becomes an invoke of the same name", Before: plain, After: around(func(c *code) {
			c.add(do(c, op.Invoke[string]("charge", "stock", "charge")))
		})},
	}
}

// rounds is a version with a loop whose rounds have keys.
func rounds(n int) Version {
	return text(func(c *code) {
		for i := range n {
			c.add(do(c, effect(c, "round", "round-"+strconv.Itoa(i), i).Key(strconv.Itoa(i))))
			c.run("~pause-" + strconv.Itoa(i))
		}
		c.run("ship")
	})
}

// unkeyed is a version with a loop over items that it does not name.
func unkeyed(items ...string) Version {
	return text(func(c *code) {
		for _, item := range items {
			c.add(do(c, effect(c, "round", "round-"+item, item)))
		}
		c.run("~pause", "ship")
	})
}

// loops are edits of how often and over what a loop goes.
func loops() []Edit {
	return []Edit{
		{ID: "32a", Name: "a loop makes more rounds", Before: rounds(3), After: rounds(4)},
		{ID: "32b", Name: "a loop makes fewer rounds", Before: rounds(3), After: rounds(2)},
		{ID: "32c", Name: "a loop without keys begins later", Before: unkeyed("a", "b", "c"), After: unkeyed("b", "c")},
		{ID: "32d", Name: "a loop without keys goes over other items of the same number", Before: unkeyed("a", "b"), After: unkeyed("x", "y")},
	}
}

// joined is a version with a combinator whose operands are named.
func joined(join func(c *code, ops []op.Op[string]) []string, names ...string) Version {
	return text(func(c *code) {
		c.out = append(c.out, join(c, branches(c, names...))...)
		c.run("~deploy", "ship")
	})
}

// closed are edits of combinators, which cannot be without the result of an operand.
func closed() []Edit {
	all := func(c *code, ops []op.Op[string]) []string { return do(c, op.All("both", ops...)) }
	two := func(a, b string) Version {
		return joined(func(c *code, ops []op.Op[string]) []string {
			v := do(c, op.Join2("both", ops[0], ops[1]))
			return []string{v.A, v.B}
		}, a, b)
	}
	winner := func(c *code, ops []op.Op[string]) []string {
		w := do(c, op.RaceWinner("both", ops...))
		return []string{w.Name, w.Value}
	}
	return []Edit{
		{ID: "42a", Name: "All: operands reordered", Before: joined(all, "a", "b"), After: joined(all, "b", "a")},
		{ID: "42b", Name: "All: an operand appended", Before: joined(all, "a", "b"), After: joined(all, "a", "b", "c")},
		{ID: "42c", Name: "Join2 becomes Join3", Before: two("a", "b"), After: joined(func(c *code, ops []op.Op[string]) []string {
			v := do(c, op.Join3("both", ops[0], ops[1], ops[2]))
			return []string{v.A, v.B, v.C}
		}, "a", "b", "c")},
		{ID: "42d", Name: "Join2: operands swapped", Before: two("a", "b"), After: two("b", "a")},
		{ID: "42e", Name: "RaceWinner: operands reordered", Before: joined(winner, "a", "b"), After: joined(winner, "b", "a")},
	}
}

// later are edits that are seen later than where the log ends: in branches that have no room yet,
// and in results that no one has asked for.
func later() []Edit {
	abc := []string{"a", "b", "c"}
	weighed := func(c *code) op.Builder[string, string] {
		return func(item string) op.Op[string] {
			return group(c, "item", func(c *code) {
				if item != "a" {
					c.add(do(c, effect(c, "weigh", "weigh-"+item, 1)))
				}
				c.add(do(c, effect(c, "pack", "pack-"+item, "packed-"+item)))
				c.run("~rest")
			})
		}
	}
	quote := func(get func(c *code) func() string) Version {
		return text(func(c *code) {
			get := get(c)
			c.run("~cool-off")
			c.add(get())
		})
	}
	return []Edit{
		{ID: "43", Name: "map: concurrency 3 to 1, and the items change", Before: mapped(each, abc), After: mapped(weighed, abc, op.WithMaxConcurrency(1))},
		{ID: "44", Name: "a future's type changes before it is awaited", Before: quote(func(c *code) func() string {
			f := replay.Go(c.Context, step(c, "quote", "5"))
			return func() string { return do(c, f.Result()) }
		}), After: quote(func(c *code) func() string {
			f := replay.Go(c.Context, step(c, "quote", 5))
			return func() string { return strconv.Itoa(do(c, f.Result())) }
		})},
		{ID: "45", Name: "a Race in an open map changes its type", Before: raced(abc, func(item string) string { return item }), After: raced(abc, func(item string) int { return len(item) })},
		{ID: "46", Name: "what runs in an open map changes its type", Before: mapped(func(c *code) op.Builder[string, string] {
			return func(item string) op.Op[string] { return effect(c, "pack", "pack-"+item, item) }
		}, abc, op.WithMaxConcurrency(1)), After: text(func(c *code) {
			b := do(c, op.Map("both", abc, func(item string) op.Op[int] { return effect(c, "pack", "pack-"+item, len(item)) }, op.WithMaxConcurrency(1)))
			for _, it := range b.Items {
				c.add(it.Value)
			}
			c.run("~deploy", "ship")
		})},
	}
}

// raced is a version with a map whose items are races, which end one after the other.
func raced[T any](items []string, value func(item string) T) Version {
	return text(func(c *code) {
		for _, it := range do(c, races(c, "both", items, value)).Items {
			c.add(it.Value)
		}
		c.run("~deploy", "ship")
	})
}

func races[T any](c *code, name string, items []string, value func(item string) T) op.Op[op.Batch[T]] {
	return op.Map(name, items, func(item string) op.Op[T] {
		slow := op.Group("slow", func(ctx op.Context) (T, error) {
			c.inside(ctx).run("~longer")
			return value(item), nil
		})
		return op.Race("first", effect(c, "pack", "pack-"+item, value(item)), slow)
	}, op.WithMaxConcurrency(1))
}
