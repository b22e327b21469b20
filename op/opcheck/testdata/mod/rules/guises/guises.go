// Package guises has mistakes that look like something else.
package guises

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.test/shop/rules/guises/far"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func nop(context.Context) error { return nil }

func one(context.Context) (int, error) { return 1, nil }

func dropped(ctx op.Context) int {
	n := far.Or(replay.Run(ctx, op.Step("a", one)))     // want `dropped: the error of the operation is passed to a function that does not look at it`
	n += far.OrZero(replay.Run(ctx, op.Step("b", one))) // it looks at it
	_ = replay.Exec(ctx, op.Do("c", nop))               // want `blank: the error of the operation is assigned to _`
	_, _ = replay.Run(ctx, op.Step("d", one))           // want `blank: `
	_ = replay.Exec(ctx, op.Do("e", nop))               //perdure:allow blank the mail is a courtesy
	return n
}

func futures(ctx op.Context) error {
	replay.Go(ctx, op.Do("a", nop)) // want `unawaited: the future is never awaited: its error becomes that of the scope`
	//perdure:allow unawaited the last thing that happens
	replay.Go(ctx, op.Do("b", nop))
	replay.Go(ctx, op.Step("c", one)) // want `future: the future is never awaited: the scope waits for the operation, and its result is lost`
	byName := map[string]*replay.Future[op.None]{}
	byName["d"] = replay.Go(ctx, op.Wait("d", time.Second)) // want `future: the future is never awaited: a wait`
	var list []*replay.Future[op.None]
	list = append(list, replay.Go(ctx, op.Wait("e", time.Second))) // want `future: the future is never awaited: a wait`
	awaited := map[string]*replay.Future[op.None]{}
	awaited["f"] = replay.Go(ctx, op.Wait("f", time.Second))
	return replay.Exec(ctx, awaited["f"].Result())
}

func kept(ctx op.Context) error {
	var later, now []op.Op[op.None]
	later = append(later, op.Do("a", nop)) // want `neverrun: the operation is declared, kept and never run`
	now = append(now, op.Do("b", nop))
	return replay.Exec(ctx, op.All("now", now...))
}

func loops(ctx op.Context, ids []string) error {
	mail := op.DoFunc("mail", func(context.Context, string) error { return nil })
	post := mail.Key(func(id string) string { return id })
	return errors.Join(
		far.Each(ids, func(id string) error { return replay.Exec(ctx, mail(id)) }),                 // want `loopkey: operation "mail" runs in a loop`
		far.Twice(ids, func(string) error { return replay.Exec(ctx, op.Do("a", nop)) }),            // want `loopkey: operation "a" runs in a loop`
		far.Once(ids, func(string) error { return replay.Exec(ctx, op.Do("b", nop)) }),             // once
		far.Each(ids, func(id string) error { return replay.Exec(ctx, op.Do("c", nop).Key(id)) }),  // keyed
		far.Each(ids, func(id string) error { return replay.Exec(ctx, post(id)) }),                 // keyed by its builder
		far.Each(ids, func(id string) error { return replay.Exec(ctx, op.Do("d", nop).Key("d")) }), // want `loopkey: operation "d" with the key "d" runs in a loop`
	)
}

type stage interface{ run(ctx op.Context) error }

type picks struct{}

func (picks) run(ctx op.Context) error { return replay.Exec(ctx, op.Do("pick", nop)) }

type packs struct{}

func (packs) run(ctx op.Context) error { return replay.Exec(ctx, op.Do("pack", nop)) }

