// Package fx knows rates of exchange.
package fx

import (
	"sync"
	"time"
)

// Table is a table of rates that is renewed every hour.
type Table struct {
	mu     sync.Mutex
	rates  map[string]float64
	loaded time.Time
	Load   func() map[string]float64
}

// Rate is the rate of a currency.
func (t *Table) Rate(currency string) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.loaded) > time.Hour {
		t.rates, t.loaded = t.Load(), time.Now()
	}
	return t.rates[currency]
}
