package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/corpus"
	"github.com/perdure/perdure/internal/oldlogs"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// edition is what later versions of the program change.
type edition struct {
	register func(ctx op.Context, r Refund) error // nil for nothing
	pay      op.Builder[Refund, string]
	object   func(ctx op.Context) error
}

// process is process with what an edition changes.
func (e edition) process(ctx op.Context, r Refund) (Receipt, error) {
	var receipt Receipt
	if e.register != nil {
		if err := e.register(ctx, r); err != nil {
			return receipt, err
		}
	}
	if r.Cents > free {
		by, err := replay.Run(ctx, op.WaitForCallback[string]("approval", ask(r), op.WithTimeout(approvalTime)))
		if err != nil {
			return receipt, fmt.Errorf("approve refund %s: %w", r.ID, err)
		}
		receipt.Approved = by
	}
	payment, err := replay.Run(ctx, e.pay(r))
	if err != nil {
		return receipt, fmt.Errorf("pay refund %s: %w", r.ID, err)
	}
	receipt.Payment = payment
	if err := e.object(ctx); err != nil {
		return receipt, err
	}
	return receipt, replay.Exec(ctx, closeCase(r))
}

var (
	register = op.StepFunc("register", func(_ context.Context, r Refund) (string, error) { return "case-" + r.ID, nil })
	transfer = op.StepFunc("transfer", func(_ context.Context, r Refund) (string, error) {
		return fmt.Sprintf("transfer of %d cents", r.Cents), nil
	})
	waiting = op.Wait("objection", objection)
)

// Order is a transfer as the bank answers it by now.
type Order struct {
	Number string `json:"number"`
	Fee    int    `json:"fee"`
}

var send = op.StepFunc("send-money", func(_ context.Context, r Refund) (Order, error) { return Order{"transfer to " + r.ID, 1}, nil })

// version2 registers refunds first, and calls the payment a transfer.
func version2(declared bool) edition {
	e := edition{
		register: func(ctx op.Context, r Refund) error { return replay.Exec(ctx, register(r)) },
		pay:      transfer,
		object:   func(ctx op.Context) error { return replay.Exec(ctx, waiting) },
	}
	if declared {
		e.register = func(ctx op.Context, r Refund) error { return replay.Exec(ctx, op.Added(register(r), "")) }
		e.pay = func(r Refund) op.Op[string] { return transfer(r).Was("pay") }
	}
	return e
}

// version3 has a result of another type for the transfer, and does not wait for objections.
func version3(declared bool) edition {
	number := func(o op.Op[Order]) op.Op[string] {
		return op.Transform(o, func(o Order) (string, error) { return o.Number, nil })
	}
	e := version2(true)
	e.object = func(op.Context) error { return nil }
	e.pay = func(r Refund) op.Op[string] { return number(send(r)) }
	if declared {
		before := version2(true)
		e.object = func(ctx op.Context) error { return replay.Exec(ctx, op.Removed(waiting)) }
		e.pay = func(r Refund) op.Op[string] { return op.Replaces(number(send(r)), before.pay(r)) }
	}
	return e
}

// TestCompatible: refunds that are under way, by the code of each version that is kept in
// testdata/histories, go on with the code of later ones, and what is said of others is
// written here.
func TestCompatible(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	running := func(process func(op.Context, Refund) (Receipt, error)) func() corpus.Function {
		return func() corpus.Function { return replay.Handler(process, replay.WithDivergence(replay.DivergenceHold)) }
	}
	corpus.Test(t, "testdata/histories", []corpus.Version{
		{Name: "1", New: running(process), Says: map[string][]string{
			"2": {`the log has STEP Step "register"`}, "3": {`the log has STEP Step "register"`},
		}},
		{Name: "2", Change: "a step is inserted and another one renamed", New: running(version2(true).process), Says: map[string][]string{
			"3": {`the log has STEP Step "send-money"`},
		}},
		{Name: "3", Change: "the type of a result is another one, and the wait is removed", New: running(version3(true).process)},
		{Name: "2 undeclared", Undeployed: true, New: running(version2(false).process), Says: map[string][]string{
			"1": {`op.Added(op.Step("register", …), v)`}, "3": {`the log has STEP Step "send-money"`},
		}},
		{Name: "3 undeclared", Undeployed: true, New: running(version3(false).process), Says: map[string][]string{
			"1": {`op.Step("send-money", …).Was("pay")`}, "2": {`op.Step("send-money", …).Was("transfer")`},
		}},
	}, []corpus.Case{
		{Name: "little", Input: `{"id":"R-1","cents":500}`},
		{Name: "much", Input: `{"id":"R-2","cents":10001}`, Outside: func(callback checkpoint.Operation, number int, _ time.Time) (oldlogs.Answer, bool) {
			return oldlogs.Answer{At: callback.Start.Add(day), Result: []byte(`"Ann"`)}, number == 0
		}},
		{Name: "no-answer", Input: `{"id":"R-3","cents":20000}`},
	})
}
