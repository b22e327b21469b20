// Package pricing computes what an order costs.
package pricing

import (
	"time"

	"example.test/shop/blind/orders/model"
)

// Clock returns the time; tests replace it.
type Clock interface {
	Now() time.Time
}

// SystemClock is the clock of the machine.
type SystemClock struct{}

// Now returns the time.
func (SystemClock) Now() time.Time { return time.Now() }

// Engine computes prices.
type Engine struct {
	clock  Clock
	night  int64
	bounds [2]int
}

// NewEngine returns an engine with the prices of the shop.
func NewEngine(c Clock) *Engine {
	return &Engine{clock: c, night: 250, bounds: [2]int{20, 6}}
}

// Surcharge is what express picking costs at this time of day, in cents.
func (e *Engine) Surcharge() int64 {
	h := e.clock.Now().Hour()
	if h >= e.bounds[0] || h < e.bounds[1] {
		return e.night
	}
	return 0
}

// Discount is what a customer gets off for a large order.
func (e *Engine) Discount(o model.Order) int64 {
	if o.Total() > 500_00 {
		return o.Total() / 50
	}
	return 0
}

// DueBy says until when an order must be shipped.
func (e *Engine) DueBy(o model.Order) time.Time {
	return o.PlacedAt.Add(48 * time.Hour)
}
