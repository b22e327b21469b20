package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay/replaytest"

	"github.com/perdure/perdure/docs/examples/internal/golden"
	"github.com/perdure/perdure/docs/examples/internal/histories"
)

// world is what is around a subscription.
type world struct {
	bank   Bank
	portal Portal
	post   Post
}

func (w *world) reset() {
	w.bank.forget()
	w.post.forget()
}

func (b *Bank) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.booked = nil
}

func (p *Post) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = nil
}

// begin is when subscriptions of tests begin.
var begin = day(2026, 1, 31)

func basic() Subscription {
	return Subscription{ID: "S-1", Card: "4242", Plan: Plan{Name: "basic", Price: 9_00}, First: begin}
}

// months is a time between two charges.
func months(n int) time.Time { return month(begin, n).AddDate(0, 0, 3) }

// options are those of all tests: executions begin on the day of the first charge.
func options(more ...replaytest.Option) []replaytest.Option {
	return append(more, replaytest.WithStartTime(begin), replaytest.WithFunctionName("subscriptions"))
}

func TestLive(t *testing.T) {
	t.Parallel()
	team := Plan{Name: "team", Price: 29_00}
	tests := []struct {
		name, reason string
		wishes       map[int]Wish // by the month after which they are made
		empty        [2]time.Time // when there is no money on the card
		down         [2]time.Time // when the bank does not answer
		want         Farewell
		operations   int
	}{
		{
			name: "cancelled", reason: "three months are paid, and no one is charged afterwards", wishes: map[int]Wish{2: {Cancel: true}},
			want: Farewell{Reason: "cancelled", Months: 3, Paid: 27_00, Until: month(begin, 3)}, operations: 21,
		},
		{
			name: "another-plan", reason: "it is charged from the next month on", wishes: map[int]Wish{0: {Plan: team}, 2: {Cancel: true}},
			want: Farewell{Reason: "cancelled", Months: 3, Paid: 67_00, Until: month(begin, 3)}, operations: 25,
		},
		{
			name: "unpaid", reason: "a card that is declined is tried for twelve days, four days apart",
			empty: [2]time.Time{month(begin, 1), month(begin, 3)},
			want:  Farewell{Reason: "unpaid", Months: 1, Paid: 9_00, Until: month(begin, 1)}, operations: 11,
		},
		{
			name: "paid-late", reason: "the third attempt succeeds, and the next month is due when it was", wishes: map[int]Wish{2: {Cancel: true}},
			empty: [2]time.Time{month(begin, 1), month(begin, 1).AddDate(0, 0, 6)},
			want:  Farewell{Reason: "cancelled", Months: 3, Paid: 27_00, Until: month(begin, 3)}, operations: 23,
		},
		{
			name: "bank-down", reason: "an outage is no reason to say goodbye, nor to wait for days", wishes: map[int]Wish{1: {Cancel: true}},
			down: [2]time.Time{month(begin, 1), month(begin, 1).Add(12 * time.Hour)},
			want: Farewell{Reason: "cancelled", Months: 2, Paid: 18_00, Until: month(begin, 2)}, operations: 50,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var w world
			w.bank.EmptyFrom, w.bank.EmptyTo = tt.empty[0], tt.empty[1]
			w.bank.DownFrom, w.bank.DownTo = tt.down[0], tt.down[1]
			e := replaytest.Start(t, NewFunction(&w.bank, &w.portal, &w.post), basic(),
				options(replaytest.WithBudget(replaytest.Budget{Operations: tt.operations}))...)
			w.wish(e, tt.wishes)
			r := e.Result()
			if diff := cmp.Diff(tt.want, r.Value); diff != "" || r.Err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", tt.reason, r.Err, diff)
			}
			if n, sum := w.bank.Booked(); n != tt.want.Months || sum != tt.want.Paid || w.post.Invoices() != n {
				t.Errorf("%s: the bank has booked %d charges of %s, and %d invoices were sent", tt.reason, n, sum, w.post.Invoices())
			}
			histories.Keep(t, tt.name, r)
		})
	}
}

