// Command perdure is a durable function of one step and one wait, whose start is measured.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func main() {
	charge := op.StepFunc("charge-card", func(_ context.Context, o string) (string, error) { return "pay-" + o, nil })
	lambda.Start(replay.Handler(func(ctx op.Context, o string) (string, error) {
		pay, err := replay.Run(ctx, charge(o))
		if err != nil {
			return "", err
		}
		return pay, replay.Exec(ctx, op.Wait("cool-off", time.Hour))
	}))
}
