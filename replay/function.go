package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/quota"
	"github.com/perdure/perdure/internal/substitute"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay/internal/engine"
)

// core is a durable function without its types.
type core struct {
	set    *settings
	input  func(decode func(v any) error) (any, error)
	run    func(ctx op.Context, input any) (any, error)
	past   engine.Durations
	mu     sync.Mutex
	client checkpoint.Client // made from the environment, once
}

var errNoExecution = errors.New("replay: the log has no EXECUTION record, with which every execution begins: " +
	"the state that the service sent is incomplete")

// invoke runs one invocation.
func (c *core) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if err := c.valid(); err != nil {
		return nil, err
	}
	if c.set.rehearses {
		return c.answerRehearsal(ctx, payload)
	}
	event, err := checkpoint.DecodeInvocation(payload)
	if err != nil {
		return nil, err
	}
	client, err := c.clientFor(ctx)
	if err != nil {
		return nil, err
	}
	ops, err := checkpoint.LoadState(ctx, client, event)
	if err != nil {
		return answer(engine.StateUnread(ctx, &c.set.Config, executionAttrs(ctx, event.ARN), err))
	}
	log := oplog.NewLog(ops)
	exec, ok := log.Execution()
	if !ok {
		return nil, errNoExecution
	}
	set := c.set.watched(ctx)
	r := engine.Run{
		ARN: event.ARN, Token: event.Token, Client: client, Clock: checkpoint.ClockFrom(ctx), Log: log, Execution: exec,
		Updated: event.Updated, ForkedFrom: event.ForkedFrom, Attrs: executionAttrs(ctx, event.ARN), Quota: quota.From(ctx),
		TraceHeader: checkpoint.TraceHeaderFrom(ctx), Substitute: substitute.From(ctx),
		Durations: c.durations(ctx), Input: c.input, Handler: c.run,
	}
	h := newHooks(set, &r, requestID(ctx))
	if h == nil {
		return answer(engine.Invoke(ctx, &set.Config, r))
	}
	r.Observer, r.Client = h, counted{client, &h.calls}
	return answer(supervise(ctx, h, set.Grace, func(ctx context.Context) engine.Outcome { return engine.Invoke(ctx, &set.Config, r) }))
}

// valid says what is wrong with the function.
func (c *core) valid() error {
	switch {
	case c.set == nil:
		return errors.New("replay: the zero Function: make functions with replay.Handler")
	case c.set.err != nil:
		return fmt.Errorf("replay: the handler's options: %w", c.set.err)
	}
	return nil
}

func requestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}

// clientFor finds the client: the host's, the handler's, that of Lambda's environment.
func (c *core) clientFor(ctx context.Context) (checkpoint.Client, error) {
	if client, ok := checkpoint.ClientFrom(ctx); ok {
		return client, nil
	}
	if c.set.client != nil {
		return c.set.client, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == nil {
		client, err := checkpoint.ClientFromEnv()
		if err != nil {
			return nil, err
		}
		c.client = client
	}
	return c.client, nil
}

// answer encodes an outcome.
func answer(o engine.Outcome) ([]byte, error) { return o.Answer() }

// executionAttrs say which invocation of which execution a record is of.
func executionAttrs(ctx context.Context, arn string) []slog.Attr {
	attrs := []slog.Attr{slog.String("executionArn", arn)}
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return attrs
	}
	for _, a := range []slog.Attr{slog.String("requestId", lc.AwsRequestID), slog.String("tenantId", lc.TenantID)} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	return slices.Clip(attrs)
}
