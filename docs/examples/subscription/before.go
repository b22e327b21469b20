package main

import (
	"strconv"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Subscription2026 is what executions were started with before there were plans: one price, no
// invoices. Git would keep this file; here it shows what becomes of executions that it has begun.
type Subscription2026 struct {
	ID        string    `json:"id"`
	Card      string    `json:"card"`
	Price     Cents     `json:"price"`
	First     time.Time `json:"first"`
	Months    int       `json:"months"`
	Total     Cents     `json:"total"`
	Seen      int       `json:"seen"`
	Cancelled bool      `json:"cancelled,omitempty"`
}

// newFunction2026 returns the function that was deployed in 2026.
func newFunction2026(bank *Bank, portal *Portal, post *Post, opts ...replay.HandlerOption) *replay.Function[Subscription2026, Farewell] {
	return replay.Handler(newSubscriptions(bank, portal, post).live2026, opts...)
}

// live2026 is Live as it was.
func (s *Subscriptions) live2026(ctx op.Context, old Subscription2026) (Farewell, error) {
	sub := old.upgraded()
	for round := range rounds {
		if sub.Due(replay.Now(ctx)) {
			bill := sub.Bill()
			if err := replay.Exec(ctx, s.charge(bill)); err != nil {
				return s.unpaid(ctx, sub, err)
			}
			sub = sub.Paid(bill)
		}
		var err error
		if sub, err = s.listen(ctx, sub, strconv.Itoa(round)); err != nil {
			return Farewell{}, err
		}
		if sub.Cancelled {
			return s.end(ctx, sub, "cancelled")
		}
	}
	return Farewell{}, replay.ContinueAsNew(ctx, Subscription2026{
		ID: sub.ID, Card: sub.Card, Price: sub.Plan.Price, First: sub.First,
		Months: sub.Months, Total: sub.Total, Seen: sub.Seen, Cancelled: sub.Cancelled,
	}, replay.ContinueOn(Function))
}

// upgrade reads inputs of then.
func upgrade(old Subscription2026) (Subscription, error) { return old.upgraded(), nil }

// upgraded is the subscription in the form of today.
func (s Subscription2026) upgraded() Subscription {
	return Subscription{
		ID: s.ID, Card: s.Card, Plan: Plan{Name: "classic", Price: s.Price}, First: s.First,
		Months: s.Months, Total: s.Total, Seen: s.Seen, Cancelled: s.Cancelled,
	}
}
