package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"github.com/perdure/perdure/op"
)

// ErrThrottled says that a system wants to be asked again later.
var ErrThrottled = errors.New("too many requests")

// depotPrefix begins the SKUs that are kept in the depot, whose system throttles the first
// request it sees for an order.
const depotPrefix = "DEPOT-"

// Hold is stock that is kept for an order.
type Hold struct {
	ID string `json:"id"`
}

// Stock is the inventory system.
type Stock struct {
	mu    sync.Mutex
	asked map[string]int  // requests by order
	held  map[string]bool // open holds
}

// Reserve holds the items of an order. Asked again for the same order it gives the same hold.
func (s *Stock) Reserve(ctx context.Context, o Order) (Hold, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked, s.held = make(map[string]int), make(map[string]bool)
	}
	s.asked[o.ID]++
	if s.asked[o.ID] == 1 && o.has(func(i Item) bool { return strings.HasPrefix(i.SKU, depotPrefix) }) {
		op.LoggerFrom(ctx).InfoContext(ctx, "asked the depot")
		return Hold{}, ErrThrottled
	}
	h := Hold{ID: "hold-" + o.ID}
	s.held[h.ID] = true
	op.LoggerFrom(ctx).InfoContext(ctx, "reserved stock", slog.Int("items", len(o.Items)))
	return h, nil
}

// Release gives the items back. Releasing twice is the same as once.
func (s *Stock) Release(ctx context.Context, h Hold) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, h.ID)
	op.LoggerFrom(ctx).InfoContext(ctx, "released stock", slog.String("hold", h.ID))
	return nil
}

// Held returns the number of holds that were not released.
func (s *Stock) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}
