package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/perdure/perdure/op"
)

// fakeShop is what the tools call, with one order.
type fakeShop struct {
	down bool // it does not answer

	mu       sync.Mutex
	found    int
	refunded map[string]int // calls by order; the first one pays
}

var errDown = errors.New("dial tcp 10.0.0.7:5432: connection refused")

// order reads the input of a tool.
func order(c Call) (string, error) {
	var in struct {
		Order string `json:"order"`
	}
	if err := json.Unmarshal(c.Input, &in); err != nil || in.Order == "" {
		return "", fmt.Errorf(`%w: want {"order": "A-7"}`, ErrInput)
	}
	if in.Order != "A-7" {
		return "", ErrNoOrder
	}
	return in.Order, nil
}

// Find implements Shop.
func (s *fakeShop) Find(ctx context.Context, c Call) (string, error) {
	id, err := order(c)
	if err != nil {
		return "", err
	}
	if s.down {
		return "", errDown
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found++
	op.LoggerFrom(ctx).InfoContext(ctx, "found", slog.String("order", id))
	return "order A-7: a teapot, 25.90 EUR, delivered", nil
}

// Refund implements Shop.
func (s *fakeShop) Refund(ctx context.Context, c Call) (string, error) {
	id, err := order(c)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refunded == nil {
		s.refunded = make(map[string]int)
	}
	s.refunded[id]++
	if s.refunded[id] > 1 {
		op.LoggerFrom(ctx).InfoContext(ctx, "was paid back before", slog.String("order", id))
	} else {
		op.LoggerFrom(ctx).InfoContext(ctx, "paid back", slog.String("order", id), slog.Int("cents", 25_90))
	}
	return "25.90 EUR were paid back", nil
}

// reset forgets all calls.
func (s *fakeShop) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found, s.refunded = 0, nil
}
