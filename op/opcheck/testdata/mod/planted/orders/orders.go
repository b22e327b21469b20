// Package orders fulfils orders of the shop.
package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"example.test/shop/planted/ids"
	"example.test/shop/planted/pricing"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

type Order struct {
	ID      string
	Country string
	Lines   []pricing.Line
	Stock   map[string]int
}

type Payment struct {
	ID    string
	Cents int64
	note  string
}

type Cards interface {
	Charge(ctx context.Context, order string, cents int64) (Payment, error)
	Refund(ctx context.Context, payment string) error
}

type Warehouse interface {
	Reserve(ctx context.Context, sku string, n int) error
	Release(ctx context.Context, sku string) error
}

var ErrOutOfStock = errors.New("out of stock")

type Service struct {
	cards Cards
	house Warehouse
	now   func() time.Time
	gen   ids.Generator
	log   *slog.Logger

	mu   sync.Mutex
	seen map[string]bool
}

func New(cards Cards, house Warehouse, log *slog.Logger) *Service {
	return &Service{
		cards: cards, house: house, log: log,
		now: time.Now, gen: ids.Random{Prefix: "ord-"},
		seen: map[string]bool{},
	}
}

// Fulfil is the durable handler.
func (s *Service) Fulfil(ctx op.Context, o Order) (Payment, error) {
	total := pricing.Total(o.Lines)        // planted: 1 the clock, three calls deep in another package
	total += pricing.VAT(total, o.Country) // planted: 2 the environment, through a helper
	ref := s.gen.New()                     // planted: 3 random, through an interface in a field

	var reserved []string
	for sku, n := range o.Stock {
		err := replay.Exec(ctx, op.Do("reserve", func(ctx context.Context) error { // planted: 4 map order names operations
			if err := s.house.Reserve(ctx, sku, n); err != nil {
				return err
			}
			reserved = append(reserved, sku) // planted: 5 the compensation list is written in a body
			return nil
		}).Key(sku))
		if errors.Is(err, ErrOutOfStock) { // planted: 6 an error that no registration covers
			s.release(ctx, reserved)
			return Payment{}, fmt.Errorf("order %s: %w", o.ID, err)
		}
		if err != nil {
			return Payment{}, err
		}
	}

	pay, err := replay.Run(ctx, op.Step("charge", func(ctx context.Context) (Payment, error) { // planted: 7 a result that loses a field
		return s.cards.Charge(ctx, ref, total)
	}, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Exponential(retry.MaxAttempts(5))))) // planted: 8 at most once, retried
	if err != nil {
		return Payment{}, err
	}
	if s.now().Sub(ctx.Execution().StartedAt) > time.Hour { // planted: 9 the clock, through a field
		s.log.Warn("slow order", slog.String("order", o.ID))
	}
	return pay, nil
}

func (s *Service) release(ctx op.Context, skus []string) {
	for _, sku := range skus {
		op.Do("release", func(ctx context.Context) error { return s.house.Release(ctx, sku) }).Key(sku) // planted: 10 declared, never run
	}
}
