package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// coolOff is how long a customer may think again. A shop would take a day: nothing runs meanwhile.
const coolOff = 3 * time.Second

// The names of the operations. A packed item is told from the others by its SKU.
const (
	reserveStock = "reserve-stock"
	releaseStock = "release-stock"
	chargeCard   = "charge-card"
	packItem     = "pack-item"
	coolOffWait  = "cool-off"
)

// Orders processes orders.
type Orders struct {
	reserve op.Builder[Order, Hold]
	release op.Builder[Hold, op.None]
	charge  op.Builder[Order, Payment]
	pack    op.Builder[Item, Parcel]
}

// NewOrders declares what is done to an order. Nothing runs yet.
func NewOrders(stock *Stock, cards *Cards, warehouse *Warehouse) *Orders {
	return &Orders{
		reserve: op.StepFunc(reserveStock, stock.Reserve,
			op.WithRetry(retry.Exponential(retry.MaxAttempts(5), retry.InitialDelay(time.Second), retry.NoJitter(),
				retry.OnIs(ErrThrottled)))),
		release: op.DoFunc(releaseStock, stock.Release),
		charge: op.StepFunc(chargeCard, cards.Charge,
			op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never()),
			op.WithErrors(codec.Sentinel("CardDeclined", ErrDeclined))),
		pack: op.StepFunc(packItem, warehouse.Pack),
	}
}

// Process is the handler. It runs from its first line in every invocation; what is recorded is
// not done again.
func (s *Orders) Process(ctx op.Context, o Order) (Receipt, error) {
	ctx.Logger().Info("accepted the order")
	hold, err := replay.Run(ctx, s.reserve(o))
	if err != nil {
		return Receipt{}, fmt.Errorf("reserve stock: %w", err)
	}
	pay, err := replay.Run(ctx, s.charge(o))
	if err != nil {
		return Receipt{}, errors.Join(fmt.Errorf("charge card: %w", err), replay.Exec(ctx, s.release(hold)))
	}
	var parcels []Parcel
	for _, item := range o.Items {
		parcel, err := replay.Run(ctx, s.pack(item).Key(item.SKU))
		if err != nil {
			return Receipt{}, fmt.Errorf("pack %s: %w", item.SKU, err)
		}
		parcels = append(parcels, parcel)
	}
	if err := replay.Exec(ctx, op.Wait(coolOffWait, coolOff)); err != nil {
		return Receipt{}, err
	}
	return receipt(o, pay, parcels, replay.Now(ctx)), nil
}
