package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
)

// The errors of the bank.
var (
	ErrDeclined    = errors.New("card declined")
	ErrUnavailable = errors.New("the bank does not answer")
)

// Payment is a charge that was booked.
type Payment struct {
	ID string `json:"id"`
}

// Bank is the payment provider. It books a key once.
type Bank struct {
	// EmptyFrom and EmptyTo are when there is no money on any card.
	EmptyFrom, EmptyTo time.Time
	// DownFrom and DownTo are when it does not answer.
	DownFrom, DownTo time.Time

	mu     sync.Mutex
	booked map[string]Cents // by key
}

// Charge books an amount, unless the key is booked already.
func (b *Bank) Charge(ctx context.Context, key, _ string, amount Cents) (Payment, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, known := b.booked[key]
	now := checkpoint.ClockFrom(ctx).Now()
	switch {
	case known:
		op.LoggerFrom(ctx).InfoContext(ctx, "was booked before", slog.String("key", key))
		return Payment{ID: "pay-" + key}, nil
	case !now.Before(b.DownFrom) && now.Before(b.DownTo):
		return Payment{}, ErrUnavailable
	case !now.Before(b.EmptyFrom) && now.Before(b.EmptyTo):
		return Payment{}, ErrDeclined
	}
	if b.booked == nil {
		b.booked = make(map[string]Cents)
	}
	b.booked[key] = amount
	op.LoggerFrom(ctx).InfoContext(ctx, "booked", slog.String("amount", amount.String()))
	return Payment{ID: "pay-" + key}, nil
}

// Booked returns how many charges there are, and their sum.
func (b *Bank) Booked() (n int, sum Cents) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.booked {
		sum += c
	}
	return len(b.booked), sum
}

// Portal is where customers say what they wish. Its table is what counts; the bell only says that
// there is something new in it.
type Portal struct {
	// Ring completes a callback, as the Lambda API does.
	Ring func(callbackID string) error

	mu    sync.Mutex
	table []Wish
	times []time.Time // when each wish was made
	bell  string
}

// Book puts a wish into the table, to be found from a time on. It gives it a number.
func (p *Portal) Book(w Wish, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Number = len(p.table) + 1
	p.table, p.times = append(p.table, w), append(p.times, at)
}

// Wake rings the bell. An error says that no one listens at it any more: who listens next reads the
// table first.
func (p *Portal) Wake() error {
	p.mu.Lock()
	bell := p.bell
	p.mu.Unlock()
	return p.Ring(bell)
}

// Wishes returns those that were not seen, and has the bell rung for the ones that come later.
func (p *Portal) Wishes(ctx context.Context, e Ear) ([]Wish, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bell = e.Bell
	now := checkpoint.ClockFrom(ctx).Now()
	var found []Wish
	for i, w := range p.table {
		if w.Number > e.Seen && !p.times[i].After(now) {
			found = append(found, w)
			op.LoggerFrom(ctx).InfoContext(ctx, "found a wish", slog.String("for", w.String()))
		}
	}
	return found, nil
}

// Post sends mail.
type Post struct {
	mu   sync.Mutex
	sent map[string]bool // by key
}

// Invoice sends an invoice, once for each key of a bill.
func (p *Post) Invoice(ctx context.Context, b Bill) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent == nil {
		p.sent = make(map[string]bool)
	}
	p.sent[b.Key()] = true
	op.LoggerFrom(ctx).InfoContext(ctx, "sent", slog.String("to", b.Subscription))
	return nil
}

// Invoices returns how many were sent.
func (p *Post) Invoices() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent)
}

// Goodbye sends a letter to who was a customer.
func (p *Post) Goodbye(ctx context.Context, f Farewell) error {
	op.LoggerFrom(ctx).InfoContext(ctx, "sent", slog.String("reason", f.Reason), slog.Int("months", f.Months), slog.String("paid", f.Paid.String()))
	return nil
}
