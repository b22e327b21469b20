package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// approvalLimit is the total above which a manager must agree.
const approvalLimit Cents = 500_00

// approvalTimeout is how long the manager may take.
const approvalTimeout = 24 * time.Hour

// packers is how many items are packed at a time.
const packers = 1

// coolOff is how long a customer may think again. A shop would take a day: nothing runs meanwhile.
const coolOff = 3 * time.Second

// The names of the operations.
const (
	reserveStock    = "reserve-stock"
	managerApproval = "manager-approval"
	chargeCard      = "charge-card"
	releaseStock    = "release-stock"
	shipItems       = "ship"
	packItem        = "pack-item"
	coolOffWait     = "cool-off"
)

// Orders processes orders.
type Orders struct {
	reserve op.Builder[Order, Hold]
	release op.Builder[Hold, op.None]
	charge  op.Builder[Order, Payment]
	pack    op.Builder[Item, Parcel]
	ask     func(ctx context.Context, o Order, callbackID string) error
}

// NewOrders declares what is done to an order. Nothing runs yet.
func NewOrders(stock *Stock, manager *Manager, cards *Cards, warehouse *Warehouse) *Orders {
	return &Orders{
		reserve: op.StepFunc(reserveStock, stock.Reserve,
			op.WithRetry(retry.Exponential(retry.MaxAttempts(5), retry.InitialDelay(time.Second), retry.NoJitter(),
				retry.OnIs(ErrThrottled)))),
		release: op.DoFunc(releaseStock, stock.Release),
		charge: op.StepFunc(chargeCard, cards.Charge,
			op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never()),
			op.WithErrors(codec.Sentinel("CardDeclined", ErrDeclined))),
		pack: op.StepFunc(packItem, warehouse.Pack).Key(func(i Item) string { return i.SKU }),
		ask:  manager.Ask,
	}
}

// approval waits until the manager has answered. No function runs meanwhile.
func (s *Orders) approval(o Order) op.Op[Approval] {
	return op.WaitForCallback[Approval](managerApproval,
		func(ctx context.Context, callbackID string) error { return s.ask(ctx, o, callbackID) },
		op.WithTimeout(approvalTimeout), op.WithErrors(codec.Sentinel(refusal, ErrRefused)))
}

// Process is the handler. It runs from its first line in every invocation; what is recorded is
// not done again.
func (s *Orders) Process(ctx op.Context, o Order) (Receipt, error) {
	ctx.Logger().Info("accepted the order")
	hold, err := replay.Run(ctx, s.reserve(o))
	if err != nil {
		return Receipt{}, fmt.Errorf("reserve stock: %w", err)
	}
	if o.Total() > approvalLimit {
		if err := replay.Exec(ctx, s.approval(o)); err != nil {
			return Receipt{}, errors.Join(fmt.Errorf("approve order: %w", err), replay.Exec(ctx, s.release(hold)))
		}
	}
	pay, err := replay.Run(ctx, s.charge(o))
	if err != nil {
		return Receipt{}, errors.Join(fmt.Errorf("charge card: %w", err), replay.Exec(ctx, s.release(hold)))
	}
	parcels, err := replay.Run(ctx, op.Map(shipItems, o.Items, s.pack, op.WithMaxConcurrency(packers)))
	if err != nil {
		return Receipt{}, fmt.Errorf("ship items: %w", err)
	}
	if err := replay.Exec(ctx, op.Wait(coolOffWait, coolOff)); err != nil {
		return Receipt{}, err
	}
	return receipt(o, pay, parcels.Values(), replay.Now(ctx)), nil
}
