package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/perdure/perdure/op"
)

// errClosed says that a seller does not answer for now.
var errClosed = errors.New("503 service unavailable")

// fakeSeller stands for a company. What it does depends on the place it sells for.
type fakeSeller struct {
	prefix string // of the numbers of bookings
	cents  int64
	keys   bool // it knows idempotency keys

	busy   map[string]int  // how many requests it does not answer, by the place
	full   map[string]bool // where it has nothing to sell
	strict map[string]bool // where it takes nothing back
	closed map[string]int  // how many cancellations it does not answer

	mu    sync.Mutex
	made  int             // bookings
	asked map[string]int  // requests, by what was asked
	open  map[string]Trip // bookings that are not cancelled, by number
	byKey map[string]string
}

// Book implements Seller.
func (s *fakeSeller) Book(ctx context.Context, key string, trip Trip) (Booking, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full[trip.To] {
		return Booking{}, ErrSoldOut
	}
	if s.requests("book "+key) <= s.busy[trip.To] {
		return Booking{}, errClosed
	}
	if number := s.byKey[key]; number != "" && s.keys {
		op.LoggerFrom(ctx).InfoContext(ctx, "knows this key", slog.String("key", key), slog.String("number", number))
		return Booking{number, s.cents}, nil
	}
	s.made++
	number := fmt.Sprintf("%s-%d", s.prefix, 100+s.made)
	s.open[number], s.byKey[key] = trip, number
	op.LoggerFrom(ctx).InfoContext(ctx, "booked", slog.String("number", number), slog.String("price", euros(s.cents)))
	return Booking{number, s.cents}, nil
}

// Cancel implements Seller.
func (s *fakeSeller) Cancel(ctx context.Context, b Booking) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	trip, ok := s.open[b.Number]
	switch {
	case !ok:
		return nil
	case s.strict[trip.To]:
		return ErrNotRefundable
	case s.requests("cancel "+b.Number) <= s.closed[trip.To]:
		return errClosed
	}
	delete(s.open, b.Number)
	op.LoggerFrom(ctx).InfoContext(ctx, "cancelled", slog.String("number", b.Number))
	return nil
}

// requests counts what the seller is asked.
func (s *fakeSeller) requests(what string) int {
	s.asked[what]++
	return s.asked[what]
}

// holds returns how many bookings are open.
func (s *fakeSeller) holds() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// reset forgets all requests.
func (s *fakeSeller) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made, s.asked, s.open, s.byKey = 0, make(map[string]int), make(map[string]Trip), make(map[string]string)
}

// euros writes an amount.
func euros(cents int64) string { return fmt.Sprintf("%d.%02d EUR", cents/100, cents%100) }
