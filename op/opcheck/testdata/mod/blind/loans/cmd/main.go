// Command cmd is the loan function.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/perdure/perdure/replay"

	"example.test/shop/blind/loans/bureau"
	"example.test/shop/blind/loans/domain"
	"example.test/shop/blind/loans/flow"
	"example.test/shop/blind/loans/office"
)

type backend struct{}

func (backend) Verify(_ context.Context, d domain.Document) (domain.Verified, error) {
	return domain.Verified{DocumentID: d.ID, Genuine: d.URL != ""}, nil
}
func (backend) Lock(context.Context, string) error                        { return nil }
func (backend) Unlock(context.Context, string) error                      { return nil }
func (backend) Seal(_ context.Context, d domain.Document) (string, error) { return "seal-" + d.ID, nil }
func (backend) Tell(context.Context, string, string) error                { return nil }
func (backend) File(_ context.Context, id string) (string, error)         { return "filing-" + id, nil }
func (backend) Entered(context.Context, string) (bool, error)             { return true, nil }
func (backend) Payout(_ context.Context, key string, _ int64) (string, error) {
	return "pay-" + key, nil
}
func (backend) Rate(context.Context, int) (int, error) { return 310, nil }
func (backend) Put(context.Context, office.Task) error { return nil }

func main() {
	var b backend
	asks := &bureau.Client{HTTP: &http.Client{Timeout: 20 * time.Second}, Base: os.Getenv("BUREAU_URL")}
	f := flow.New(asks, b, b, b, &office.Office{Inbox: b, Log: slog.Default()})
	lambda.Start(replay.Handler(f.Decide))
}
