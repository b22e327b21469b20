package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"example.test/shop/blind/internal/coll"
	"example.test/shop/blind/orders/model"
	"example.test/shop/blind/orders/notify"
	"example.test/shop/blind/orders/payments"
)

// coolOff is how long a customer may cancel.
const coolOff = 30 * time.Minute

// Process is the handler.
func (s *Orders) Process(ctx op.Context, o model.Order) (model.Receipt, error) {
	log := ctx.Logger().With(slog.String("order", o.ID))
	log.Info("order accepted", slog.Int("lines", len(o.Lines)), slog.Any("payload", o))

	if err := s.warm(ctx, o); err != nil {
		return model.Receipt{}, err
	}
	cents, err := s.price(ctx, o)
	if err != nil {
		return model.Receipt{}, err
	}
	pay, err := replay.Run(ctx, s.charge(model.Charge{OrderID: o.ID, Card: o.Card, Cents: cents}))
	if err != nil {
		return model.Receipt{}, s.unpaid(ctx, o, err)
	}
	if s.flags.On("cooloff") {
		if err := replay.Exec(ctx, op.Wait("cool-off", coolOff)); err != nil {
			return model.Receipt{}, err
		}
	}
	if pay, err = replay.Run(ctx, s.capture(pay)); err != nil {
		return model.Receipt{}, fmt.Errorf("capture: %w", err)
	}
	shipments, err := replay.Run(ctx, op.Group("fulfil", func(ctx op.Context) ([]model.Shipment, error) {
		return s.fulfil(ctx, o)
	}))
	if err != nil {
		s.alerts.Raise("orders", "order "+o.ID+" was paid and cannot be shipped")
		return model.Receipt{}, errors.Join(err, s.payBack(ctx, o, pay))
	}
	done := notify.Mail{To: o.Email, Subject: "Your order " + o.ID + " is on its way"}
	return model.Receipt{OrderID: o.ID, Payment: pay, Shipments: shipments, At: replay.Now(ctx)},
		replay.Exec(ctx, s.mail(done))
}

// warm wakes the warehouse's API, which sleeps when no one has called it.
func (s *Orders) warm(ctx op.Context, o model.Order) (err error) {
	s.warmed.Do(func() {
		err = replay.Exec(ctx, op.Do("warm-up", func(ctx context.Context) error {
			return s.house.Warm(ctx, "eu")
		}))
	})
	if err != nil {
		return fmt.Errorf("order %s: warm up: %w", o.ID, err)
	}
	return nil
}

// price says what is to be paid; large surcharges are announced to the customer.
func (s *Orders) price(ctx op.Context, o model.Order) (int64, error) {
	cents := o.Total() - s.prices.Discount(o)
	if extra := s.prices.Surcharge(); extra > 0 {
		cents += extra
		told := notify.Mail{To: o.Email, Subject: "A night surcharge applies to order " + o.ID}
		if err := replay.Exec(ctx, s.mail(told)); err != nil {
			return 0, fmt.Errorf("announce surcharge: %w", err)
		}
	}
	return cents, nil
}

// unpaid informs the customer that the card was declined, and passes other errors on.
func (s *Orders) unpaid(ctx op.Context, o model.Order, err error) error {
	if !payments.IsDeclined(err) {
		return fmt.Errorf("charge: %w", err)
	}
	again := notify.Mail{To: o.Email, Subject: "Your card was declined"}
	return errors.Join(err, replay.Exec(ctx, s.mail(again)))
}

// fulfil reserves and ships what each warehouse has.
func (s *Orders) fulfil(ctx op.Context, o model.Order) ([]model.Shipment, error) {
	byHouse := coll.GroupBy(o.Lines, func(l model.Line) string { return l.Warehouse })
	picks := make([]model.Pick, 0, len(byHouse))
	for _, e := range coll.Entries(byHouse) {
		picks = append(picks, model.Pick{OrderID: o.ID, Warehouse: e.Key, Lines: e.Value})
	}
	if err := s.reserve(ctx, picks); err != nil {
		return nil, err
	}
	shipped, err := replay.Run(ctx, op.Map("ship-all", picks, s.ship, op.WithMaxConcurrency(4)))
	if err != nil {
		return nil, fmt.Errorf("ship: %w", err)
	}
	return shipped.Values(), nil
}

// reserve reserves the stock of all picks; it is released if the order cannot be fulfilled.
func (s *Orders) reserve(ctx op.Context, picks []model.Pick) error {
	var current model.Pick
	for _, p := range picks {
		current = p
		hold := op.Step("reserve", func(ctx context.Context) (string, error) {
			return s.house.Reserve(ctx, p)
		}).Key(p.Warehouse).Undo(func(ctx context.Context, reservation string) error {
			return s.house.Release(ctx, current.Warehouse+"/"+reservation)
		})
		if err := replay.Exec(ctx, hold); err != nil {
			return fmt.Errorf("reserve in %s: %w", p.Warehouse, err)
		}
	}
	return nil
}

// payBack refunds the goods and the shipping apart, as the books want it.
func (s *Orders) payBack(ctx op.Context, o model.Order, p model.Payment) error {
	goods := min(o.Total(), p.Cents)
	refunds := []op.Op[model.Refund]{
		s.refund(model.Refund{PaymentID: p.ID, Cents: goods, Reason: "goods"}),
	}
	if rest := p.Cents - goods; rest > 0 {
		refunds = append(refunds, s.refund(model.Refund{PaymentID: p.ID, Cents: rest, Reason: "extras"}))
	}
	if err := replay.Exec(ctx, op.AllSettled("refunds", refunds...)); err != nil {
		return fmt.Errorf("refund order %s: %w", o.ID, err)
	}
	return replay.Exec(ctx, s.mail(notify.Mail{To: o.Email, Subject: "We have paid back order " + o.ID}))
}
