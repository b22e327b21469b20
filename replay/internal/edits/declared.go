package edits

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	stdmaps "maps"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// declaration is how an edit is declared: what to write, as the table has it, and the code.
type declaration struct {
	how  string
	code Version
}

// declarations are those of the edits of the catalogue, by their IDs.
func declarations() map[string]declaration {
	all := make(map[string]declaration)
	for _, part := range []map[string]declaration{declaredSequences(), declaredBatches(), declaredKinds(), declaredTypes(), declaredLoops()} {
		stdmaps.Copy(all, part)
	}
	return all
}

// inline is code in the scope around it, with the text of its results.
func inline(c *code, name string, run func(c *code)) op.Op[string] {
	return op.Inline(name, func(ctx op.Context) (string, error) {
		in := c.inside(ctx)
		run(in)
		return in.result(), nil
	})
}

// runs is inline for steps and waits.
func runs(c *code, names ...string) op.Op[string] {
	return inline(c, "runs "+strings.Join(names, " "), func(c *code) { c.run(names...) })
}

// pause is a wait with a result.
func pause(name string) op.Op[string] {
	return op.Transform(op.Wait(name, time.Hour), func(op.None) (string, error) { return "", nil })
}

// then is a version that does something, and goes on as a sequence.
func then(first func(c *code), rest ...string) Version {
	return text(func(c *code) {
		first(c)
		c.run(rest...)
	})
}

// note adds what is not empty.
func (c *code) note(text string) {
	if text != "" {
		c.add(text)
	}
}

