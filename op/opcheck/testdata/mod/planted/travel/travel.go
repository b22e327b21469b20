// Package travel books a trip and takes it back if a part fails.
package travel

import (
	"context"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type Trip struct{ ID, Hotel, Flight string }

type Booking struct{ Ref string }

type Agency interface {
	Book(ctx context.Context, what string) (Booking, error)
	Cancel(ctx context.Context, ref string) error
}

// Book is the durable handler.
func Book(a Agency) func(op.Context, Trip) ([]Booking, error) {
	return func(ctx op.Context, t Trip) ([]Booking, error) {
		var all []Booking
		var last Booking
		for _, what := range []string{t.Hotel, t.Flight} {
			b, err := replay.Run(ctx, op.Step("book", func(ctx context.Context) (Booking, error) {
				return a.Book(ctx, what)
			}).Key(what).Undo(func(ctx context.Context, _ Booking) error {
				return a.Cancel(ctx, last.Ref) // planted: 30 an undo that reads a variable of the handler
			}))
			if err != nil {
				return nil, err
			}
			last = b
			all = append(all, b)
		}
		return all, nil
	}
}