// Each stage runs once.
func stages(ctx op.Context) error {
	for _, s := range []stage{picks{}, packs{}} {
		if err := s.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

func sideBySide(ctx op.Context, ids []string) error {
	far.Beside(func() error { return replay.Exec(ctx, op.Do("a", nop)) }) // want `concurrency: far.Beside calls a function that runs operations on other goroutines`
	n := 0
	far.Beside(func() error { n++; return nil })
	return far.Out(ids, func(id string) error { // want `concurrency: far.Out calls a function that runs operations` `blocking: .*WaitGroup.Wait`
		return replay.Exec(ctx, op.Do("b", nop).Key(id))
	})
}

type desk struct{ a, b chan int }

func (d *desk) ready() int { return far.First(d.a, d.b) }

func selects(ctx op.Context, d *desk) int {
	return d.ready() // want `concurrency: guises.desk.ready → far.First → select \(far.go:\d+\) in handler code chooses another case`
}

func selectsAllowed(ctx op.Context, d *desk) int {
	return d.ready() //perdure:allow concurrency one of the channels is always nil
}

func contextSelect(ctx op.Context, d *desk) int { return far.Wait(context.Background(), d.a) }

func rolls(ctx op.Context) int {
	t := far.NewTable()
	if t.Late() { // want `clock: far.Table.Late → far.wall.now → time.Now`
		return 0
	}
	return t.Roll() + // want `random: far.die.Roll → rand.IntN`
		far.NewFair().Roll() + far.NewGiven(nil).Roll()
}

func handler(ctx op.Context, _ string) (string, error) {
	err := replay.Exec(ctx, op.Do("a", nop))
	if far.IsBusy(err) { // want `unregistered: far.Busy is not registered` `unregistered: far.ErrLate is not registered`
		return "busy", nil
	}
	return "", err
}

var made = replay.Handler(handler)

func last(ctx op.Context) int {
	return far.Last // want `packagevar: package variable Last changes`
}

var (
	twice  = op.Do("twice", nop, far.Careful(far.Often)...) // want `repeatcharge: `
	once   = op.Do("once", nop, far.Careful(far.Never)...)
	simply = op.Do("simply", nop, far.Often)
)

func outer(ctx op.Context) error {
	r := &far.Run{Ctx: ctx}
	return replay.Exec(ctx, op.Group("inner", func(ctx op.Context) (int, error) {
		own := &far.Run{Ctx: ctx}
		if err := own.Sign(); err != nil {
			return 0, err
		}
		return 1, r.Sign() // want `outercontext: an op.Context from outside is used in a group`
	}))
}

var byAddress = op.DoFunc("address", func(context.Context, *desk) error { return nil }).
	Key(func(d *desk) string { return fmt.Sprintf("%p", d) }) // want `unstablekey: the key is made of an address`

func writes(ctx op.Context, names []string) (int, error) {
	best, unread := 0, 0
	p, q := &best, &unread
	set, client := far.NewSet(), far.NewSet()
	err := replay.Exec(ctx, op.Do("a", func(context.Context) error {
		*p = 1         // want `bodywrite: best is written in a body`
		*q = 1         // only the body uses it
		set.Add("x")   // want `bodywrite: set is made in each invocation, and a body writes what it holds`
		client.Add("") // only bodies use it
		return nil
	}))
	if err != nil {
		return 0, err
	}
	err = replay.Exec(ctx, op.Do("b", func(context.Context) error {
		client.Add("y")
		return nil
	}))
	return best + set.Len(), err
}

func branches(ctx op.Context) ([]string, error) {
	var failed []string
	note := func(what string) func(error) error {
		return func(err error) error {
			if err != nil {
				failed = append(failed, what) // want `bodywrite: failed is written in a body and read outside of it`
			}
			return err
		}
	}
	weigh := func(ctx op.Context) (int, error) {
		f := note("weigh")
		return 1, f(replay.Exec(ctx, op.Do("scale", nop)))
	}
	_, err := replay.Run(ctx, op.All("all", op.Branch("weigh", weigh), op.Step("other", one)))
	return failed, err
}

type report struct {
	Mean, Most float64
	Pages      int
}

func means(ctx op.Context, xs []float64, n int) (report, error) {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	_ = sum / float64(n) // a number that is given
	return report{
		Mean: sum / float64(len(xs)), // want `mean: the len that is divided by may be 0`
		Most: sum,
	}, nil
}

func meansAsked(ctx op.Context, xs []float64) (report, error) {
	if len(xs) == 0 {
		return report{}, nil
	}
	return report{Mean: 1 / float64(len(xs))}, nil
}

var (
	mean = op.StepFunc("mean", func(_ context.Context, s *far.Set) (float64, error) {
		return 1 / float64(s.Len()), nil // want `mean: far.Set.Len, which is divided by, may be 0`
	})
	atLeast = op.StepFunc("at-least", func(_ context.Context, xs []float64) (float64, error) {
		return 1 / float64(max(len(xs), 1)), nil
	})
	meanAllowed = op.StepFunc("mean-allowed", func(_ context.Context, xs []float64) (float64, error) {
		return 1 / float64(len(xs)), nil //perdure:allow mean the caller has looked
	})
	pages = op.StepFunc("pages", func(_ context.Context, xs []int) (int, error) {
		return 100 / (1 + len(xs)), nil // of whole numbers it panics
	})
)
