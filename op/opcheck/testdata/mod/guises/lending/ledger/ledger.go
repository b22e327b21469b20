// Package ledger books.
package ledger

import (
	"context"
	"time"
)

// Entry is a booking.
type Entry struct {
	ID    string `json:"id"`
	Cents int64  `json:"cents"`
}

// Last is the entry that was booked last.
var Last Entry

// Ledger books entries.
type Ledger struct{ url string }

// New makes a ledger.
func New(url string) *Ledger { return &Ledger{url} }

func (l *Ledger) post(ctx context.Context, id string, cents int64) (Entry, error) {
	select {
	case <-ctx.Done():
		return Entry{}, ctx.Err()
	case <-time.After(time.Millisecond):
	}
	return Entry{l.url + id, cents}, nil
}

// Book books.
func (l *Ledger) Book(ctx context.Context, id string, cents int64) (Entry, error) {
	e, err := l.post(ctx, id, cents)
	remember(&Last, e)
	return e, err
}

func remember(dst *Entry, e Entry) { *dst = e }

// Reverse takes a booking back.
func (l *Ledger) Reverse(ctx context.Context, e Entry) error {
	_, err := l.post(ctx, e.ID, -e.Cents)
	return err
}

// Settled waits until an entry is settled.
func (l *Ledger) Settled(ctx context.Context, e Entry) (int, error) {
	rounds := 0
	for !l.settled(e) {
		rounds++
		time.Sleep(2 * time.Second)
	}
	return rounds, nil
}

func (l *Ledger) settled(e Entry) bool { return e.Cents == 0 }
