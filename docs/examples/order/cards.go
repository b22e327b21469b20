package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"github.com/perdure/perdure/op"
)

// ErrDeclined says that the bank refused a charge. Nothing is gained by asking again.
var ErrDeclined = errors.New("card declined")

// declinedCard is the test number that payment providers decline.
const declinedCard = "4000 0000 0000 0002"

// Payment is a charge that the provider has booked.
type Payment struct {
	ID     string `json:"id"`
	Amount Cents  `json:"amount"`
	Card   string `json:"card"` // its last four digits
}

// Cards is the payment provider.
type Cards struct {
	mu     sync.Mutex
	booked []Payment
}

// Charge books the total of an order. A body that may run again would pass the idempotency key as
// well, so that the provider drops a repetition; this one runs at most once.
func (c *Cards) Charge(ctx context.Context, o Order) (Payment, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.Card == declinedCard {
		op.LoggerFrom(ctx).InfoContext(ctx, "asked the bank", slog.String("amount", o.Total().String()))
		return Payment{}, ErrDeclined
	}
	info, _ := op.InfoFrom(ctx)
	p := Payment{ID: "pay-" + short(info.IdempotencyKey), Amount: o.Total(), Card: o.Card[len(o.Card)-4:]}
	c.booked = append(c.booked, p)
	op.LoggerFrom(ctx).InfoContext(ctx, "charged the card", slog.String("amount", p.Amount.String()))
	return p, nil
}

// Booked returns how many charges were made.
func (c *Cards) Booked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.booked)
}

// short is the part of a long identifier that people read.
func short(id string) string { return strings.ToUpper(id[:min(8, len(id))]) }
