package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Collect waits for the payment of an invoice. While it stays away there is a letter, or worse, at
// each stage; when it arrives, or the invoice is cancelled, that ends everything.
func (d *Dunning) Collect(ctx op.Context, inv Invoice) (Settlement, error) {
	payment, err := replay.Run(ctx, op.CreateCallback[Payment]("payment", cancelled))
	if err != nil {
		return Settlement{}, err
	}
	if err := replay.Exec(ctx, d.expect(Expected{inv, payment.ID})); err != nil {
		return Settlement{}, fmt.Errorf("expect payment: %w", err)
	}
	for i, stage := range stages {
		left := max(stage.begins(inv).Sub(replay.Now(ctx)), time.Second)
		paid, err := replay.Run(ctx, op.Timeout("paid-before", payment.Result(), left).Key(stage.Name))
		if !errors.Is(err, op.ErrTimedOut) {
			return d.settle(ctx, inv, stages[:i], paid, err)
		}
		if err := replay.Exec(ctx, d.act(inv, stage)); err != nil {
			return Settlement{}, fmt.Errorf("%s: %w", stage.Name, err)
		}
	}
	return Settlement{Invoice: inv.ID, Status: WrittenOff, Stages: names(stages), Lost: inv.Cents}, nil
}
