// Package label prints labels.
package label

import (
	"context"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"example.test/shop/guises/depot/unit"
)

// Printer prints.
type Printer interface {
	Print(context.Context, unit.Parcel) (string, error)
}

type plain struct{ prefix string }

func (p plain) Print(_ context.Context, u unit.Parcel) (string, error) { return p.prefix + u.ID, nil }

// Desk prints labels.
type Desk struct {
	Printer
	stocked func() (string, error)
}

// NewDesk makes a desk.
func NewDesk(prefix string) *Desk { return &Desk{Printer: plain{prefix}} }

// Label is the operation that prints a label.
func (d *Desk) Label(p unit.Parcel) op.Op[string] {
	return op.StepFunc("print-label", d.Print)(p)
}

// Print2 prints the label and its copy.
func (d *Desk) Both(ctx op.Context, p unit.Parcel) (string, error) {
	s, err := replay.Run(ctx, d.Label(p))
	if err != nil {
		return "", err
	}
	return s, replay.Exec(ctx, d.Label(p)) // MISTAKE 30: samename: a method makes the operation, twice
}
