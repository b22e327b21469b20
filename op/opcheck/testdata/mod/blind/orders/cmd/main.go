// Command cmd is the order function.
package main

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/perdure/perdure/replay"

	"example.test/shop/blind/orders/model"
	"example.test/shop/blind/orders/notify"
	"example.test/shop/blind/orders/payments"
	"example.test/shop/blind/orders/pricing"
	"example.test/shop/blind/orders/workflow"
)

type house struct{ client *http.Client }

func (h house) Reserve(_ context.Context, p model.Pick) (string, error) { return p.OrderID, nil }
func (h house) Release(context.Context, string) error                   { return nil }
func (h house) Ship(_ context.Context, p model.Pick) (model.Shipment, error) {
	return model.Shipment{Tracking: p.OrderID + "-" + p.Warehouse, Warehouse: p.Warehouse}, nil
}
func (h house) Warm(context.Context, string) error { return nil }

func main() {
	c := &http.Client{Timeout: 10 * time.Second}
	orders := workflow.New(
		pricing.NewEngine(pricing.SystemClock{}),
		payments.NewGateway(c, os.Getenv("GATEWAY_URL")),
		house{c},
		&notify.Pager{Client: c, URL: os.Getenv("PAGER_URL")},
		&notify.Mailer{Client: c, URL: os.Getenv("MAIL_URL")},
	)
	lambda.Start(replay.Handler(orders.Process))
}
