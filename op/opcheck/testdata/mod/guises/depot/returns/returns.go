// Package returns takes parcels back.
package returns

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"example.test/shop/guises/depot/loop"
	"example.test/shop/guises/depot/unit"
)

func inspect(_ context.Context, p *unit.Parcel) (string, error) { return p.ID + " is fine", nil }

// Inspect inspects parcels that came back.
var Inspect = op.StepFunc("inspect-return", inspect).Key(func(p *unit.Parcel) string {
	return fmt.Sprintf("%p", p) // MISTAKE 31: unstablekey: an address
})

// Process takes parcels back.
func Process(ctx op.Context, ps []unit.Parcel) (int, error) {
	for i := range ps {
		if err := replay.Exec(ctx, Inspect(&ps[i])); err != nil {
			return i, err
		}
	}
	restock := op.DoFunc("restock", func(context.Context, unit.Parcel) error { return nil })
	return len(ps), loop.Each(ps, func(p unit.Parcel) error {
		return replay.Exec(ctx, restock(p)) // MISTAKE 29: loopkey: a generic helper has the loop
	})
}
