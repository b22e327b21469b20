// Package picking picks parcels.
package picking

import (
	"context"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"example.test/shop/guises/depot/fan"
	"example.test/shop/guises/depot/loop"
	"example.test/shop/guises/depot/unit"
)

func pick(_ context.Context, p unit.Parcel) (int, error) { return p.Grams, nil }

// Pick is the operation that picks a parcel.
var Pick = op.StepFunc("pick", pick).Key(func(p unit.Parcel) string { return p.ID })

var walk = op.DoFunc("walk-zone", func(context.Context, string) error { return nil }).Key(func(z string) string { return z })

// Picker picks.
type Picker struct {
	loop.Backoff
	ready chan struct{}
	late  <-chan time.Time
}

// New makes a picker.
func New() *Picker { return &Picker{ready: make(chan struct{}, 1), late: make(chan time.Time)} }

// All picks all.
func (p *Picker) All(ctx op.Context, ps []unit.Parcel) error {
	return fan.Out(ps, func(u unit.Parcel) error {
		return replay.Exec(ctx, Pick(u)) // MISTAKE 23: concurrency: a generic helper runs it on goroutines
	})
}

// Zones walks through the zones.
func (p *Picker) Zones(ctx op.Context, ps []unit.Parcel) error {
	zones := unit.Zones(unit.ByZone(ps))
	for _, z := range zones { // MISTAKE 22: maporder: a list of keys from a helper of another package
		if err := replay.Exec(ctx, walk(z)); err != nil {
			return err
		}
	}
	return nil
}

// Ready waits for the picker.
func (p *Picker) Ready() bool {
	select { // MISTAKE 24: concurrency: a select of channels in fields
	case <-p.ready:
		return true
	case <-p.late:
		return false
	}
}
