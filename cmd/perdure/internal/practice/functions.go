package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// request is what the functions are given.
type request struct {
	ID    string `json:"id"`
	Cents int    `json:"cents,omitempty"`
	Days  int    `json:"days,omitempty"`
	Rows  int    `json:"rows,omitempty"`
	Lines []int  `json:"lines,omitempty"`
}

// reserve is a step as those around the one that breaks.
func reserve(ctx op.Context, r request) error {
	return replay.Exec(ctx, op.Step("reserve", func(ctx context.Context) (string, error) {
		op.LoggerFrom(ctx).Info("reserved", slog.String("id", r.ID))
		return r.ID + " is reserved", nil
	}))
}

// refund asks someone, who never answers.
func refund(ctx op.Context, r request) (string, error) {
	if err := reserve(ctx, r); err != nil {
		return "", err
	}
	by, err := replay.Run(ctx, op.WaitForCallback[string]("approval", func(ctx context.Context, _ string) error {
		op.LoggerFrom(ctx).Info("a mail asks for the approval", slog.String("id", r.ID))
		return nil
	}))
	return "approved by " + by, err
}

// order has a body that reads from a connection on which nothing arrives.
func (s *site) order(ctx op.Context, r request) (string, error) {
	if err := reserve(ctx, r); err != nil {
		return "", err
	}
	return replay.Run(ctx, op.Step("call-bank", func(context.Context) (string, error) {
		return s.readAnswer(), nil
	}).UndoAttempted(func(context.Context) error { return nil })) // its start is recorded before the body begins
}

// readAnswer reads from a bank that has taken the connection, and does not answer.
func (s *site) readAnswer() string {
	s.begin()
	<-s.ending
	return "the bank has gone"
}

// begin says that a body begins that hangs.
func (s *site) begin() {
	select {
	case s.began <- struct{}{}:
	case <-s.ending:
	}
}

// report has a body that takes longer than an invocation may.
func (s *site) report(ctx op.Context, r request) (string, error) {
	if err := reserve(ctx, r); err != nil {
		return "", err
	}
	return replay.Run(ctx, op.Step("render", func(ctx context.Context) (string, error) {
		s.begin()
		work := []func(context.Context) error{s.readRows, s.layOut, s.writePages}
		return "", work[(s.renders.Add(1)-1)%3](ctx) // where an invocation gets to until it is cut off
	}).UndoAttempted(func(context.Context) error { return nil }))
}

// readRows is work that takes long.
func (s *site) readRows(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ending:
		return errEnds
	}
}

// layOut is more of it.
func (s *site) layOut(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ending:
		return errEnds
	}
}

// writePages is the rest of it.
func (s *site) writePages(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ending:
		return errEnds
	}
}

var errEnds = errors.New("the program ends")

// loan is the code that executions have begun under, loanNext what was deployed meanwhile.
func loan(ctx op.Context, r request) (string, error) {
	if err := replay.Exec(ctx, charge(r)); err != nil {
		return "", err
	}
	return "paid out", replay.Exec(ctx, op.Wait("cool-off", time.Hour))
}

func loanNext(ctx op.Context, r request) (string, error) {
	if err := replay.Exec(ctx, op.Step("check-fraud", func(context.Context) (bool, error) { return true, nil })); err != nil {
		return "", err
	}
	return loan(ctx, r)
}

func charge(r request) op.Op[string] {
	return op.Step("charge-card", func(context.Context) (string, error) { return fmt.Sprintf("%d cents", r.Cents), nil })
}

// signup takes what it is given.
func signup(ctx op.Context, r request) (string, error) { return "welcome", reserve(ctx, r) }

// checkout invokes a function that is not there.
func checkout(ctx op.Context, r request) (string, error) {
	if err := reserve(ctx, r); err != nil {
		return "", err
	}
	return replay.Run(ctx, op.Invoke[string]("charge", "payment:live", r))
}

// ingest checkpoints each row by itself.
func ingest(ctx op.Context, r request) (int, error) {
	for row := range r.Rows {
		store := op.Step("store-row", func(context.Context) (int, error) { return row, nil })
		if err := replay.Exec(ctx, store.Key(strconv.Itoa(row))); err != nil {
			return row, err
		}
	}
	return r.Rows, nil
}

// export has a result that no record holds.
func export(ctx op.Context, r request) (string, error) {
	if err := reserve(ctx, r); err != nil {
		return "", err
	}
	return replay.Run(ctx, op.Step("dump-table", func(context.Context) (string, error) {
		return strings.Repeat("0123456789abcdef", 128<<10), nil
	}))
}

// invoice adds up the first three lines of an input that has two.
func invoice(ctx op.Context, r request) (int, error) {
	if err := reserve(ctx, r); err != nil {
		return 0, err
	}
	return replay.Run(ctx, op.Step("total", func(context.Context) (int, error) { return total(r.Lines), nil }))
}

func total(lines []int) int { return lines[0] + lines[1] + lines[2] }

// subscription waits as many days as it is asked to.
func subscription(ctx op.Context, r request) (string, error) {
	if err := reserve(ctx, r); err != nil {
		return "", err
	}
	return "renewed", replay.Exec(ctx, op.Wait("renewal", time.Duration(r.Days)*24*time.Hour))
}

// handler makes a function of a handler, with the options that all have.
func handler[Out any](s *site, h func(op.Context, request) (Out, error), opts ...replay.HandlerOption) lambda.Handler {
	return replay.Handler(h, append([]replay.HandlerOption{
		replay.WithLogHandler(timed{replay.JSONLogs(s.logs, nil), s.clock}), replay.WithDivergence(replay.DivergenceHold),
		replay.WithStackTraces(),
	}, opts...)...)
}

// calling is a function that talks to the service through a client of its own.
type calling struct {
	lambda.Handler

	client checkpoint.Client
}

// Invoke implements [lambda.Handler].
func (c calling) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	return c.Handler.Invoke(checkpoint.WithClient(ctx, c.client), event)
}

// host hosts the functions. api is what the one that is throttled calls.
func (s *site) host(api checkpoint.LambdaAPI) error {
	functions := map[string]lambda.Handler{
		"refund":       handler(s, refund),
		"order":        handler(s, s.order),
		"report":       handler(s, s.report),
		"loan":         handler(s, loan),
		"signup":       handler(s, signup),
		"checkout":     handler(s, checkout),
		"ingest":       calling{handler(s, ingest), checkpoint.NewClient(api)},
		"export":       handler(s, export),
		"invoice":      handler(s, invoice),
		"subscription": handler(s, subscription),
	}
	for name, f := range functions {
		if err := s.service.Host(name, f); err != nil {
			return err
		}
	}
	return nil
}
