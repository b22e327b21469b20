package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/corpus"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// edition is what later versions of the program change.
type edition struct {
	*Orders

	check  func(ctx op.Context, o Order) error // before the card is charged; nil for nothing
	charge op.Builder[Order, Payment]
	wait   op.Op[op.None]
	after  op.Builder[Receipt, op.None] // nil for nothing
}

// process is Orders.Process with what an edition changes.
func (e edition) process(ctx op.Context, o Order) (Receipt, error) {
	hold, err := replay.Run(ctx, e.reserve(o))
	if err != nil {
		return Receipt{}, fmt.Errorf("reserve stock: %w", err)
	}
	if o.Total() > approvalLimit {
		if err := replay.Exec(ctx, e.approval(o)); err != nil {
			return Receipt{}, errors.Join(fmt.Errorf("approve order: %w", err), replay.Exec(ctx, e.release(hold)))
		}
	}
	if e.check != nil {
		if err := e.check(ctx, o); err != nil {
			return Receipt{}, errors.Join(err, replay.Exec(ctx, e.release(hold)))
		}
	}
	pay, err := replay.Run(ctx, e.charge(o))
	if err != nil {
		return Receipt{}, errors.Join(fmt.Errorf("charge card: %w", err), replay.Exec(ctx, e.release(hold)))
	}
	parcels, err := replay.Run(ctx, op.Map(shipItems, o.Items, e.pack, op.WithMaxConcurrency(packers)))
	if err != nil {
		return Receipt{}, fmt.Errorf("ship items: %w", err)
	}
	if err := replay.Exec(ctx, e.wait); err != nil {
		return Receipt{}, err
	}
	r := receipt(o, pay, parcels.Values(), replay.Now(ctx))
	if e.after == nil {
		return r, nil
	}
	return r, replay.Exec(ctx, e.after(r))
}

// Risk is the result of a check for fraud.
type Risk struct {
	Score int `json:"score"`
}

var errFraud = errors.New("the order looks like fraud")

var (
	checkFraud = op.StepFunc("check-fraud", func(_ context.Context, o Order) (Risk, error) { return Risk{len(o.Items)}, nil })

	onDecline = op.WithErrors(codec.Sentinel("CardDeclined", ErrDeclined))
	authorize = op.StepFunc("authorize-card", func(_ context.Context, o Order) (string, error) {
		if o.Card == declinedCard {
			return "", ErrDeclined
		}
		return "auth-" + o.ID, nil
	}, op.WithRetry(retry.Never()), onDecline)
	sendReceipt = op.DoFunc("send-receipt", func(context.Context, Receipt) error { return nil })
)

// refusing runs a check and refuses what looks like fraud.
func refusing(checked op.Builder[Order, Risk]) func(ctx op.Context, o Order) error {
	return func(ctx op.Context, o Order) error {
		if risk, err := replay.Run(ctx, checked(o)); err != nil || risk.Score > 90 {
			return errors.Join(err, errFraud)
		}
		return nil
	}
}

// version2 checks orders for fraud before the card is charged, and has another name for the wait.
func version2(declared bool) func(s *Orders) edition {
	return func(s *Orders) edition {
		e := edition{Orders: s, check: refusing(checkFraud), charge: s.charge, wait: op.Wait("grace-period", coolOff)}
		if declared {
			e.check = refusing(func(o Order) op.Op[Risk] { return op.Added(checkFraud(o), Risk{}) })
			e.wait = e.wait.Was(coolOffWait)
		}
		return e
	}
}

// version3 authorizes a card and captures the money later, checks no orders any more, and sends
// the receipt.
func version3(declared bool) func(s *Orders) edition {
	return func(s *Orders) edition {
		capture := func(o Order, auth string) op.Op[Payment] {
			return op.Step("capture", func(context.Context) (Payment, error) {
				return Payment{ID: auth, Amount: o.Total(), Card: o.Card[len(o.Card)-4:]}, nil
			})
		}
		e := version2(true)(s)
		e.after, e.check = sendReceipt, nil
		e.charge = func(o Order) op.Op[Payment] {
			return op.Inline("authorize and capture", func(ctx op.Context) (Payment, error) {
				auth, err := replay.Run(ctx, authorize(o))
				if err != nil {
					return Payment{}, err
				}
				return replay.Run(ctx, capture(o, auth))
			})
		}
		if declared {
			e.check = func(ctx op.Context, o Order) error { return replay.Exec(ctx, op.Removed(checkFraud(o))) }
			both := e.charge
			e.charge = func(o Order) op.Op[Payment] { return op.Replaces(both(o), s.charge(o)) }
		}
		return e
	}
}

// tolerant is version 1 as it is deployed before version 2, so that there is a way back from that.
func tolerant(s *Orders) edition {
	return edition{
		Orders: s, charge: s.charge, wait: op.Wait(coolOffWait, coolOff).Was("grace-period"),
		check: func(ctx op.Context, o Order) error { return replay.Exec(ctx, op.Removed(checkFraud(o))) },
	}
}

// processing is a version of the program, with a warehouse, a stock and a bank of its own.
func processing(with func(s *Orders) edition) func() corpus.Function {
	return func() corpus.Function {
		var stock Stock
		var cards Cards
		var warehouse Warehouse
		orders := NewOrders(&stock, nil, &cards, &warehouse)
		orders.ask = func(context.Context, Order, string) error { return nil }
		handler := orders.Process
		if with != nil {
			handler = with(orders).process
		}
		return replay.Handler(handler, replay.WithLogHandler(slog.DiscardHandler))
	}
}

// TestCompatible: orders that are being processed, by the code of each version that is kept in
// testdata/histories, go on with the code of later ones, and what is said of others is
// written here.
func TestCompatible(t *testing.T) {
	t.Parallel()
	var cases []corpus.Case
	for _, name := range shipped() {
		o := shippedOrder(t, name)
		input, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, corpus.Case{Name: name, Input: string(input), Outside: manager(o)})
	}
	corpus.Test(t, "testdata/histories", []corpus.Version{
		{Name: "1", New: processing(nil), Says: map[string][]string{
			"2": {`the log has STEP Step "check-fraud"`}, "3": {`the log has STEP Step "authorize-card"`},
		}},
		{Name: "2", Change: "a step is inserted and the wait is renamed", New: processing(version2(true)), Says: map[string][]string{
			"3": {`the log has STEP Step "authorize-card"`},
		}},
		{Name: "3", Change: "a step is split, another one removed, and one added at the end", New: processing(version3(true))},
		{Name: "1 tolerant", Change: "the way back from 2", Undeployed: true, New: processing(tolerant), Says: map[string][]string{
			"3": {`the log has STEP Step "authorize-card"`},
		}},
		{Name: "2 undeclared", Undeployed: true, New: processing(version2(false)), Says: map[string][]string{
			"1": {`op.Added(op.Step("check-fraud", …), v)`}, "3": {`op.Added(op.Step("check-fraud", …), v)`},
		}},
		{Name: "3 undeclared", Undeployed: true, New: processing(version3(false)), Says: map[string][]string{
			"1": {`op.Step("authorize-card", …).Was("charge-card")`}, "2": {`the log has STEP Step "check-fraud"`},
		}},
	}, cases)
}
