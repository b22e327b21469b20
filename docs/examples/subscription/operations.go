package main

import (
	"context"
	"errors"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// Function is what subscriptions run as: an alias, so that each execution of a chain takes the code
// that is deployed when it begins.
const Function = "subscriptions:live"

// rounds is how many an execution has: eleven months at most, which leaves days for reminders.
const rounds = 11

const (
	// grace is how long there is between two attempts to charge a card that is declined, patience
	// how long it is tried.
	grace, patience = 4 * 24 * time.Hour, 12 * 24 * time.Hour
)

// Subscriptions declares what is done for a subscription.
type Subscriptions struct {
	bank    *Bank
	charge  op.Builder[Bill, Payment]
	invoice op.Builder[Bill, op.None]
	wishes  op.Builder[Ear, []Wish]
	goodbye op.Builder[Farewell, op.None]
}

// NewFunction returns the durable function: what lambda.Start takes. It goes on with executions
// that the code of 2026 has begun, and reads their inputs.
func NewFunction(bank *Bank, portal *Portal, post *Post, opts ...replay.HandlerOption) *replay.Function[Subscription, Farewell] {
	return replay.Handler(newSubscriptions(bank, portal, post).Live, append(opts, replay.WithOldInput(upgrade))...)
}

func newSubscriptions(bank *Bank, portal *Portal, post *Post) *Subscriptions {
	s := &Subscriptions{bank: bank}
	s.charge = op.StepFunc("charge", s.chargeOrWait,
		op.WithRetry(retry.Exponential(retry.MaxAttempts(60), retry.MaxDelay(time.Hour), retry.HalfJitter(),
			retry.OnIs(ErrDeclined, ErrUnavailable))),
		op.WithErrors(codec.Sentinel("CardDeclined", ErrDeclined), codec.Sentinel("BankUnavailable", ErrUnavailable)),
	).Key(func(b Bill) string { return b.Month })
	s.invoice = op.DoFunc("send-invoice", post.Invoice).Key(func(b Bill) string { return b.Month })
	s.wishes = op.StepFunc("read-wishes", portal.Wishes)
	s.goodbye = op.DoFunc("say-goodbye", post.Goodbye)
	return s
}

// chargeOrWait charges a bill. By its key the bank charges a month once, whatever process, attempt
// or execution asks for it. A card that is declined may have money in a few days; an outage of the
// bank is for the policy, which tries for more than a day.
func (s *Subscriptions) chargeOrWait(ctx context.Context, b Bill) (Payment, error) {
	p, err := s.bank.Charge(ctx, b.Key(), b.Card, b.Amount)
	switch {
	case !errors.Is(err, ErrDeclined):
		return p, err
	case checkpoint.ClockFrom(ctx).Now().Before(b.Due.Add(patience)):
		return p, retry.After(grace, err)
	}
	return p, retry.Permanent(err)
}
