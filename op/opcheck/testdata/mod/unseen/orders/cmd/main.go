// Command cmd is the function on Lambda.
package main

import (
	"log/slog"
	"net/http"

	"example.test/shop/unseen/orders"
	"example.test/shop/unseen/orders/stock"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/replay"
)

func main() {
	s := &orders.Service{
		Stock: &stock.Client{Base: "https://stock.example.test", HTTP: http.DefaultClient},
		Log:   slog.Default(),
	}
	lambda.Start(replay.Handler(s.Fulfil))
}