func declaredSequences() map[string]declaration {
	// replaced is a sequence with a declared change in it.
	replaced := func(before []string, o, old func(c *code) op.Op[string], rest ...string) Version {
		return text(func(c *code) {
			c.run(before...)
			c.note(do(c, op.Replaces(o(c), old(c))))
			c.run(rest...)
		})
	}
	all := func(names ...string) func(c *code) op.Op[string] {
		return func(c *code) op.Op[string] { return runs(c, names...) }
	}
	one := func(name string) func(c *code) op.Op[string] {
		return func(c *code) op.Op[string] { return step(c, name, name) }
	}
	prepare := func(c *code) op.Op[string] { return steps(c, "prepare", "reserve", "charge") }
	join := func(c *code) op.Op[string] {
		return op.Inline("both", func(ctx op.Context) (string, error) {
			in := c.inside(ctx)
			both := do(in, op.Join2("both", step(in, "reserve", "reserve"), step(in, "charge", "charge")))
			return both.A + " " + both.B, nil
		})
	}
	return map[string]declaration{
		"01": {how: `op.Step("charge-card", …).Was("charge")`, code: text(func(c *code) {
			c.run("reserve")
			c.add(do(c, step(c, "charge-card", "charge-card").Was("charge")))
			c.run("~cool-off", "ship")
		})},
		"02": {how: `op.Wait("pause", …).Was("cool-off")`, code: text(func(c *code) {
			c.run("reserve", "charge")
			do(c, op.Wait("pause", time.Hour).Was("cool-off"))
			c.run("ship")
		})},
		"03": {how: `op.Added(check, v)`, code: then(func(c *code) { c.add(do(c, op.Added(step(c, "check", "check"), "check"))) }, "reserve", "charge", "~cool-off", "ship")},
		"04": {how: `op.Added(check, v)`, code: text(func(c *code) {
			c.run("reserve")
			c.add(do(c, op.Added(step(c, "check", "check"), "check")))
			c.run("charge", "~cool-off", "ship")
		})},
		"06": {how: `op.Removed(charge)`, code: text(func(c *code) {
			c.run("reserve")
			do(c, op.Removed(step(c, "charge", "charge")))
			c.run("~cool-off", "ship")
		})},
		"07": {how: `op.Removed(coolOff)`, code: text(func(c *code) {
			c.run("reserve", "charge")
			do(c, op.Removed(op.Wait("cool-off", time.Hour)))
			c.run("ship")
		})},
		"08": {how: `op.Replaces(op.Inline(…), op.Inline(…))`, code: replaced(nil, all("charge", "reserve"), all("reserve", "charge"), "~cool-off", "ship")},
		"17": {how: `op.Replaces(group, op.Inline(…))`, code: replaced(nil, prepare, all("reserve", "charge"), "~cool-off", "ship")},
		"18": {how: `op.Replaces(op.Inline(…), group)`, code: replaced(nil, all("reserve", "charge"), prepare, "~cool-off", "ship")},
		"20": {how: `op.Replaces(group, step)`, code: replaced([]string{"reserve"}, func(c *code) op.Op[string] {
			return steps(c, "charge", "charge-card")
		}, one("charge"), "~cool-off", "ship")},
		"21":  {how: `op.Replaces(op.Join2(…), op.Inline(…))`, code: replaced(nil, join, all("reserve", "charge"), "~cool-off", "ship")},
		"31":  {how: `op.Replaces(op.Inline(…), charge)`, code: replaced([]string{"reserve"}, all("authorize", "capture"), one("charge"), "~cool-off", "ship")},
		"31b": {how: `op.Replaces(both, op.Inline(…))`, code: replaced(nil, one("reserve-and-charge"), all("reserve", "charge"), "~cool-off", "ship")},
		"33": {how: `op.Added(notify, v)`, code: text(func(c *code) {
			c.run("reserve", "charge")
			c.add(do(c, op.Added(step(c, "notify", "notify"), "notify")))
			c.run("~cool-off", "ship")
		})},
		"33b": {how: `op.Removed(reserve) in the other branch`, code: then(func(c *code) { do(c, op.Removed(step(c, "reserve", "reserve"))) }, "charge", "~cool-off", "ship")},
		"34":  {how: `op.Replaces(op.Inline(nothing), op.Inline(the rest))`, code: replaced([]string{"reserve", "~cool-off"}, all(), all("charge", "~dry", "ship"))},
		"41": {how: `op.Removed(the first), .Key("seller").WasKey("") for the second`, code: text(func(c *code) {
			do(c, op.Removed(effect(c, "notify", "notify-buyer", "buyer")))
			c.add(do(c, effect(c, "notify", "notify-seller", "seller").Key("seller").WasKey("")))
			c.run("~cool-off")
		})},
		"09": {how: `op.Replaces(op.Inline(…), op.Inline(…))`, code: then(func(c *code) {
			both := func(c *code) { values(c, do(c, op.Map("both", []string{"a", "b"}, each(c)))) }
			c.note(do(c, op.Replaces(
				inline(c, "map, wait", func(c *code) { both(c); c.run("~cool-off") }),
				inline(c, "wait, map", func(c *code) { c.run("~cool-off"); both(c) }))))
		}, "ship")},
	}
}

// mapOf is a version with one batch and a wait after it.
func mapOf(batch func(c *code) op.Op[op.Batch[string]]) Version {
	return text(func(c *code) {
		values(c, do(c, batch(c)))
		c.run("~deploy", "ship")
	})
}

