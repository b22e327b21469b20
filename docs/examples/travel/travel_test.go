package main

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"

	"github.com/perdure/perdure/docs/examples/internal/demo"
	"github.com/perdure/perdure/docs/examples/internal/golden"
	"github.com/perdure/perdure/docs/examples/internal/histories"
)

// to is a trip to a place.
func to(place string) Trip {
	return Trip{ID: "T-" + place, Customer: "Ada Lovelace", To: place, Day: "2026-07-03"}
}

func TestBook(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		trip         Trip
		want         Outcome
		left         int // bookings that are open in the end
		operations   int
	}{
		{
			name: "booked", reason: "the hotel is asked twice", trip: to(lisbon), left: 3, operations: 5,
			want: Outcome{Trip: "T-Lisbon", Status: Booked, Bookings: Bookings{
				Flight: Booking{"FLY-101", 189_00}, Hotel: Booking{"BED-101", 412_50}, Car: Booking{"CAR-101", 96_00},
			}},
		},
		{
			name: "taken-back", reason: "the hotel is closed at first; the last booking is cancelled first", trip: to(reykjavik), operations: 9,
			want: Outcome{
				Trip: "T-Reykjavik", Status: TakenBack, Reason: "sold out",
				Cancelled: []string{"trip[work]/book-hotel", "trip[work]/book-flight"},
			},
		},
		{
			name: "kept", reason: "the flight is cancelled although the hotel cannot be", trip: to(oslo), left: 1, operations: 7,
			want: Outcome{
				Trip: "T-Oslo", Status: NeedsPerson, Reason: "sold out",
				Cancelled: []string{"trip[work]/book-flight"},
				Kept:      []Kept{{"trip[work]/book-hotel-undo", "the booking cannot be cancelled"}},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			r := replaytest.Run(t, replay.Handler(w.travel().Book), tt.trip,
				replaytest.WithBudget(replaytest.Budget{Operations: tt.operations}))
			if diff := cmp.Diff(tt.want, r.Value); diff != "" || r.Err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", tt.reason, r.Err, diff)
			}
			if left := w.left(); left != tt.left {
				t.Errorf("%s: %d bookings are open, want %d", tt.reason, left, tt.left)
			}
			histories.Keep(t, tt.name, r)
		})
	}
}

// left is how many bookings are open.
func (w *world) left() int { return w.flights.holds() + w.hotels.holds() + w.cars.holds() }

// TestUnknown: a company without keys is not asked again, and the desk has to find out what a lost
// request has done.
func TestUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var asked []Outcome
	travel := NewTravel(&w.flights, &w.hotels, &w.cars, func(_ context.Context, o Outcome) error {
		asked = append(asked, o)
		return nil
	})
	lost := local.Faults{Lose: func(at local.Point) bool {
		return at.Moment == local.MomentBeforeCall && len(at.Updates) > 0 && at.Updates[0].Name == "book-car" &&
			at.Updates[0].Action == checkpoint.ActionSucceed
	}}
	r := replaytest.Run(t, replay.Handler(travel.Book), to(lisbon), replaytest.WithService(local.WithFaults(lost)))
	want := Outcome{
		Trip: "T-Lisbon", Status: NeedsPerson, Reason: "interrupted before its result was recorded",
		Cancelled: []string{"trip[work]/book-hotel", "trip[work]/book-flight"}, Unknown: []string{"trip[work]/book-car"},
	}
	if diff := cmp.Diff(want, r.Value); diff != "" || r.Err != nil {
		t.Errorf("%v (-want +got):\n%s", r.Err, diff)
	}
	if diff := cmp.Diff([]Outcome{want}, asked); diff != "" {
		t.Errorf("what the desk was asked (-want +got):\n%s", diff)
	}
	if got := r.Op("trip[work]/book-car").Runs; got != 1 || w.cars.holds() != 1 {
		t.Errorf("the car company was asked %d times and has %d bookings, want one of each", got, w.cars.holds())
	}
}

// TestEveryCrash: wherever the function is lost, the outcome is the same, what failed is undone
// once, and the last one first.
func TestEveryCrash(t *testing.T) {
	t.Parallel()
	for _, place := range []string{lisbon, reykjavik, oslo} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			replaytest.Explore(t, replay.Handler(w.travel().Book), to(place),
				replaytest.WithReset(w.reset), replaytest.WithSchedules(5))
		})
	}
}

// TestNothingIsLeft: whichever record is lost, no booking is open that the outcome does not name.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"book-flight", "book-hotel", "book-car", "book-hotel-undo", "book-flight-undo"} {
		for when, crash := range map[string]func(*demo.Demo, string){
			"before its record": (*demo.Demo).CrashBefore, "after its record": (*demo.Demo).CrashAfter,
		} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				w := newWorld()
				d := demo.New(io.Discard, time.Date(2026, 6, 1, 21, 0, 0, 0, time.UTC))
				crash(d, "trip[work]/"+name)
				out, err := demo.Run(t.Context(), d, "travel", replay.Handler(w.travel().Book, d.Options()...), to(reykjavik))
				if err != nil || out.Status == Booked || w.left() != 0 {
					t.Errorf("got %+v, %v, and %d open bookings", out, err, w.left())
				}
			})
		}
	}
}

// TestCompatible: trips that were begun with the code whose histories are kept go on with this one.
func TestCompatible(t *testing.T) {
	t.Parallel()
	histories.Check(t, replay.Handler(newWorld().travel().Book))
}

func TestShape(t *testing.T) {
	t.Parallel()
	replaytest.Shape(t, "travel.shape", replay.Handler(newWorld().travel().Book), []Trip{to(lisbon), to(oslo)})
}

func TestOutput(t *testing.T) {
	t.Parallel()
	golden.Output(t, show)
}
