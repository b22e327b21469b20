package main

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"

	"github.com/perdure/perdure/docs/examples/internal/demo"
	"github.com/perdure/perdure/docs/examples/internal/golden"
	"github.com/perdure/perdure/docs/examples/internal/histories"
)

func invoice() Invoice {
	return Invoice{ID: "F-1", Customer: "Ada Lovelace", Cents: 240_00, Due: issued().AddDate(0, 0, 14)}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	pays := func(cents int64) func(c *replaytest.Callback) {
		return func(c *replaytest.Callback) { c.Succeed(Payment{Cents: cents}) }
	}
	cancels := func(c *replaytest.Callback) { c.Fail("Cancelled", "credit note G-7") }
	all := names(stages)
	tests := []struct {
		name, reason string
		day          int // after the invoice was due, on which the ledger answers
		answer       func(c *replaytest.Callback)
		want         Settlement
		letters      int
		operations   int
	}{
		{
			name: "at-once", reason: "no letter is sent", day: -13, answer: pays(240_00), operations: 4,
			want: Settlement{Invoice: "F-1", Status: Paid, Received: 240_00},
		},
		{
			name: "after-a-reminder", reason: "it asks for no fee", day: 8, answer: pays(240_00), letters: 1, operations: 7,
			want: Settlement{Invoice: "F-1", Status: Paid, Stages: all[:1], Received: 240_00},
		},
		{
			name: "without-the-fees", reason: "they are waived", day: 36, answer: pays(245_00), letters: 3, operations: 13,
			want: Settlement{Invoice: "F-1", Status: Paid, Stages: all[:3], Received: 245_00, Waived: 10_00},
		},
		{
			name: "from-the-agency", reason: "the claim is recalled", day: 120, answer: pays(255_00), letters: 3, operations: 17,
			want: Settlement{Invoice: "F-1", Status: Paid, Stages: all[:4], Received: 255_00},
		},
		{
			name: "cancelled", reason: "nothing was received, and nothing is lost", day: 22, answer: cancels, letters: 2, operations: 10,
			want: Settlement{Invoice: "F-1", Status: Cancelled, Stages: all[:2]},
		},
		{
			name: "never", reason: "all stages have begun", letters: 3, operations: 17,
			want: Settlement{Invoice: "F-1", Status: WrittenOff, Stages: all, Lost: 240_00},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var w fakeWorld
			e := replaytest.Start(t, replay.Handler(NewDunning(&w).Collect), invoice(), replaytest.WithStartTime(issued()),
				replaytest.WithBudget(replaytest.Budget{Operations: tt.operations}))
			if tt.answer != nil {
				e.AdvanceTo(invoice().Due.AddDate(0, 0, tt.day))
				tt.answer(e.Callback("payment"))
			}
			r := e.Result()
			if diff := cmp.Diff(tt.want, r.Value); diff != "" || r.Err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", tt.reason, r.Err, diff)
			}
			if len(w.letters) != tt.letters || len(w.agency) != 0 && tt.want.Status == Paid {
				t.Errorf("%s: letters %v, the agency has %v", tt.reason, w.letters, w.agency)
			}
			histories.Keep(t, tt.name, r)
		})
	}
}

// TestPaymentEndsItOnAnyDay: the letters are those of the days before, whatever the day.
func TestPaymentEndsItOnAnyDay(t *testing.T) {
	t.Parallel()
	for day := -13; day < stages[len(stages)-1].Day; day += 5 {
		var w fakeWorld
		e := replaytest.Start(t, replay.Handler(NewDunning(&w).Collect), invoice(), replaytest.WithStartTime(issued()))
		e.AdvanceTo(invoice().Due.AddDate(0, 0, day))
		e.Callback("payment").Succeed(Payment{Cents: 240_00})
		r := e.Result()
		begun := 0
		for begun < len(stages) && stages[begun].Day <= day {
			begun++
		}
		want := invoice().Due.AddDate(0, 0, day).Sub(issued())
		if r.Err != nil || r.Value.Status != Paid || len(r.Value.Stages) != begun || r.Took != want || len(w.agency) != 0 {
			t.Errorf("paid on day %d: %+v, %v after %v, the agency has %v; want %d stages after %v", day, r.Value, r.Err, r.Took, w.agency, begun, want)
		}
	}
}

// TestEveryCrash: wherever the function is lost, and whenever the payment arrives, the settlement
// is the same.
func TestEveryCrash(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]replaytest.Option{
		"cancelled": replaytest.CallbackFailure("payment", "Cancelled", "credit note G-7"),
		"never":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w fakeWorld
			opts := []replaytest.ExploreOption{
				replaytest.WithStartTime(issued()), replaytest.WithReset(w.reset), replaytest.WithSchedules(5),
			}
			if answer != nil {
				opts = append(opts, answer)
			}
			replaytest.Explore(t, replay.Handler(NewDunning(&w).Collect), invoice(), opts...)
		})
	}
}

// TestNoLetterTwice: the post knows the keys, so a crash between a letter and its record sends none
// again.
func TestNoLetterTwice(t *testing.T) {
	t.Parallel()
	d := demo.New(io.Discard, issued())
	for _, s := range stages[:3] {
		d.CrashBefore("send-letter[" + s.Name + "]")
	}
	var w fakeWorld
	s, err := demo.Run(t.Context(), d, "dunning", replay.Handler(NewDunning(&w).Collect, d.Options()...), invoice())
	want := []string{"F-1/reminder", "F-1/second-reminder", "F-1/last-notice"}
	if diff := cmp.Diff(want, w.letters); diff != "" || err != nil || s.Status != WrittenOff {
		t.Errorf("%+v, %v; letters (-want +got):\n%s", s, err, diff)
	}
}

// TestStages: they are in order, and the last one is the loss that Collect returns.
func TestStages(t *testing.T) {
	t.Parallel()
	for i, s := range stages[1:] {
		if s.Day <= stages[i].Day {
			t.Errorf("%s begins on day %d, and %s before it on day %d", s.Name, s.Day, stages[i].Name, stages[i].Day)
		}
	}
	if last := stages[len(stages)-1]; last.Kind != loss {
		t.Errorf("the last stage is %s, which books no loss", last.Name)
	}
	if span := stages[len(stages)-1].begins(invoice()).Sub(issued()); span > 366*24*time.Hour {
		t.Errorf("an invoice may take %v, and an execution lasts 366 days at most", span)
	}
}

// TestCompatible: invoices that were begun with the code whose histories are kept go on with this
// one.
func TestCompatible(t *testing.T) {
	t.Parallel()
	histories.Check(t, replay.Handler(NewDunning(&fakeWorld{}).Collect))
}

func TestShape(t *testing.T) {
	t.Parallel()
	replaytest.Shape(t, "dunning.shape", replay.Handler(NewDunning(&fakeWorld{}).Collect), []Invoice{invoice()}, replaytest.WithStartTime(issued()))
}

func TestOutput(t *testing.T) {
	t.Parallel()
	golden.Output(t, show)
}