// wish lets time pass and has the customer make wishes: the portal rings the bell that it knows.
func (w *world) wish(e *replaytest.Execution[Farewell], wishes map[int]Wish) {
	round := 0
	e.RunUntilSuspended()
	for n := range 12 {
		wish, ok := wishes[n]
		if !ok {
			round++
			continue
		}
		e.AdvanceTo(months(n))
		w.portal.Book(wish, e.Now())
		e.Callback(fmt.Sprintf("bell[%d]", round)).Succeed(op.None{})
		e.RunUntilSuspended()
		round += 2 // that of the wish, and that of the rest of the month
	}
}

// TestTenYears: each month is charged once, however many executions it takes, and none of them
// comes near what an execution may have.
func TestTenYears(t *testing.T) {
	t.Parallel()
	const years = 10
	var w world
	w.portal.Book(Wish{Cancel: true}, month(begin, 12*years-1))
	r := replaytest.Run(t, NewFunction(&w.bank, &w.portal, &w.post), basic(), options()...)
	if n, sum := w.bank.Booked(); r.Err != nil || r.Value.Months != 12*years || n != 12*years || sum != 12*years*9_00 {
		t.Errorf("%+v, %v; the bank has booked %d charges of %s", r.Value, r.Err, n, sum)
	}
	if want := 12 * years / rounds; len(r.Rounds) != want {
		t.Errorf("%d executions continue as others, want %d", len(r.Rounds), want)
	}
	for _, round := range r.Rounds {
		if round.Metered > 7*rounds {
			t.Errorf("%s has %d operations, want at most 7 for each round", round.Name, round.Metered)
		}
	}
}

// TestWishBetweenTwoExecutions: a wish for which the bell of an execution was rung that does not
// read it any more is granted by the next one.
func TestWishBetweenTwoExecutions(t *testing.T) {
	t.Parallel()
	var w world
	e := replaytest.Start(t, NewFunction(&w.bank, &w.portal, &w.post), basic(), options()...)
	e.AdvanceTo(months(rounds - 1))
	w.portal.Book(Wish{Cancel: true}, e.Now())
	e.Callback(fmt.Sprintf("bell[%d]", rounds-1)).Succeed(op.None{})
	r := e.Result()
	if r.Value.Reason != "cancelled" || r.Value.Months != rounds || len(r.Rounds) != 1 {
		t.Errorf("got %+v, %v after %d executions", r.Value, r.Err, len(r.Rounds))
	}
}

// TestNewCode: an execution that the code of 2026 has begun goes on with the one of today. Months
// that were paid before have no invoice, those after have one.
func TestNewCode(t *testing.T) {
	t.Parallel()
	var w world
	old := Subscription2026{ID: "S-1", Card: "4242", Price: 9_00, First: begin}
	e := replaytest.Start(t, newFunction2026(&w.bank, &w.portal, &w.post), old, options()...)
	e.AdvanceTo(months(2))
	e.Continue(NewFunction(&w.bank, &w.portal, &w.post))
	e.AdvanceTo(months(rounds + 1)) // in the next execution
	w.portal.Book(Wish{Cancel: true}, e.Now())
	r := e.Result()
	if r.Err != nil || r.Value.Months != rounds+3 || r.Value.Paid != (rounds+3)*9_00 {
		t.Errorf("got %+v, %v", r.Value, r.Err)
	}
	if n, _ := w.bank.Booked(); n != rounds+3 || w.post.Invoices() != n-3 {
		t.Errorf("%d months were charged, and %d invoices sent, want none for the first three", n, w.post.Invoices())
	}
	if len(r.Rounds) != 1 || !strings.Contains(r.Rounds[0].Input, "price") {
		t.Errorf("the executions before were %+v", r.Rounds)
	}
}

