// Package calendar knows bank holidays.
package calendar

import "example.test/shop/guises/lending/civil"

// Banking is a calendar of banking days.
type Banking struct{ closed map[civil.Date]bool }

// New makes a calendar.
func New(closed ...civil.Date) *Banking {
	b := &Banking{closed: map[civil.Date]bool{}}
	for _, d := range closed {
		b.closed[d] = true
	}
	return b
}

// Open reports whether banks are open today.
func (b *Banking) Open() bool {
	return !b.closed[civil.Today()]
}
