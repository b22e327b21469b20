// Command travel books trips on the local service, and prints what happens: to one that is booked
// although the process is lost on the way, to one that is taken back, to one of which a
// cancellation fails, and to one of which it is not known whether the car was booked.
//
//	go run ./docs/examples/travel
//
// The handler is in travel.go.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/docs/examples/internal/demo"
)

func main() {
	if err := show(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// Places and what is special there.
const (
	lisbon    = "Lisbon"
	reykjavik = "Reykjavik" // no cars, and the hotel is closed at night
	oslo      = "Oslo"      // no cars, and the hotel takes nothing back
)

// show prints four trips.
func show(ctx context.Context, w io.Writer) error {
	for i, act := range []struct {
		title, to string
		crash     func(d *demo.Demo)
	}{
		{"a trip that is booked, although the process is lost twice", lisbon, func(d *demo.Demo) {
			d.CrashBefore("trip[work]/book-flight")
			d.CrashAfter("trip[work]/book-hotel")
		}},
		{"no car: the rest is cancelled", reykjavik, func(*demo.Demo) {}},
		{"no car, and the hotel takes nothing back", oslo, func(*demo.Demo) {}},
		{"the process is lost while a car is booked, by a company without keys", lisbon, func(d *demo.Demo) {
			d.CrashBefore("trip[work]/book-car")
		}},
	} {
		fmt.Fprintf(w, "\n== %s\n", act.title)
		d := demo.New(w, time.Date(2026, 6, 1, 21, 0, 0, 0, time.UTC)) //nolint:contextcheck // it lives as long as its run
		act.crash(d)
		world := newWorld()
		f := replay.Handler(world.travel().Book, d.Options()...)
		out, err := demo.Run(ctx, d, "travel", f, Trip{ID: fmt.Sprintf("T-%d", i+1), Customer: "Ada Lovelace", To: act.to, Day: "2026-07-03"})
		if err != nil {
			return err
		}
		out.print(w)
		fmt.Fprintf(w, "left open: flights %d, hotels %d, cars %d\n", world.flights.holds(), world.hotels.holds(), world.cars.holds())
	}
	return nil
}

// world is the companies.
type world struct{ flights, hotels, cars fakeSeller }

func newWorld() *world {
	w := &world{
		flights: fakeSeller{prefix: "FLY", cents: 189_00, keys: true},
		hotels: fakeSeller{
			prefix: "BED", cents: 412_50, keys: true, busy: map[string]int{lisbon: 1},
			strict: map[string]bool{oslo: true}, closed: map[string]int{reykjavik: 3},
		},
		cars: fakeSeller{prefix: "CAR", cents: 96_00, full: map[string]bool{reykjavik: true, oslo: true}},
	}
	w.reset()
	return w
}

func (w *world) reset() {
	w.flights.reset()
	w.hotels.reset()
	w.cars.reset()
}

// travel is the program in this world. The desk reads its mail.
func (w *world) travel() *Travel {
	return NewTravel(&w.flights, &w.hotels, &w.cars, func(context.Context, Outcome) error { return nil })
}

// print writes an outcome for people.
func (o Outcome) print(w io.Writer) {
	fmt.Fprintf(w, "\ntrip %s: %s", o.Trip, o.Status)
	if o.Status == Booked {
		b := o.Bookings
		fmt.Fprintf(w, ", %s, %s and %s for %s\n", b.Flight.Number, b.Hotel.Number, b.Car.Number, euros(b.Total()))
		return
	}
	fmt.Fprintf(w, ": %s\n", o.Reason)
	for _, path := range o.Cancelled {
		fmt.Fprintf(w, "  cancelled  %s\n", path)
	}
	for _, k := range o.Kept {
		fmt.Fprintf(w, "  kept       %s: %s\n", k.Operation, k.Reason)
	}
	for _, path := range o.Unknown {
		fmt.Fprintf(w, "  unknown    %s\n", path)
	}
}
