// Command cmd is the import function.
package main

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/perdure/perdure/replay"

	"example.test/shop/blind/ingest/assist"
	"example.test/shop/blind/ingest/feed"
	"example.test/shop/blind/ingest/pipeline"
)

type backend struct{}

func (backend) List(context.Context, string, string, int) ([]feed.File, error) { return nil, nil }
func (backend) Convert(_ context.Context, f feed.File) (feed.Table, error) {
	return feed.Table{Rows: 1, Location: f.Name}, nil
}
func (backend) Archive(context.Context, feed.File) error { return nil }
func (backend) Stage(_ context.Context, day string, _ []feed.Table) (string, error) {
	return "staged-" + day, nil
}
func (backend) Load(context.Context, string) error         { return nil }
func (backend) Check(context.Context, string) (int, error) { return 0, nil }
func (backend) Publish(_ context.Context, t feed.Table) (feed.Version, error) {
	return feed.Version{Location: t.Location, Number: 1}, nil
}
func (backend) Withdraw(context.Context, feed.Version) error { return nil }
func (backend) SwitchOver(context.Context, string) error     { return nil }
func (backend) Buy(_ context.Context, key, _ string) (assist.Purchase, error) {
	return assist.Purchase{ID: key}, nil
}
func (backend) Fetch(context.Context, string) (string, error) { return "", nil }

func main() {
	var b backend
	model := assist.NewModel(context.Background(), &http.Client{Timeout: 10 * time.Minute}, os.Getenv("MODEL_URL"))
	lambda.Start(replay.Handler(pipeline.New(b, b, model, b).Import))
}
