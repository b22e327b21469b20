package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"

	"github.com/perdure/perdure/docs/examples/internal/demo"
)

// fakeWorld stands for the ledger, the post and the agency. A customer's name says what becomes of
// the invoice.
type fakeWorld struct {
	demo *demo.Demo // nil in tests, which answer callbacks themselves

	mu      sync.Mutex
	down    int             // how many requests the post does not answer
	letters []string        // keys
	known   map[string]bool // keys of letters
	agency  map[string]bool // invoices that it has
}

var errDown = errors.New("502 bad gateway")

// Expect implements World: in the demo, it schedules what the customer does.
func (w *fakeWorld) Expect(ctx context.Context, e Expected) error {
	op.LoggerFrom(ctx).InfoContext(ctx, "the ledger expects", slog.String("amount", euros(e.Invoice.Cents)))
	if w.demo == nil {
		return nil
	}
	in := func(days int, f func()) { w.demo.At(e.Invoice.Due.AddDate(0, 0, days), f) }
	pays := func(cents int64) func() {
		return func() {
			w.demo.Say("ledger", euros(cents)+" have arrived")
			w.said(w.demo.Service.CompleteCallback(e.CallbackID, fmt.Appendf(nil, `{"cents":%d}`, cents)))
		}
	}
	switch e.Invoice.Customer {
	case "Ada Lovelace":
		in(25, pays(e.Invoice.Cents))
	case "Charles Babbage":
		in(120, pays(e.Invoice.Cents+15_00))
	case "George Boole":
		in(10, func() {
			w.demo.Say("clerk", "cancels the invoice")
			w.said(w.demo.Service.FailCallback(e.CallbackID, checkpoint.Failure{Type: "Cancelled", Message: ErrCancelled.Error()}))
		})
	}
	return nil
}

func (w *fakeWorld) said(err error) {
	if err != nil {
		w.demo.Say("ledger", "is refused: "+err.Error())
	}
}

// Send implements World.
func (w *fakeWorld) Send(ctx context.Context, key string, l Letter) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := op.LoggerFrom(ctx)
	switch {
	case w.down > 0:
		w.down--
		return errDown
	case w.known[key]:
		log.InfoContext(ctx, "the post knows this key and sends nothing", slog.String("key", key))
		return nil
	}
	if w.known == nil {
		w.known = make(map[string]bool)
	}
	w.known[key] = true
	w.letters = append(w.letters, key)
	log.InfoContext(ctx, "sent", slog.String("to", l.Invoice.Customer), slog.String("fee", euros(l.Stage.Fee)))
	return nil
}

// HandOver implements World.
func (w *fakeWorld) HandOver(ctx context.Context, inv Invoice) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.agency == nil {
		w.agency = make(map[string]bool)
	}
	w.agency[inv.ID] = true
	op.LoggerFrom(ctx).InfoContext(ctx, "the agency has it")
	return nil
}

// Recall implements World.
func (w *fakeWorld) Recall(ctx context.Context, inv Invoice) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.agency, inv.ID)
	op.LoggerFrom(ctx).InfoContext(ctx, "the agency gives it back")
	return nil
}

// WriteOff implements World.
func (w *fakeWorld) WriteOff(ctx context.Context, inv Invoice) error {
	op.LoggerFrom(ctx).InfoContext(ctx, "booked as a loss", slog.String("amount", euros(inv.Cents)))
	return nil
}

// reset forgets everything.
func (w *fakeWorld) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down, w.letters, w.known, w.agency = 0, nil, nil, nil
}

// euros writes an amount.
func euros(cents int64) string { return fmt.Sprintf("%d.%02d EUR", cents/100, cents%100) }
