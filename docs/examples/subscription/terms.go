package main

import (
	"fmt"
	"time"
)

// Cents is an amount of money.
type Cents int64

// String prints the amount in units of the currency.
func (c Cents) String() string { return fmt.Sprintf("%d.%02d EUR", c/100, c%100) }

// Subscription is what an execution has to know, and what it hands on to the next one.
type Subscription struct {
	ID   string `json:"id"`
	Card string `json:"card"`
	Plan Plan   `json:"plan"`
	// First is the day of the first charge. The others come on the same day of their months, or on
	// the last one of those that are too short.
	First time.Time `json:"first"`
	// Months is how many are paid, Total what for.
	Months int   `json:"months"`
	Total  Cents `json:"total"`
	// Seen is the number of the last wish that was granted.
	Seen      int  `json:"seen"`
	Cancelled bool `json:"cancelled,omitempty"`
}

// Plan is what a customer pays for.
type Plan struct {
	Name  string `json:"name"`
	Price Cents  `json:"price"` // of a month
}

// Bill is what a month costs.
type Bill struct {
	Subscription string
	Card         string
	Month        string // such as 2026-03
	Due          time.Time
	Amount       Cents
}

// Key names the bill to the bank: the same one is charged once.
func (b Bill) Key() string { return b.Subscription + "/" + b.Month }

// Wish is what a customer wants: another plan from the next month on, or no more at all.
type Wish struct {
	Number int  `json:"number"`
	Plan   Plan `json:"plan,omitzero"`
	Cancel bool `json:"cancel,omitempty"`
}

// Ear is where the portal rings when there is a wish after the last one seen.
type Ear struct {
	Subscription string
	Seen         int
	Bell         string
}

// Farewell is how a subscription ended.
type Farewell struct {
	Reason string    `json:"reason"`
	Months int       `json:"months"`
	Paid   Cents     `json:"paid"`
	Until  time.Time `json:"until"` // what is paid for
}

// PaidUntil is when the next month is due.
func (s Subscription) PaidUntil() time.Time { return month(s.First, s.Months) }

// Due reports whether the next month has begun.
func (s Subscription) Due(now time.Time) bool { return !now.Before(s.PaidUntil()) }

// Bill is what the next month costs.
func (s Subscription) Bill() Bill {
	return Bill{Subscription: s.ID, Card: s.Card, Month: s.PaidUntil().Format("2006-01"), Due: s.PaidUntil(), Amount: s.Plan.Price}
}

// Paid is the subscription with a month more.
func (s Subscription) Paid(b Bill) Subscription {
	s.Months++
	s.Total += b.Amount
	return s
}

// Granted is the subscription as the customer wishes it.
func (s Subscription) Granted(wishes []Wish) Subscription {
	for _, w := range wishes {
		if w.Number <= s.Seen {
			continue
		}
		s.Seen = w.Number
		switch {
		case w.Cancel:
			s.Cancelled = true
		default:
			s.Plan = w.Plan
		}
	}
	return s
}

// month is n months after a day: the same day, or the last one of a month that is too short.
func month(first time.Time, n int) time.Time {
	t := first.AddDate(0, n, 0)
	if t.Day() != first.Day() { // 31 February is 3 March
		t = t.AddDate(0, 0, -t.Day())
	}
	return t
}

// String says what is wished.
func (w Wish) String() string {
	if w.Cancel {
		return "to cancel"
	}
	return fmt.Sprintf("the plan %s for %s", w.Plan.Name, w.Plan.Price)
}
