// Package terms has the terms of loans.
package terms

import (
	"os"
	"runtime"

	"example.test/shop/guises/lending/calendar"
)

// A Term is a term of a loan.
type Term struct {
	Months int `json:"months"`
	Rate   int `json:"rate"`
}

// Desk decides about terms.
type Desk struct {
	*calendar.Banking
	setting func(string) string
}

// NewDesk makes a desk.
func NewDesk() *Desk {
	return &Desk{Banking: calendar.New(), setting: os.Getenv}
}

// Immediate reports whether a loan can be paid out at once.
func (d *Desk) Immediate() bool { return d.Open() }

// Campaign is the name of the campaign that runs.
func (d *Desk) Campaign() string { return d.setting("CAMPAIGN") }

// Shards is how many parts a portfolio is split into.
func Shards() int { return max(1, runtime.NumCPU()/2) }
