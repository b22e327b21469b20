// Command order is the function that the crash test kills: an order with an operation of each kind.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"

	"github.com/perdure/perdure/checkpoint/sqlite/crashtest/moment"
)

// Order is what the function is given.
type Order struct {
	ID    string   `json:"id"`
	Items []string `json:"items"`
}

// Receipt names the effect that each operation had, by what [effect] returned.
type Receipt struct {
	ID        string   `json:"id"`
	Reserved  string   `json:"reserved"`
	Charged   string   `json:"charged"`
	Insured   string   `json:"insured"`
	Packed    []string `json:"packed"`
	Collected string   `json:"collected"`
	Closed    string   `json:"closed"`
}

// Effect is what a body has done to the world.
type Effect struct {
	Execution string `json:"execution"`
	Operation string `json:"operation"` // its ID
	Name      string `json:"name"`
	Attempt   int    `json:"attempt"`
	Nonce     string `json:"nonce"`
}

func main() {
	moment.Reach(moment.Report{Kind: moment.Starting, Program: moment.Function})
	functions := map[string]lambda.Handler{"order": replay.Handler(order), "insurance": replay.Handler(insurance)}
	lambda.Start(announced{functions[os.Args[1]]})
}

// announced says which process has an execution.
type announced struct{ lambda.Handler }

// Invoke implements [lambda.Handler].
func (a announced) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		ARN string `json:"DurableExecutionArn"`
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	moment.Reach(moment.Report{Kind: moment.Invoked, Program: moment.Function, Execution: event.ARN})
	return a.Handler.Invoke(ctx, payload)
}

// effect does something to the world, durably: it is the line of a file.
func effect(ctx context.Context) (nonce string, err error) {
	info, _ := op.InfoFrom(ctx)
	report := moment.Report{Kind: moment.Body, Program: moment.Function, Execution: info.ExecutionARN, Operation: info.ID}
	moment.Reach(report)
	e := Effect{Execution: info.ExecutionARN, Operation: info.ID, Name: info.Name, Attempt: info.Attempt, Nonce: rand.Text()}
	text, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(os.Getenv("CRASHTEST_EFFECTS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the test names the file
	if err != nil {
		return "", err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", err
	}
	moment.Reach(report)
	return e.Nonce, nil
}

// flaky fails the first time, after it has done something.
func flaky(ctx context.Context) (string, error) {
	nonce, err := effect(ctx)
	if info, _ := op.InfoFrom(ctx); err == nil && info.Attempt == 1 {
		return "", errors.New("the first attempt fails")
	}
	return nonce, err
}

func order(ctx op.Context, o Order) (r Receipt, err error) {
	r.ID = o.ID
	again := op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(1000)))
	if r.Reserved, err = replay.Run(ctx, op.Step("reserve", flaky, again)); err != nil {
		return r, err
	}
	charge := op.Step("charge", effect, again, op.WithSemantics(op.AtMostOncePerRetry))
	if r.Charged, err = replay.Run(ctx, charge); err != nil {
		return r, err
	}
	if r.Insured, err = replay.Run(ctx, op.Invoke[string]("insure", "insurance", o.ID)); err != nil {
		return r, err
	}
	pack := op.StepFunc("pack", func(ctx context.Context, _ string) (string, error) { return effect(ctx) })
	packed, err := replay.Run(ctx, op.Map("parcels", o.Items, pack))
	if err != nil {
		return r, err
	}
	r.Packed = packed.Values()
	if r.Collected, err = replay.Run(ctx, op.WaitForCallback[string]("collected", submit)); err != nil {
		return r, err
	}
	if err := replay.Exec(ctx, op.Wait("cool-off", time.Second)); err != nil {
		return r, err
	}
	r.Closed, err = replay.Run(ctx, op.Step("close", effect))
	return r, err
}

func submit(_ context.Context, id string) error {
	moment.Reach(moment.Report{Kind: moment.Submitted, Program: moment.Function, Callback: id})
	return nil
}

func insurance(ctx op.Context, _ string) (string, error) {
	if err := replay.Exec(ctx, op.Wait("consider", time.Second)); err != nil {
		return "", err
	}
	return replay.Run(ctx, op.Step("insure", effect, op.WithSemantics(op.AtMostOncePerRetry),
		op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(1000)))))
}
