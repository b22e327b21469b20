// Package payments talks to the payment provider.
package payments

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"example.test/shop/blind/orders/model"
)

// Gateway is the provider's API.
type Gateway struct {
	client *http.Client
	base   string
}

// NewGateway returns a gateway.
func NewGateway(c *http.Client, base string) *Gateway { return &Gateway{client: c, base: base} }

type request struct {
	Key  string `json:"idempotencyKey"`
	Body any    `json:"body"`
}

// newRequest wraps a body in the provider's envelope.
func newRequest(body any) request {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return request{Key: hex.EncodeToString(b[:]), Body: body}
}

// keyed wraps a body in the provider's envelope with a key of ours.
func keyed(key string, body any) request { return request{Key: key, Body: body} }

// Charge charges a card.
func (g *Gateway) Charge(ctx context.Context, c model.Charge) (model.Payment, error) {
	var p model.Payment
	err := g.post(ctx, "/charges", newRequest(c), &p)
	return p, err
}

// Refund pays money back.
func (g *Gateway) Refund(ctx context.Context, r model.Refund) (model.Refund, error) {
	err := g.post(ctx, "/refunds", keyed("refund/"+r.PaymentID+"/"+r.Reason, r), &r)
	return r, err
}

// Void voids a payment that has not been captured.
func (g *Gateway) Void(ctx context.Context, paymentID string) error {
	return g.post(ctx, "/voids", keyed("void/"+paymentID, paymentID), nil)
}

// Capture captures a payment.
func (g *Gateway) Capture(ctx context.Context, p model.Payment) (model.Payment, error) {
	err := g.post(ctx, "/captures", keyed("capture/"+p.ID, p), &p)
	return p, err
}

func (g *Gateway) post(ctx context.Context, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.base+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	res, err := g.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusPaymentRequired:
		return model.ErrDeclined
	case res.StatusCode >= 300:
		return fmt.Errorf("gateway: %s", res.Status)
	case out == nil:
		return nil
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// IsDeclined reports whether the bank refused the card.
func IsDeclined(err error) bool { return errors.Is(err, model.ErrDeclined) }
