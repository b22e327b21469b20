// Package desk has handlers that call what they are given.
package desk

import (
	"context"
	"time"

	"example.test/shop/rules/wired/parts"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type Settings interface{ Get(string) string }

type Deps struct {
	Rates    parts.Rates
	Settings Settings
	NewID    func() string
	Spare    parts.Clock
}

type Desk struct {
	deps  Deps
	clock parts.Clock
	now   func() time.Time
	sleep func(time.Duration)
}

type Option func(*Desk)

func WithNow(now func() time.Time) Option { return func(d *Desk) { d.now = now } }

func (d *Desk) SetSleep(f func(time.Duration)) { d.sleep = f }

func New(c parts.Clock, deps Deps, opts ...Option) *Desk {
	d := &Desk{clock: c, deps: deps}
	for _, o := range opts {
		o(d)
	}
	return d
}

func (d *Desk) Handle(ctx op.Context, due time.Time) (string, error) {
	if d.clock.Now().After(due) || d.deps.Settings.Get("closed") != "" {
		return d.deps.NewID(), nil
	}
	d.pause()
	return replay.Run(ctx, op.Step("rate", func(context.Context) (string, error) {
		_, err := d.deps.Rates.Rate("EUR") // of a body
		return "", err
	}))
}

func (d *Desk) pause() {
	if d.now().IsZero() {
		d.sleep(time.Second)
	}
}

func Make(c parts.Clock, r parts.Rates) func(op.Context, time.Time) (string, error) {
	return func(ctx op.Context, due time.Time) (string, error) {
		if c.Now().After(due) {
			return "late", nil
		}
		return replay.Run(ctx, op.Step("rate", func(context.Context) (string, error) {
			_, err := r.Rate("EUR")
			return "", err
		}))
	}
}

func MakeOf(now func() time.Time) func(op.Context, time.Time) (bool, error) {
	return func(_ op.Context, due time.Time) (bool, error) { return now().After(due), nil }
}

func Open(_ op.Context, c parts.Clock) bool { return c.Now().Hour() > 8 }

var Zone parts.Clock

func Today(_ op.Context) string { return Zone.Now().Format(time.DateOnly) }
