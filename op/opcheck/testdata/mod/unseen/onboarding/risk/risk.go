// Package risk asks an agency about a person.
package risk

import (
	"context"
	"time"
)

// Report is what the agency has found.
type Report struct {
	Score float64       `json:"score"`
	Flags map[Flag]bool `json:"flags"`
}

// Flag is something found.
type Flag struct{ Code, Country string }

// Agency is asked about people.
type Agency struct {
	Poll func(ctx context.Context, id string) (Report, bool, error)
}

// Check waits for the report of the agency.
func (a Agency) Check(ctx context.Context, id string) (Report, error) {
	for {
		r, done, err := a.Poll(context.Background(), id)
		if err != nil || done {
			return r, err
		}
		time.Sleep(2 * time.Second) // MISTAKE 12: the body does not end when its context does
	}
}