// TestEveryCrash: wherever the function is lost, each month is charged once, and has one invoice.
// The bell rings for nothing, early, late, or while the function answers; the wish comes a month
// later.
func TestEveryCrash(t *testing.T) {
	t.Parallel()
	var w world
	w.portal.Book(Wish{Cancel: true}, month(begin, 1))
	reset := func() { // before each execution, and so after the one before
		if n, _ := w.bank.Booked(); n > 2 || n != w.post.Invoices() {
			t.Errorf("%d charges, %d invoices", n, w.post.Invoices())
		}
		w.reset()
	}
	replaytest.Explore(t, NewFunction(&w.bank, &w.portal, &w.post), basic(), replaytest.WithReset(reset), replaytest.WithSchedules(5),
		replaytest.CallbackResult("bell[0]", op.None{}), replaytest.WithStartTime(begin), replaytest.WithFunctionName("subscriptions"))
	reset()
}

// TestCompatible: subscriptions that were begun with code whose histories are kept, that of 2026
// among it, go on with this one.
func TestCompatible(t *testing.T) {
	t.Parallel()
	var w world
	histories.Check(t, NewFunction(&w.bank, &w.portal, &w.post))
}

// TestHistory2026 keeps the history of a subscription that the code of 2026 has begun and ended.
func TestHistory2026(t *testing.T) {
	t.Parallel()
	var w world
	w.portal.Book(Wish{Plan: Plan{Name: "team", Price: 29_00}}, month(begin, 1))
	w.portal.Book(Wish{Cancel: true}, month(begin, 3))
	r := replaytest.Run(t, newFunction2026(&w.bank, &w.portal, &w.post),
		Subscription2026{ID: "S-1", Card: "4242", Price: 9_00, First: begin}, options()...)
	if r.Err != nil || r.Value.Months != 4 || w.post.Invoices() != 0 {
		t.Errorf("got %+v, %v, and %d invoices", r.Value, r.Err, w.post.Invoices())
	}
	histories.Keep(t, "2026", r)
}

func TestShape(t *testing.T) {
	t.Parallel()
	var w world
	w.portal.Book(Wish{Cancel: true}, month(begin, 1))
	replaytest.Shape(t, "subscription.shape", NewFunction(&w.bank, &w.portal, &w.post), []Subscription{basic()}, options()...)
}

func TestOutput(t *testing.T) {
	t.Parallel()
	golden.Output(t, show)
}

func TestMonth(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		first  time.Time
		n      int
		want   time.Time
	}{
		{"the first charge is at once", day(2026, 1, 31), 0, day(2026, 1, 31)},
		{"February is too short", day(2026, 1, 31), 1, day(2026, 2, 28)},
		{"a leap year", day(2026, 1, 31), 25, day(2028, 2, 29)},
		{"the day comes back after a short month", day(2026, 1, 31), 2, day(2026, 3, 31)},
		{"a year later", day(2026, 1, 31), 12, day(2027, 1, 31)},
		{"a day that all months have", day(2026, 3, 15), 11, day(2027, 2, 15)},
		{"the day of leap years", day(2028, 2, 29), 12, day(2029, 2, 28)},
	}
	for _, tt := range tests {
		if got := month(tt.first, tt.n); !got.Equal(tt.want) {
			t.Errorf("%s: got %v, want %v", tt.reason, got, tt.want)
		}
	}
	for first := begin; first.Before(begin.AddDate(4, 0, 0)); first = first.AddDate(0, 0, 1) {
		for n := range 30 {
			if days := month(first, n+1).Sub(month(first, n)).Hours() / 24; days < 28 || days > 31 {
				t.Fatalf("month %d from %v has %v days", n, first, days)
			}
		}
	}
}

// TestGranted: a wish is granted once, however often it is read.
func TestGranted(t *testing.T) {
	t.Parallel()
	team, gold := Wish{Number: 1, Plan: Plan{Name: "team", Price: 29_00}}, Wish{Number: 2, Plan: Plan{Name: "gold", Price: 99_00}}
	s := basic().Granted([]Wish{team, gold}).Granted([]Wish{team})
	if s.Plan.Name != "gold" || s.Seen != 2 || s.Cancelled {
		t.Errorf("got %+v", s)
	}
}
