// Command refund is a durable function for AWS Lambda: it pays money back, asks a person before it
// pays back much, and closes the case two weeks later. template.yaml deploys it with AWS SAM, as
// docs/deploying.md explains. On this machine it runs with
//
//	perdure dev ./docs/examples/refund
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// Refund is what the function is given.
type Refund struct {
	ID    string `json:"id"`
	Cents int    `json:"cents"`
}

// Receipt is what it returns.
type Receipt struct {
	Payment  string `json:"payment"`
	Approved string `json:"approved,omitempty"` // by whom
}

const (
	// free is how much is paid back without asking.
	free = 100_00
	// approvalTime is how long someone may think.
	approvalTime = 3 * 24 * time.Hour
	// objection is how long a refund can be objected to.
	objection = 14 * 24 * time.Hour
)

func main() {
	// Code that does not fit the log of an execution ends the invocation, and not the execution.
	lambda.Start(replay.Handler(process, replay.WithDivergence(replay.DivergenceHold)))
}

func process(ctx op.Context, r Refund) (Receipt, error) {
	var receipt Receipt
	if r.Cents > free {
		by, err := replay.Run(ctx, op.WaitForCallback[string]("approval", ask(r), op.WithTimeout(approvalTime)))
		if err != nil {
			return receipt, fmt.Errorf("approve refund %s: %w", r.ID, err)
		}
		receipt.Approved = by
	}
	payment, err := replay.Run(ctx, pay(r))
	if err != nil {
		return receipt, fmt.Errorf("pay refund %s: %w", r.ID, err)
	}
	receipt.Payment = payment
	if err := replay.Exec(ctx, op.Wait("objection", objection)); err != nil {
		return receipt, err
	}
	return receipt, replay.Exec(ctx, closeCase(r))
}

// ask hands the callback over to whoever approves. This one only says that someone has to: who has
// the ID of the callback can answer it, so it is no text for a log. Whoever may look at the
// execution finds it with perdure show.
func ask(r Refund) func(context.Context, string) error {
	return func(context.Context, string) error {
		fmt.Printf("refund %s of %d cents is to be approved\n", r.ID, r.Cents)
		return nil
	}
}

// pay and closeCase stand for calls of other services, which know their requests by the key.
var (
	pay = op.StepFunc("pay", func(ctx context.Context, r Refund) (string, error) {
		info, _ := op.InfoFrom(ctx)
		return fmt.Sprintf("payment of %d cents, %.8s", r.Cents, info.IdempotencyKey), nil
	}, op.WithRetry(retry.Exponential(retry.MaxAttempts(8))))
	closeCase = op.DoFunc("close-case", func(context.Context, Refund) error { return nil })
)
