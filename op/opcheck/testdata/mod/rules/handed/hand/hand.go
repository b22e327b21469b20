// Package hand has helpers that are handed functions, types and secrets.
package hand

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func Beside(fs ...func() error) {
	var wg sync.WaitGroup
	for _, f := range fs {
		wg.Go(func() { _ = f() })
	}
	wg.Wait()
}

func InTurn(fs ...func() error) error {
	for _, f := range fs {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

type Pool struct{ jobs chan func() }

func (p *Pool) Submit(f func()) { p.jobs <- f }

type Guard struct{ mu sync.Mutex }

func (g *Guard) With(f func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return f()
}

func (g *Guard) Then(f func() error) error {
	g.mu.Lock()
	g.mu.Unlock()
	return f()
}

func (g *Guard) Enter() func() {
	g.mu.Lock()
	return g.mu.Unlock
}

// Once does not keep the lock.
func (g *Guard) Once() {
	g.mu.Lock()
	defer g.mu.Unlock()
}

func Run[T any](ctx op.Context, f func(context.Context) (T, error)) (T, error) {
	return replay.Run(ctx, op.Step("run", f))
}

func All[T any](ctx op.Context, f func(context.Context) ([]T, error)) ([]T, error) {
	return Run(ctx, f)
}

func Log(l *slog.Logger, id string) { log(l, fmt.Sprintf("id %s", id)) }

func log(l *slog.Logger, s string) { l.Info(s) }

func Keep(id string) string { return id + "!" }

func Ask(ctx context.Context, id string) error {
	slog.InfoContext(ctx, "asked", "id", id)
	return nil
}

type Approvals struct {
	submit func(context.Context, string) error
}

func NewApprovals(submit func(context.Context, string) error) *Approvals {
	return &Approvals{submit: submit}
}

func (a *Approvals) Approve() op.Op[bool] { return op.WaitForCallback[bool]("approve", a.submit) }

func Approve(submit func(context.Context, string) error) op.Op[bool] {
	return op.WaitForCallback[bool]("approve", submit)
}

func Defaults(opts ...op.StepOption) []op.StepOption {
	return append([]op.StepOption{op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never())}, opts...)
}

func Always(opts ...op.StepOption) []op.StepOption {
	return append(opts, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never()))
}
