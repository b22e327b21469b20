package perdure_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

type order struct {
	ID    string
	Items []string
	Total int
}

type hold struct{ ID string }

type approval struct{ By string }

// What a shop does. Nothing in it knows about durable execution.

func reserveStock(_ context.Context, o order) (hold, error) {
	fmt.Println("reserve", o.ID)
	return hold{ID: o.ID}, nil
}

func releaseStock(_ context.Context, h hold) error {
	fmt.Println("release", h.ID)
	return nil
}

func chargeCard(_ context.Context, o order) (string, error) {
	fmt.Println("charge", o.Total)
	if o.Total > 1000 {
		return "", errors.New("card declined")
	}
	return "pay-" + o.ID, nil
}

func packItem(_ context.Context, sku string) (string, error) {
	fmt.Println("pack", sku)
	return "parcel-" + sku, nil
}

var (
	reserve = op.StepFunc("reserve-stock", reserveStock)
	release = op.DoFunc("release-stock", releaseStock)
	charge  = op.StepFunc("charge-card", chargeCard, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never()))
	pack    = op.StepFunc("pack-item", packItem)
)

const approvalLimit = 500

// shop processes orders. ask puts a question before a manager, who answers by the callback's ID.
type shop struct {
	ask func(ctx context.Context, callbackID string) error
}

// processOrder runs from its first line in every invocation; what is recorded is not done again.
func (s shop) processOrder(ctx op.Context, o order) ([]string, error) {
	h, err := replay.Run(ctx, reserve(o))
	if err != nil {
		return nil, fmt.Errorf("reserve stock: %w", err)
	}
	if o.Total > approvalLimit {
		if err := replay.Exec(ctx, op.WaitForCallback[approval]("manager-approval", s.ask, op.WithTimeout(24*time.Hour))); err != nil {
			return nil, errors.Join(fmt.Errorf("approve order: %w", err), replay.Exec(ctx, release(h)))
		}
	}
	pay, err := replay.Run(ctx, charge(o))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("charge card: %w", err), replay.Exec(ctx, release(h)))
	}
	if err := replay.Exec(ctx, op.Wait("cool-off", 24*time.Hour)); err != nil {
		return nil, err
	}
	parcels, err := replay.Run(ctx, op.Map("ship", o.Items, pack, op.WithMaxConcurrency(1)))
	return append([]string{pay}, parcels.Values()...), err
}

// process runs an order on a local service whose clock passes a day at once. The manager answers
// after an hour.
func process(event string) {
	clock := local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	service := local.New(local.WithClock(clock))
	defer service.Close()
	s := shop{ask: func(_ context.Context, callbackID string) error {
		fmt.Println("ask the manager")
		clock.AfterFunc(time.Hour, func() { _ = service.CompleteCallback(callbackID, []byte(`{"By":"Ada"}`)) })
		return nil
	}}
	out, err := service.Run(context.Background(), replay.Handler(s.processOrder), []byte(event))
	if failed, ok := errors.AsType[*local.ExecutionError](err); ok {
		fmt.Println(failed.Failure.Message)
		return
	}
	fmt.Println(string(out), err)
}

// An order is reserved, charged, and shipped a day later. Each body runs once.
func Example() {
	process(`{"ID":"A-1","Items":["tea","pot"],"Total":42}`)
	// Output:
	// reserve A-1
	// charge 42
	// pack tea
	// pack pot
	// ["pay-A-1","parcel-tea","parcel-pot"] <nil>
}

// A large order waits for a manager. One that then cannot be paid gives back what it holds.
func Example_compensation() {
	process(`{"ID":"A-2","Items":["gear"],"Total":1799000}`)
	// Output:
	// reserve A-2
	// ask the manager
	// charge 1799000
	// release A-2
	// charge card: card declined
}
