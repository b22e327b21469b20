// Package orders fulfils orders: it reserves what was ordered, charges the card, has large orders
// reviewed by a person, ships, and thanks the customer.
package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"example.test/shop/unseen/orders/ids"
	"example.test/shop/unseen/orders/pricing"
	"example.test/shop/unseen/orders/saga"
	"example.test/shop/unseen/orders/settings"
	"example.test/shop/unseen/orders/stock"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// Order is what the function is given.
type Order struct {
	ID       string         `json:"id"`
	Customer string         `json:"customer"`
	Articles map[string]int `json:"articles"`
	Prices   []pricing.Line `json:"prices"`
}

// Receipt is what it returns.
type Receipt struct {
	Reference string `json:"reference"`
	Payment   string `json:"payment"`
	Parcels   int    `json:"parcels"`
}

// Payments is the payment provider.
type Payments interface {
	Charge(ctx context.Context, customer string, cents int64, key string) (string, error)
	Refund(ctx context.Context, payment string) error
}

// Service fulfils orders.
type Service struct {
	Stock    *stock.Client
	Payments Payments
	Mail     func(ctx context.Context, to, text string) error
	Log      *slog.Logger
	// Served is how many orders this process has seen.
	Served int
}

// Fulfil is the handler.
func (s *Service) Fulfil(ctx op.Context, o Order) (Receipt, error) {
	defer s.audit(o.ID) // MISTAKE 32: deferred, and so it is also done when the invocation suspends

	receipt := Receipt{Reference: ids.Reference("ORD")}         // MISTAKE 1: another reference in every invocation
	total := pricing.Total(o.Prices, pricing.HolidayDiscount()) // MISTAKE 2: the season may be over in the next invocation

	if !s.Stock.Open() { // MISTAKE 3: asks the network in handler code
		if err := replay.Exec(ctx, op.Wait("until-open", 12*time.Hour)); err != nil {
			return receipt, err
		}
	}

	back := &saga.Saga{}
	for sku, count := range o.Articles { // MISTAKE 4: the order of a map decides in which order operations are run
		_, err := replay.Run(ctx, s.reserve(sku, count, back).Key(sku))
		if errors.Is(err, stock.ErrOutOfStock) { // MISTAKE 5: the error is not registered, after a replay it is another one
			return receipt, s.giveBack(ctx, back, err)
		}
		if err != nil {
			return receipt, err
		}
	}

	if total > settings.Current().ReviewAbove { // MISTAKE 6: the environment decides which operations run
		if err := s.review(ctx, o, total); err != nil {
			return receipt, s.giveBack(ctx, back, err)
		}
	}

	var payment string
	err := replay.Exec(ctx, op.Do("charge", func(c context.Context) error {
		info, _ := op.InfoFrom(c)
		id, err := s.Payments.Charge(c, o.Customer, total, info.IdempotencyKey)
		payment = id // MISTAKE 7: written in a body, empty after a replay
		return err
	}))
	if err != nil {
		return receipt, s.giveBack(ctx, back, err)
	}
	receipt.Payment = payment

	parcels, err := s.ship(ctx, o)
	if err != nil {
		return receipt, err
	}
	receipt.Parcels = parcels
	s.thank(o, receipt) // MISTAKE 8: makes an operation and does not run it
	return receipt, nil
}

// audit writes down that an order is done with.
func (s *Service) audit(order string) {
	_ = os.WriteFile("/mnt/audit/"+order, []byte("done\n"), 0o600)
}

// reserve reserves one article.
func (s *Service) reserve(sku string, count int, back *saga.Saga) op.Op[stock.Reservation] {
	return op.Step("reserve", func(c context.Context) (stock.Reservation, error) {
		r, err := s.Stock.Reserve(c, sku, count)
		if err != nil {
			return r, err
		}
		back.Add(func(c context.Context) error { return s.Stock.Release(c, r) }) // MISTAKE 9: after a replay the list is empty, and nothing is given back
		return r, nil
	}, op.WithRetry(retry.Exponential(retry.MaxAttempts(3))))
}

func (s *Service) giveBack(ctx op.Context, back *saga.Saga, cause error) error {
	if err := replay.Exec(ctx, op.Do("give-back", back.Back)); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// review has a person look at the order.
func (s *Service) review(ctx op.Context, o Order, total int64) error {
	ok, err := replay.Run(ctx, op.WaitForCallback[bool]("review", func(c context.Context, id string) error {
		s.Log.InfoContext(c, "waiting for a review", "order", o.ID, "total", total, "callback", id) // MISTAKE 10: who reads the log can approve the order
		return s.Mail(c, "review@example.test", fmt.Sprintf("please look at %s", o.ID))
	}, op.WithTimeout(72*time.Hour)))
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("order %s was refused", o.ID)
	}
	return nil
}

// ship packs each line as a parcel of its own.
func (s *Service) ship(ctx op.Context, o Order) (int, error) {
	var wg sync.WaitGroup
	errs := make([]error, len(o.Prices))
	for i, l := range o.Prices {
		wg.Go(func() { // MISTAKE 11: operations on goroutines of the handler's own
			errs[i] = replay.Exec(ctx, pack(l).Key(l.SKU))
		})
	}
	wg.Wait()
	return len(o.Prices), errors.Join(errs...)
}

var pack = op.DoFunc("pack", func(ctx context.Context, l pricing.Line) error {
	op.LoggerFrom(ctx).InfoContext(ctx, "packed", "sku", l.SKU)
	return nil
})

func (s *Service) thank(o Order, r Receipt) op.Op[op.None] {
	return op.Do("thank", func(c context.Context) error {
		return s.Mail(c, o.Customer, "thank you, your reference is "+r.Reference)
	})
}