func declaredBatches() map[string]declaration {
	ab, abc := []string{"a", "b"}, []string{"a", "b", "c"}
	around := func(o, old func(c *code) op.Op[op.Batch[string]]) declaration {
		return declaration{
			how:  `op.Replaces(new, old) around it, the new one under another name`,
			code: mapOf(func(c *code) op.Op[op.Batch[string]] { return op.Replaces(o(c), old(c)) }),
		}
	}
	named := func(name string, items []string, opts ...op.MapOption) func(c *code) op.Op[op.Batch[string]] {
		return func(c *code) op.Op[op.Batch[string]] { return op.Map(name, items, each(c), opts...) }
	}
	same := around(named("both", ab), func(c *code) op.Op[op.Batch[string]] { return op.Parallel("both", branches(c, ab...)) })
	same.how = `op.Replaces(op.Map(…), op.Parallel(…))`
	return map[string]declaration{
		"11c": {how: `op.WithRemoved(a)`, code: mapOf(func(c *code) op.Op[op.Batch[string]] {
			all := branches(c, "a", "b")
			return op.Parallel("both", all[1:], op.WithRemoved(all[0]))
		})},
		"22": same,
		"23e": {how: `op.WithRemoved(pack("b"))`, code: mapOf(func(c *code) op.Op[op.Batch[string]] {
			return op.Map("both", []string{"a", "c"}, keyed(c), op.WithRemoved(keyed(c)("b")))
		})},
		"23f": {how: `op.Replaces(pack("c"), pack("b")) as the item`, code: mapOf(func(c *code) op.Op[op.Batch[string]] {
			return op.Map("both", []string{"a", "c"}, func(item string) op.Op[string] {
				if item == "c" {
					return op.Replaces(keyed(c)("c"), keyed(c)("b"))
				}
				return keyed(c)(item)
			})
		})},
		"23g": {how: `.WasKey("")`, code: mapOf(func(c *code) op.Op[op.Batch[string]] {
			return op.Map("both", ab, func(item string) op.Op[string] { return keyed(c)(item).WasKey("") })
		})},
		"25a": around(named("both-flat", ab, op.WithFlat()), named("both", ab)),
		"25b": around(named("both-nested", ab), named("both", ab, op.WithFlat())),
		"26c": around(named("both-in-twos", abc, op.WithChunks(2, 0)), named("both", abc, op.WithChunks(1, 0))),
		"42b": {how: `op.Added(c, v) as the operand`, code: joined(func(c *code, ops []op.Op[string]) []string {
			return do(c, op.All("both", ops[0], ops[1], op.Added(ops[2], "do-c")))
		}, abc...)},
		"42c": {how: `op.Added(c, v) as the operand`, code: joined(func(c *code, ops []op.Op[string]) []string {
			v := do(c, op.Join3("both", ops[0], ops[1], op.Added(ops[2], "do-c")))
			return []string{v.A, v.B, v.C}
		}, abc...)},
		"43": {how: `op.Added(weigh, v) in the item`, code: mapOf(func(c *code) op.Op[op.Batch[string]] {
			return op.Map("both", abc, func(item string) op.Op[string] {
				return group(c, "item", func(c *code) {
					if item != "a" {
						c.add(do(c, op.Added(effect(c, "weigh", "weigh-"+item, 1), 1)))
					}
					c.add(do(c, effect(c, "pack", "pack-"+item, "packed-"+item)))
					c.run("~rest")
				})
			}, op.WithMaxConcurrency(1))
		})},
	}
}

func declaredKinds() map[string]declaration {
	charge := func(o func(c *code) op.Op[string]) Version {
		return around(func(c *code) { c.add(do(c, o(c))) })
	}
	return map[string]declaration{
		"27": {how: `op.Replaces(callback, wait)`, code: text(func(c *code) {
			c.run("reserve", "charge")
			do(c, op.Replaces(approval(c, "cool-off"), pause("cool-off")))
			c.run("ship")
		})},
		"28": {how: `op.Replaces(op.Timeout("in-time", approve, d), approve)`, code: charge(func(c *code) op.Op[string] {
			return op.Replaces(op.Timeout("in-time", approval(c, "approve"), 72*time.Hour), approval(c, "approve"))
		})},
		"29b": {how: `.WasUndone(release)`, code: undoneBy(func(_ *code, reserve op.Op[string], release func(context.Context, string) error) op.Op[string] {
			return reserve.WasUndone(release)
		})},
		"30": {how: `op.Replaces(chargeV2, chargeV1)`, code: charge(func(c *code) op.Op[string] {
			return op.Replaces(effect(c, "charge-v2", "charge", "charge").WithCodec(prefixed()), step(c, "charge", "charge"))
		})},
		"37": {how: `.Key("k").WasKey("")`, code: charge(func(c *code) op.Op[string] { return step(c, "charge", "charge").Key("k").WasKey("") })},
		"40": {how: `op.Replaces(op.Invoke(…), step)`, code: charge(func(c *code) op.Op[string] {
			return op.Replaces(op.Invoke[string]("charge", "stock", "charge"), step(c, "charge", "charge"))
		})},
	}
}

