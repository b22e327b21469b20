// Package changes has declared changes.
package changes

import (
	"context"
	"errors"

	"example.test/shop/rules/helper"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func nop(context.Context) error { return nil }

func pay(context.Context) (int, error) { return 1, nil }

var (
	notify  = op.DoFunc("notify", func(context.Context, string) error { return nil })
	byID    = notify.Key(func(id string) string { return id })
	charge  = op.Step("charge", pay)
	charge2 = op.Step("charge-in-cents", pay)
)

// What is removed must not be run later by the same code: the record of an execution that has begun
// it is the declaration's.
func stillRun(ctx op.Context) error {
	if err := replay.Exec(ctx, op.Removed(charge)); err != nil { // want `declared: operation "charge" is declared as gone here, and runs later in this scope at changes.go:\d+`
		return err
	}
	if err := replay.Exec(ctx, op.Removed(op.Do("notify", nop))); err != nil { // want `declared: operation "notify" is declared as gone here, and runs later`
		return err
	}
	if err := helper.Notify(ctx, "a"); err != nil {
		return err
	}
	if err := replay.Exec(ctx, op.Removed(op.Do("remind", nop).Key("first"))); err != nil { // want `declared: operation "remind" with the key "first" is declared as gone here`
		return err
	}
	if err := replay.Exec(ctx, op.Do("remind", nop).Key("second")); err != nil {
		return err
	}
	if err := replay.Exec(ctx, op.Do("remind", nop).Key("first")); err != nil {
		return err
	}
	return replay.Exec(ctx, charge)
}

// In the branch that does not run it, or in another scope, it is what the declaration is for.
func elsewhere(ctx op.Context, big bool) error {
	if _, err := replay.Run(ctx, op.Group("inner", func(ctx op.Context) (int, error) {
		return replay.Run(ctx, charge)
	})); err != nil {
		return err
	}
	if big {
		return replay.Exec(ctx, charge)
	}
	return replay.Exec(ctx, op.Removed(charge))
}

// The second of two of one name has gone: the first keeps its record.
func first(ctx op.Context) error {
	if err := replay.Exec(ctx, op.Do("sign", nop)); err != nil {
		return err
	}
	return replay.Exec(ctx, op.Removed(op.Do("sign", nop)))
}

// The first of two of one name has gone: the second gets a key, and says that it had none.
func second(ctx op.Context) error {
	if err := replay.Exec(ctx, op.Removed(op.Do("sign", nop))); err != nil {
		return err
	}
	return replay.Exec(ctx, op.Do("sign", nop).Key("seller").WasKey(""))
}

func renamed(ctx op.Context) error {
	if err := replay.Exec(ctx, op.Step("charge-payment", pay).Was("charge")); err != nil { // want `declared: operation "charge" is declared as gone here, and runs later`
		return err
	}
	if err := replay.Exec(ctx, notify("a").Was("greet-by-name")); err != nil {
		return err
	}
	return replay.Exec(ctx, charge)
}

func allowed(ctx op.Context) error {
	if err := replay.Exec(ctx, op.Removed(charge)); err != nil { //perdure:allow declared the executions under way have all ended
		return err
	}
	return replay.Exec(ctx, charge)
}

func split(ctx op.Context) error {
	both := op.Inline("authorize and capture", func(ctx op.Context) (int, error) {
		if err := replay.Exec(ctx, op.Do("authorize", nop)); err != nil {
			return 0, err
		}
		return replay.Run(ctx, op.Step("capture", pay))
	})
	if err := replay.Exec(ctx, op.Replaces(both, charge)); err != nil {
		return err
	}
	return replay.Exec(ctx, op.Do("capture", nop)) // want `samename: operation "capture" has the name of the one at`
}

func rounds(ctx op.Context, ids []string) error {
	for _, id := range ids {
		if err := replay.Exec(ctx, op.Added(notify(id), op.None{})); err != nil { // want `declared: a declared change of "notify" runs in a loop without a key`
			return err
		}
		if err := replay.Exec(ctx, op.Removed(op.Do("greet", nop))); err != nil { // want `declared: a declared change of "greet" runs in a loop`
			return err
		}
		if err := replay.Exec(ctx, op.Replaces(byID(id), op.Do("greet-by-name", nop))); err != nil { // want `declared: a declared change of "greet-by-name" runs in a loop`
			return err
		}
		if err := replay.Exec(ctx, op.Do("mail", nop).Was("post")); err != nil { // want `declared: a declared change of "mail" runs in a loop`
			return err
		}
		if err := replay.Exec(ctx, op.Added(op.Do("weigh", nop).Key(id), op.None{})); err != nil { // keyed
			return err
		}
		if err := replay.Exec(ctx, op.Do("pack", nop).Key(id).WasKey("")); err != nil { // it says that it had none
			return err
		}
		if err := replay.Exec(ctx, op.Do("ship", nop).Key("all")); err != nil { // want `loopkey: operation "ship" with the key "all" runs in a loop, and the key is the same in each round`
			return err
		}
	}
	return nil
}

func twice(ctx op.Context) error {
	checked := op.Added(op.Do("check", nop), op.None{})
	if err := replay.Exec(ctx, checked); err != nil {
		return err
	}
	if err := replay.Exec(ctx, op.Do("ask", nop).Key("a")); err != nil {
		return err
	}
	if err := replay.Exec(ctx, op.Do("ask", nop).Key("b")); err != nil {
		return err
	}
	if err := replay.Exec(ctx, op.Do("ask", nop).Key("a")); err != nil { // want `samename: operation "ask" with the key "a" has the name and the key of the one at`
		return err
	}
	return replay.Exec(ctx, checked) // want `samename: operation "check" has the name of the one at`
}

// Both sides have the same record.
var (
	same      = op.Replaces(op.Step("charge", pay), charge) // want `declared: both sides are a step of the name "charge"`
	different = op.Replaces(charge2, charge)
	kinds     = op.Replaces(op.Group("charge", func(ctx op.Context) (int, error) { return replay.Run(ctx, charge2) }), charge)
)

// An Inline has no record: a run refuses all of these.
func inlines(ctx op.Context) error {
	several := op.Inline("several", func(ctx op.Context) (int, error) { return replay.Run(ctx, charge2) })
	fut := replay.Go(ctx, several)                                                                // want `declared: an op.Inline has no record, and cannot be started`
	undone := several.Undo(func(context.Context, int) error { return nil })                       // want `declared: an op.Inline has no record that could be undone`
	both := op.All("both", op.Replaces(several, charge), op.Step("other", pay))                   // want `declared: an op.Inline has no record, and is no operand`
	pair := op.Join2("pair", op.Replaces(op.Group("whole", whole), charge), op.Step("next", pay)) // a group has one
	return errors.Join(replay.Exec(ctx, fut.Result()), replay.Exec(ctx, undone), replay.Exec(ctx, both), replay.Exec(ctx, pair))
}

func whole(ctx op.Context) (int, error) { return replay.Run(ctx, charge2) }

// It may be run up to its first operation more than once.
func counted(ctx op.Context) (int, error) {
	n, m, before := 0, 0, 0
	_, err := replay.Run(ctx, op.Replaces(op.Inline("counted", func(ctx op.Context) (int, error) {
		n++ // want `declared: n is changed before the first operation of an op.Inline`
		before = 1
		v, err := replay.Run(ctx, charge2)
		m++
		return v, err
	}), charge))
	return n + m + before, err
}

func past(ctx op.Context) (int, error) {
	old, err := replay.Run(ctx, op.Removed(charge))
	if err != nil {
		return 0, err
	}
	return replay.Run(ctx, old.Result()) // want `declared: the result of a removed operation is an op.ErrRemoved in every execution that has not begun it`
}

func pastBegun(ctx op.Context) (int, error) {
	old, err := replay.Run(ctx, op.Removed(charge))
	if err != nil || !old.Begun() {
		return 0, err
	}
	return replay.Run(ctx, old.Result())
}

func pastAsked(ctx op.Context) (int, error) {
	old, err := replay.Run(ctx, op.Removed(charge))
	if err != nil {
		return 0, err
	}
	n, err := replay.Run(ctx, old.Result())
	if errors.Is(err, op.ErrRemoved) {
		return 0, nil
	}
	return n, err
}

func pastGiven(ctx op.Context, old op.Past[int]) (int, error) { return replay.Run(ctx, old.Result()) }

// What is left of an operation belongs to its scope: nothing of it is recorded.
var (
	left = op.Group("left", func(ctx op.Context) (op.Past[int], error) { // want `lossy: the result type .*op.Past\[int\]: an op.Past has no exported fields`
		return replay.Run(ctx, op.Removed(charge))
	})
	again = op.Retry("again", op.Group("tried", whole), retry.Default())
)
