// Package workflow processes orders durably.
package workflow

import (
	"context"
	"sync"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/retry"

	"example.test/shop/blind/orders/flags"
	"example.test/shop/blind/orders/model"
	"example.test/shop/blind/orders/notify"
	"example.test/shop/blind/orders/payments"
	"example.test/shop/blind/orders/pricing"
)

// Warehouse packs and ships.
type Warehouse interface {
	Reserve(ctx context.Context, p model.Pick) (string, error)
	Release(ctx context.Context, reservation string) error
	Ship(ctx context.Context, p model.Pick) (model.Shipment, error)
	Warm(ctx context.Context, region string) error
}

// Orders is the service.
type Orders struct {
	prices  *pricing.Engine
	gateway *payments.Gateway
	house   Warehouse
	alerts  notify.Alerter
	flags   flags.Set

	charge  op.Builder[model.Charge, model.Payment]
	capture op.Builder[model.Payment, model.Payment]
	refund  op.Builder[model.Refund, model.Refund]
	ship    op.Builder[model.Pick, model.Shipment]
	mail    op.Builder[notify.Mail, op.None]

	warmed sync.Once
}

// New declares the operations of orders.
func New(p *pricing.Engine, g *payments.Gateway, w Warehouse, a notify.Alerter, m *notify.Mailer) *Orders {
	patiently := op.WithRetry(retry.Exponential(retry.MaxAttempts(6)))
	return &Orders{
		prices: p, gateway: g, house: w, alerts: a, flags: flags.For("orders"),
		charge:  op.StepFunc("charge-card", g.Charge, patiently),
		capture: op.StepFunc("capture", g.Capture, patiently),
		refund: op.StepFunc("refund", g.Refund, patiently).
			Key(func(r model.Refund) string { return r.Reason }),
		ship: op.StepFunc("ship", w.Ship, patiently).
			Key(func(p model.Pick) string { return p.Warehouse }),
		mail: op.DoFunc("mail", m.Send, patiently).
			Key(func(m notify.Mail) string { return m.Subject }),
	}
}
