package replay

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/outbox"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// core is a durable function without its types.
type core struct {
	set    *settings
	run    func(ctx op.Context, input []byte) (any, error)
	past   durations
	mu     sync.Mutex
	client checkpoint.Client // made from the environment, once
}

var errNoExecution = errors.New("replay: the log has no EXECUTION record, with which every execution begins: " +
	"the state that the service sent is incomplete")

// invoke runs one invocation.
func (c *core) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if c.set == nil {
		return nil, errors.New("replay: the zero Function: make functions with replay.Handler")
	}
	if c.set.err != nil {
		return nil, fmt.Errorf("replay: the handler's options: %w", c.set.err)
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
		return answer(callFailed(err))
	}
	log := oplog.NewLog(ops)
	exec, ok := log.Execution()
	if !ok {
		return nil, errNoExecution
	}
	inv := c.invocation(ctx, event, client, log, exec)
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		inv.hooks = newHooks(inv, lc.AwsRequestID)
	} else {
		inv.hooks = newHooks(inv, "")
	}
	inv.hooks.began(ctx)
	inv.hooks.invocation(ctx, func(ctx context.Context) { inv.drive(ctx, c.run) })
	inv.hooks.ended(ctx, inv.result)
	return answer(inv.result)
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

func (c *core) invocation(
	ctx context.Context, event checkpoint.Invocation, client checkpoint.Client, log *oplog.Log, exec *checkpoint.Operation,
) *invocation {
	inv := &invocation{
		set: c.set.watched(ctx), past: c.durations(ctx), arn: event.ARN, exec: *exec, begun: exec.Start,
		attrs: executionAttrs(ctx, event.ARN),
		clock: checkpoint.ClockFrom(ctx), log: log, swap: node.SubstituteFrom(ctx),
		parked: make(map[*waiter]struct{}), watch: make(map[string][]*waiter),
		closed: make(chan struct{}), idle: make(chan struct{}),
	}
	if len(event.Updated) > 0 {
		inv.fresh = make(map[string]bool, len(event.Updated))
		for _, id := range event.Updated {
			inv.fresh[id] = true
		}
	}
	inv.tasks.Store(1)
	inv.writer = outbox.NewWriter(ctx, outbox.WriterConfig{
		Client: client, Clock: inv.clock, ARN: event.ARN, Token: event.Token,
		Lock: &inv.mu, OnReply: inv.onReply,
	})
	return inv
}

// drive runs the handler until the outcome is decided and every goroutine has ended.
func (inv *invocation) drive(ctx context.Context, run func(ctx op.Context, input []byte) (any, error)) {
	inv.ctx, inv.cancel = context.WithCancelCause(ctx)
	cut := context.AfterFunc(ctx, func() {
		inv.mu.Lock()
		defer inv.mu.Unlock()
		inv.close(outcome{err: fmt.Errorf("replay: the invocation's time is over: %w", context.Cause(ctx))})
	})
	inv.mu.Lock()
	inv.usage = usageOf(inv.log)
	inv.warnOfUsage()
	root := inv.root()
	inv.handler = inv.spawn(nil, "", funcs{func(t *task) { inv.handle(t, root, run) }, func(err error) {
		if err != nil {
			inv.finish(outcome{status: checkpoint.OutcomeFailed, failure: inv.set.failure(err, nil)})
		}
	}})
	inv.mu.Unlock()
	warned := inv.watchDeadline()
	<-inv.closed
	warned()
	cut()
	inv.writer.Join()
	inv.join()
}

// root is the scope of the handler.
func (inv *invocation) root() *scope {
	s := &scope{inv: inv, ids: oplog.NewScope(""), ordered: true, now: inv.begun}
	s.ctx, s.cancel = context.WithCancelCause(inv.ctx)
	return s
}

// handle runs the handler and notes how it ended. The invocation answers with it when nothing is
// queued any more.
func (inv *invocation) handle(t *task, root *scope, run func(ctx op.Context, input []byte) (any, error)) {
	root.t = t
	v, err := t.guard(func() (any, error) {
		return run(op.NewContext(&handle{s: root, ctx: root.ctx}), inv.exec.Payload.Bytes())
	})
	err = root.end(err)
	o := outcome{status: checkpoint.OutcomeSucceeded}
	if err == nil {
		o.payload, err = encodeResult(root.ctx, v)
	}
	if err != nil {
		o = outcome{status: checkpoint.OutcomeFailed, failure: inv.set.failure(err, nil)}
	}
	_, err = answer(o)
	inv.mu.Lock()
	t.check()
	if errors.Is(err, checkpoint.ErrTooLarge) {
		u := checkpoint.Update{
			ID: inv.exec.ID, Kind: checkpoint.KindExecution, Action: checkpoint.ActionSucceed,
			Payload: checkpoint.NewPayload(o.payload),
		}
		inv.awaitAck(t, root, nil, inv.writer.AddWait(u))
		o.payload = []byte{}
	}
	inv.finish(o)
	inv.mu.Unlock()
}

// finish notes how the handler ended.
func (inv *invocation) finish(o outcome) {
	inv.ended, inv.result = true, o
}

// join waits until every goroutine of ours has ended, at most the grace, and reports those that
// have not.
func (inv *invocation) join() {
	select {
	case <-inv.idle:
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(inv.ctx), inv.set.grace)
	defer cancel()
	select {
	case <-inv.idle:
	case <-ctx.Done():
		buf := make([]byte, mostStack)
		inv.logger().Warn("goroutines of the handler did not end with the invocation",
			countAttr(int(inv.tasks.Load())), stackAttr(buf[:runtime.Stack(buf, true)]))
	}
}

// answer encodes an outcome.
func answer(o outcome) ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	return checkpoint.EncodeOutcome(checkpoint.Outcome{Status: o.status, Result: o.payload, Failure: o.failure})
}
