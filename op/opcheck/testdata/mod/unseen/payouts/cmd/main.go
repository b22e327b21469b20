// Command cmd is the function on Lambda.
package main

import (
	"log/slog"

	"example.test/shop/unseen/payouts"
	"example.test/shop/unseen/payouts/fx"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/replay"
)

func main() {
	r := &payouts.Run{
		Rates: &fx.Table{Load: func() map[string]float64 { return map[string]float64{"EUR": 1} }},
		Log:   slog.Default(),
	}
	lambda.Start(replay.Handler(r.Handle))
}
