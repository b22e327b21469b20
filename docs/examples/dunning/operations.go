package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// ErrCancelled says that the invoice is not to be paid any more. The ledger fails the callback with
// it.
var ErrCancelled = errors.New("the invoice was cancelled")

// cancelled has errors.Is find it, on a replay as well.
var cancelled = op.WithErrors(codec.Sentinel("Cancelled", ErrCancelled))

// Dunning declares what is done for an invoice. Nothing runs yet.
type Dunning struct {
	expect                     op.Builder[Expected, op.None]
	send                       op.Builder[Letter, op.None]
	handOver, recall, writeOff op.Builder[Invoice, op.None]
}

// World is what the operations call. Each call carries a key of the business, so that it may be
// repeated: the ID of the invoice, with the stage of a letter.
type World interface {
	// Expect has the ledger answer the callback when the invoice has been paid in full.
	Expect(ctx context.Context, e Expected) error
	// Send sends a letter by post.
	Send(ctx context.Context, key string, l Letter) error
	// HandOver gives the claim to a collection agency, Recall takes it back.
	HandOver(ctx context.Context, inv Invoice) error
	Recall(ctx context.Context, inv Invoice) error
	// WriteOff books the loss.
	WriteOff(ctx context.Context, inv Invoice) error
}

// NewDunning declares the operations. Systems of others may be down for a weekend.
func NewDunning(w World) *Dunning {
	patiently := op.WithRetry(retry.Exponential(retry.MaxAttempts(30), retry.InitialDelay(time.Minute), retry.MaxDelay(3*time.Hour)))
	return &Dunning{
		expect: op.DoFunc("expect-payment", w.Expect, patiently),
		send: op.DoFunc("send-letter", func(ctx context.Context, l Letter) error {
			return w.Send(ctx, l.Invoice.ID+"/"+l.Stage.Name, l)
		}, patiently).Key(func(l Letter) string { return l.Stage.Name }),
		handOver: op.DoFunc("hand-over", w.HandOver, patiently),
		recall:   op.DoFunc("recall", w.Recall, patiently),
		writeOff: op.DoFunc("write-off", w.WriteOff, patiently),
	}
}

// act is what a stage does.
func (d *Dunning) act(inv Invoice, s Stage) op.Op[op.None] {
	switch s.Kind {
	case collection:
		return d.handOver(inv)
	case loss:
		return d.writeOff(inv)
	case letter:
	}
	return d.send(Letter{inv, s})
}

// settle ends the dunning of an invoice that was paid or cancelled after some stages. What the
// agency has is recalled. Fees that the customer has not paid are waived.
func (d *Dunning) settle(ctx op.Context, inv Invoice, past []Stage, paid Payment, err error) (Settlement, error) {
	s := Settlement{Invoice: inv.ID, Status: Paid, Stages: names(past)}
	switch {
	case errors.Is(err, ErrCancelled):
		s.Status = Cancelled
	case err != nil:
		return Settlement{}, fmt.Errorf("wait for payment: %w", err)
	default:
		s.Received, s.Waived = paid.Cents, max(inv.Cents+fees(past)-paid.Cents, 0)
	}
	if slices.ContainsFunc(past, func(s Stage) bool { return s.Kind == collection }) {
		return s, replay.Exec(ctx, d.recall(inv))
	}
	return s, nil
}