// retyped is a version in which a step has a new name with its new type, and the old one is
// converted.
func retyped[Old, New any](old Old, v New, convert func(Old) (New, error), read func(New) string) declaration {
	return declaration{
		how: `op.Replaces(chargeV2, op.Transform(charge, convert))`,
		code: around(func(c *code) {
			c.add(read(do(c, op.Replaces(
				effect(c, "charge-v2", "charge", v),
				op.Transform(step(c, "charge", old), convert)))))
		}),
	}
}

func declaredTypes() map[string]declaration {
	was := payment{"p", 5}
	whole := func(p payment) string { return p.ID + strconv.Itoa(p.Amount) }
	verbatim := func(s string) string { return s }
	read := func(text string) (p payment, err error) {
		p.ID = text[:1]
		p.Amount, err = strconv.Atoi(text[1:])
		return p, err
	}
	enum := map[string]string{"declined": "card-declined"}
	quote := text(func(c *code) {
		f := replay.Go(c.Context, op.Replaces(effect(c, "quote-v2", "quote", 5), op.Transform(step(c, "quote", "5"), strconv.Atoi)))
		c.run("~cool-off")
		c.add(do(c, f.Result()))
	})
	abc := []string{"a", "b", "c"}
	wide := func(b op.Batch[string], err error) (op.Batch[int], error) {
		n := op.Batch[int]{Reason: b.Reason}
		for _, it := range b.Items {
			n.Items = append(n.Items, op.Item[int]{Index: it.Index, Name: it.Name, Status: it.Status, Value: len(it.Value), Err: it.Err})
		}
		return n, err
	}
	return map[string]declaration{
		"13b": retyped(was, renamed{"p", 5}, func(p payment) (renamed, error) { return renamed(p), nil },
			func(p renamed) string { return p.ID + strconv.Itoa(p.Amount) }),
		"13c": retyped(was, spelled{"p", "5"}, func(p payment) (spelled, error) { return spelled{p.ID, strconv.Itoa(p.Amount)}, nil },
			func(p spelled) string { return p.ID + p.Amount }),
		"13e": retyped(was, moved{ID: "p", In: struct{ Amount int }{5}}, func(p payment) (moved, error) {
			return moved{ID: p.ID, In: struct{ Amount int }{p.Amount}}, nil
		}, func(p moved) string { return p.ID + strconv.Itoa(p.In.Amount) }),
		"13f": retyped("declined", checked("card-declined"), func(s string) (checked, error) { return checked(enum[s]), nil },
			func(s checked) string { return string(s) }),
		"13g": retyped("declined", "card-declined", func(s string) (string, error) { return enum[s], nil }, func(s string) string {
			return map[bool]string{true: "refused", false: "paid"}[s == "card-declined"]
		}),
		"13h": retyped(was, "p5", func(p payment) (string, error) { return whole(p), nil }, verbatim),
		"13i": retyped("p5", was, read, whole),
		"13k": retyped(op.None{}, was, func(op.None) (payment, error) { return was, nil }, whole),
		"36a": {how: `op.WithErrors(codec.Sentinel("card-declined", err), codec.Sentinel("declined", err))`, code: around(func(c *code) {
			errDeclined := errors.New("declined")
			_, err := replay.Run(c.Context, op.Step("charge", func(ctx context.Context) (string, error) {
				c.w.ran(ctx, "charge")
				return "", retry.Permanent(errDeclined)
			}, op.WithErrors(codec.Sentinel("card-declined", errDeclined), codec.Sentinel("declined", errDeclined))))
			c.add(errors.Is(err, errDeclined))
		})},
		"36d": {how: `op.WithErrors(codec.Renamed("declined", codec.Sentinel("card-declined", err)))`, code: around(func(c *code) {
			errDeclined := errors.New("declined")
			_, err := replay.Run(c.Context, op.Group("pay", func(ctx op.Context) (string, error) {
				return replay.Run(ctx, op.Step("charge", func(ctx context.Context) (string, error) {
					c.w.ran(ctx, "charge")
					return "", retry.Permanent(errDeclined)
				}))
			}, op.WithErrors(codec.Renamed("declined", codec.Sentinel("card-declined", errDeclined)))))
			c.add(errors.Is(err, errDeclined))
		})},
		"35b": {how: `a type that reads both`, code: taking(func(p eitherAmount) string { return p.ID + p.Amount })},
		"35c": {how: `a type that reads both`, code: taking(func(p eitherAmount) string { return p.ID + p.Amount })},
		"44":  {how: `replay.Go(ctx, op.Replaces(quoteV2, op.Transform(quote, convert)))`, code: quote},
		"45": {how: `op.Replaces(new, op.Transform(old, convert)) around the map`, code: lengths(func(c *code) op.Op[op.Batch[int]] {
			return op.Replaces(races(c, "both-v2", abc, func(item string) int { return len(item) }),
				op.Transform(races(c, "both", abc, verbatim), func(b op.Batch[string]) (op.Batch[int], error) { return wide(b, nil) }))
		})},
		"46": {how: `op.Replaces(new, op.Transform(old, convert)) around the map`, code: lengths(func(c *code) op.Op[op.Batch[int]] {
			one := op.WithMaxConcurrency(1)
			return op.Replaces(
				op.Map("both-v2", abc, func(item string) op.Op[int] { return effect(c, "pack", "pack-"+item, len(item)) }, one),
				op.Transform(op.Map("both", abc, func(item string) op.Op[string] { return effect(c, "pack", "pack-"+item, item) }, one),
					func(b op.Batch[string]) (op.Batch[int], error) { return wide(b, nil) }))
		})},
	}
}

