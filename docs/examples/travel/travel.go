package main

import (
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Book books a flight, a hotel and a car. If one of them fails, what was booked before is
// cancelled, the last one first. Where that fails, or is not known, the desk is asked to look.
func (t *Travel) Book(ctx op.Context, trip Trip) (Outcome, error) {
	saga, err := replay.Run(ctx, op.Saga("trip", func(ctx op.Context) (Bookings, error) {
		flight, err := replay.Run(ctx, t.flight(trip))
		if err != nil {
			return Bookings{}, err
		}
		hotel, err := replay.Run(ctx, t.hotel(trip))
		if err != nil {
			return Bookings{}, err
		}
		car, err := replay.Run(ctx, t.car(trip))
		return Bookings{flight, hotel, car}, err
	}))
	if err != nil {
		return Outcome{}, err
	}
	out := outcome(trip, saga)
	if out.Status == NeedsPerson {
		return out, replay.Exec(ctx, t.askDesk(out))
	}
	return out, nil
}
