package oldlogs

import (
	"context"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/substitute"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// watch is the context of an invocation of the code: runs, unless nil, is told of every body before
// it runs. If the machine is in haste, bodies and calls take some time.
func (m *machine) watch(ctx context.Context, runs func(info op.Info, strict bool)) context.Context {
	if client, ok := checkpoint.ClientFrom(ctx); ok && m.haste != nil {
		ctx = checkpoint.WithClient(ctx, &slowClient{Client: client, haste: m.haste})
	}
	inner := substitute.From(ctx)
	return substitute.With(ctx, func(path string, n node.Node) node.Node {
		if inner != nil {
			n = inner(path, n)
		}
		step, ok := n.(*node.Step)
		if !ok {
			return n
		}
		watched := *step
		watched.Body = &body{Body: step.Body, haste: m.haste, runs: runs, strict: step.Config.Semantics == node.AtMostOnce}
		return &watched
	})
}

// body is the body of a step.
type body struct {
	node.Body

	haste  func()
	runs   func(info op.Info, strict bool)
	strict bool
}

func (b *body) Run(ctx context.Context) (any, error) {
	if info, ok := op.InfoFrom(ctx); ok && b.runs != nil {
		b.runs(info, b.strict)
	}
	if b.haste != nil {
		b.haste()
	}
	return b.Body.Run(ctx)
}

// slowClient is a client whose calls take some time.
type slowClient struct {
	checkpoint.Client

	haste func()
}

// Checkpoint implements checkpoint.Client.
func (c *slowClient) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	c.haste()
	return c.Client.Checkpoint(ctx, in)
}