// lengths is a version with a batch of numbers and a wait after it.
func lengths(batch func(c *code) op.Op[op.Batch[int]]) Version {
	return text(func(c *code) {
		for _, it := range do(c, batch(c)).Items {
			c.add(it.Value)
		}
		c.run("~deploy", "ship")
	})
}

// eitherAmount is an input whose amount is a number or a string, under its old or its new name.
type eitherAmount struct{ ID, Amount string }

// UnmarshalJSON reads what was written by the old and by the new code.
func (p *eitherAmount) UnmarshalJSON(b []byte) error {
	var in struct {
		ID     string `json:"ID"`
		Amount any    `json:"Amount"`
		Total  any    `json:"total"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	if in.Amount == nil {
		in.Amount = in.Total
	}
	p.ID, p.Amount = in.ID, fmt.Sprint(in.Amount)
	return nil
}

func declaredLoops() map[string]declaration {
	round := func(c *code, i int) op.Op[int] {
		return effect(c, "round", "round-"+strconv.Itoa(i), i).Key(strconv.Itoa(i))
	}
	wait := func(i int) op.Op[op.None] { return op.Wait("pause-"+strconv.Itoa(i), time.Hour) }
	return map[string]declaration{
		"32a": {how: `op.Added(round, v) for the rounds that are new`, code: text(func(c *code) {
			for i := range 3 {
				c.add(do(c, round(c, i)))
				do(c, wait(i))
			}
			c.add(do(c, op.Added(round(c, 3), 3)))
			do(c, op.Added(wait(3), op.None{}))
			c.run("ship")
		})},
		"32b": {how: `op.Removed(round) for the rounds that are gone`, code: text(func(c *code) {
			for i := range 2 {
				c.add(do(c, round(c, i)))
				do(c, wait(i))
			}
			do(c, op.Removed(round(c, 2)))
			do(c, op.Removed(wait(2)))
			c.run("ship")
		})},
	}
}
