package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Live is the life of a subscription: a charge each month, and in between what the customer wishes.
// It ends when the customer cancels or does not pay. Until then one execution follows the other: it
// has at most 366 days, and room for 3,000 operations. A round ends with the month, or with a wish.
func (s *Subscriptions) Live(ctx op.Context, sub Subscription) (Farewell, error) {
	for round := range rounds {
		var err error
		if sub.Due(replay.Now(ctx)) {
			if sub, err = s.collect(ctx, sub); err != nil {
				return s.unpaid(ctx, sub, err)
			}
		}
		if sub, err = s.listen(ctx, sub, strconv.Itoa(round)); err != nil {
			return Farewell{}, err
		}
		if sub.Cancelled {
			return s.end(ctx, sub, "cancelled")
		}
	}
	return Farewell{}, replay.ContinueAsNew(ctx, sub, replay.ContinueOn(Function))
}

// collect charges a month. The name of the month keeps the operations of different ones apart.
func (s *Subscriptions) collect(ctx op.Context, sub Subscription) (Subscription, error) {
	bill := sub.Bill()
	if err := replay.Exec(ctx, s.charge(bill)); err != nil {
		return sub, err
	}
	invoice := op.Added(s.invoice(bill), op.None{}) // not there in 2026: months that were paid then have none
	return sub.Paid(bill), replay.Exec(ctx, invoice)
}

// listen grants what the customer wishes, now and until the month is over. The bell is a callback:
// the portal rings it for a new wish. It carries nothing, wishes stand in the portal's table, with
// numbers. So a wish that comes between two bells, or two executions, is not lost, and one that is
// read twice is granted once.
func (s *Subscriptions) listen(ctx op.Context, sub Subscription, round string) (Subscription, error) {
	bell, err := replay.Run(ctx, op.CreateCallback[op.None]("bell").Key(round))
	if err != nil {
		return sub, err
	}
	wishes, err := replay.Run(ctx, s.wishes(Ear{Subscription: sub.ID, Seen: sub.Seen, Bell: bell.ID}).Key(round))
	if err != nil {
		return sub, err
	}
	if sub = sub.Granted(wishes); sub.Cancelled {
		return sub, nil
	}
	over := op.WaitUntil("month-over", sub.PaidUntil())
	return sub, replay.Exec(ctx, op.Race("month", over, bell.Result()).Key(round))
}

// unpaid ends a subscription whose card is declined for good. Whatever else went wrong is for us.
func (s *Subscriptions) unpaid(ctx op.Context, sub Subscription, err error) (Farewell, error) {
	if errors.Is(err, ErrDeclined) {
		return s.end(ctx, sub, "unpaid")
	}
	return Farewell{}, fmt.Errorf("charge %s for %s: %w", sub.ID, sub.Bill().Month, err)
}

// end says goodbye.
func (s *Subscriptions) end(ctx op.Context, sub Subscription, reason string) (Farewell, error) {
	f := Farewell{Reason: reason, Months: sub.Months, Paid: sub.Total, Until: sub.PaidUntil()}
	return f, replay.Exec(ctx, s.goodbye(f))
}
