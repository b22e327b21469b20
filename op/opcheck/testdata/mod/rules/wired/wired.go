// Package wired gives handlers what they call.
package wired

import (
	crand "crypto/rand"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"example.test/shop/rules/wired/desk"
	"example.test/shop/rules/wired/parts"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func build() *desk.Desk {
	d := desk.New(parts.Wall{}, desk.Deps{ // want `clock: desk.Desk.clock, which handler code calls at desk.go:\d+, is given what calls parts.Wall.Now → time.Now \(parts.go:\d+\), which reads the clock`
		Rates:    &parts.Bank{},
		Settings: &parts.Env{}, // want `environ: desk.Deps.Settings, which handler code calls`
		NewID:    crand.Text,   // want `random: desk.Deps.NewID, which handler code calls`
		Spare:    parts.Wall{}, // handler code does not call it
	}, desk.WithNow(time.Now)) // want `clock: desk.Desk.now, which handler code calls`
	d.SetSleep(time.Sleep) // want `blocking: desk.Desk.sleep, which handler code calls`
	return d
}

func fixed() *desk.Desk {
	return desk.New(parts.Fixed{}, desk.Deps{}, desk.WithNow(func() time.Time { return time.Time{} }))
}

func allowed() *desk.Desk {
	return desk.New(parts.Wall{}, desk.Deps{}) //perdure:allow clock the hour is for a log line
}

var (
	_ = desk.Make(parts.Wall{}, &parts.Bank{})  // want `clock: desk.Make, which handler code calls at desk.go:\d+, is given what calls parts.Wall.Now`
	_ = desk.Make(parts.Fixed{}, &parts.Bank{}) // the bank is for a body
	_ = desk.MakeOf(time.Now)                   // want `clock: desk.MakeOf, which handler code calls`
	_ = replay.Handler(local(parts.Wall{}))     // want `clock: wired.local, which handler code calls`
)

func init() {
	desk.Zone = parts.System() // want `clock: desk.Zone, which handler code calls`
}

func local(c parts.Clock) func(op.Context, string) (string, error) {
	return func(op.Context, string) (string, error) { return c.Now().String(), nil }
}

func opens(ctx op.Context, due time.Time) bool {
	return desk.Open(ctx, parts.Wall{}) || // want `clock: desk.Open, which handler code calls`
		desk.Open(ctx, parts.Fixed{}) ||
		parts.Late(parts.Wall{}, due) || // want `clock: parts.Late → parts.Wall.Now → time.Now`
		parts.Late(parts.Fixed{}, due)
}

func constructors(ctx op.Context) error {
	a := parts.System().Now() // want `clock: .*time.Now`
	c, err := parts.Either(a.IsZero())
	if err != nil {
		return err
	}
	b := c.Now() // want `clock: .*time.Now`
	d := parts.Chosen(parts.Fixed{}).Now()
	cached := parts.NewCached(&parts.Bank{})
	_, err = cached.Rate(b.String() + d.String()) // want `network: parts.Bank.Rate → http.Client.Get`
	return err
}

type service struct {
	clock parts.Clock
	rng   *rand.Rand
	draws *rand.Rand
}

func newService(c parts.Clock) *service {
	return &service{
		clock: c, rng: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), draws: rand.New(rand.NewPCG(1, 2)),
	}
}

var made = newService(parts.Wall{})

func (s *service) handle(ctx op.Context) (int, error) {
	if s.clock.Now().IsZero() { // want `clock: parts.Wall.Now → time.Now`
		return s.rng.IntN(6), nil // want `random: rand.Rand.IntN in handler code is random`
	}
	b := make([]byte, 4)
	if _, err := io.ReadFull(crand.Reader, b); err != nil { // want `random: io.ReadFull of rand.Reader in handler code is random`
		return 0, err
	}
	own := rand.New(rand.NewPCG(3, 4))
	return s.draws.IntN(6) + own.IntN(6) + replay.Rand(ctx, "dice").IntN(6) +
		parts.Roll(), nil // want `random: parts.Roll → rand.Rand.IntN`
}

type checks[T any] struct{ all []func(T) error }

func (c *checks[T]) add(f func(T) error) *checks[T] {
	c.all = append(c.all, f)
	return c
}

func (c *checks[T]) run(v T) error {
	for _, f := range c.all {
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

func late(due time.Time) error {
	if time.Now().After(due) {
		return errors.New("late")
	}
	return nil
}

func checked(_ op.Context, due time.Time) error {
	return new(checks[time.Time]).add(late).run(due) // want `clock: wired.checks.run → wired.late → time.Now`
}

// A builder is called when the operation is run, on each replay.
var daily = op.Builder[string, op.None](func(s string) op.Op[op.None] {
	return op.Wait("night", time.Hour).Key(time.Now().Format(time.DateOnly)) // want `clock: time.Now`
})
