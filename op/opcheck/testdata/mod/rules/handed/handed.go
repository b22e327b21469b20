// Package handed hands functions, types and secrets to helpers.
package handed

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"example.test/shop/rules/handed/hand"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func nop(context.Context) error { return nil }

func one(context.Context) (int, error) { return 1, nil }

func keyed(ctx op.Context, key string) error { return replay.Exec(ctx, op.Do("keyed", nop).Key(key)) }

func lists(ctx op.Context, p *hand.Pool) error {
	hand.Beside( // want `concurrency: hand.Beside calls a function that runs operations on other goroutines` `blocking: `
		func() error { return keyed(ctx, "a") },
		func() error { return keyed(ctx, "b") },
	)
	p.Submit(func() { _ = keyed(ctx, "c") }) // want `concurrency: hand.Pool.Submit calls a function that runs operations` `blocking: `
	return hand.InTurn(
		func() error { return keyed(ctx, "d") },
		func() error { return keyed(ctx, "e") },
	)
}

type vault struct {
	mu    sync.Mutex
	guard hand.Guard
}

func (v *vault) lock() { v.mu.Lock() }

func (v *vault) unlock() { v.mu.Unlock() }

func (v *vault) locks(ctx op.Context) error {
	if err := v.guard.With(func() error { return keyed(ctx, "a") }); err != nil { // want `lock: hand.Guard.With holds a lock while it calls a function that runs operations`
		return err
	}
	if err := v.guard.Then(func() error { return keyed(ctx, "b") }); err != nil {
		return err
	}
	if err := v.guard.With(func() error { return nil }); err != nil {
		return err
	}
	v.guard.Once()
	v.lock()
	v.unlock()
	if err := keyed(ctx, "c"); err != nil {
		return err
	}
	v.lock() // want `lock: handed.vault.lock is held across an operation`
	defer v.unlock()
	return keyed(ctx, "d")
}

func (v *vault) enters(ctx op.Context) error {
	defer v.guard.Enter()() // want `lock: hand.Guard.Enter is held across an operation`
	return keyed(ctx, "a")
}

type plan struct {
	steps   []op.Op[op.None]
	cleanup op.Op[op.None]
	mail    *replay.Future[int]
	stock   *replay.Future[int]
}

func planned(ctx op.Context) error {
	p := &plan{
		steps:   []op.Op[op.None]{op.Do("a", nop).Key("a")},
		cleanup: op.Do("cleanup", nop),                // want `neverrun: the operation is declared, kept and never run`
		mail:    replay.Go(ctx, op.Step("mail", one)), // want `future: the future is never awaited`
		stock:   replay.Go(ctx, op.Step("stock", one)),
	}
	_, err := replay.Run(ctx, p.stock.Result())
	return errors.Join(err, replay.Exec(ctx, op.All("steps", p.steps...)))
}

type (
	card    struct{ number string }
	receipt struct {
		Total int `json:"total"`
		Tax   int `json:"total"`
	}
	masked  struct{ Number string }
	written struct{ Number string }
	holds   struct{ Step op.Op[op.None] }
)

func (masked) MarshalJSON() ([]byte, error) { return []byte(`"****"`), nil }

func (w written) MarshalJSON() ([]byte, error) { return json.Marshal(w.Number) }

func (w *written) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &w.Number) }

func get[T any](context.Context) (v T, err error) { return v, nil }

var (
	v1 = op.Step("receipt", get[receipt]) // want `lossy: .*fields Total and Tax have the tag "total", so JSON has neither`
	v2 = op.Step("masked", get[masked])   // want `lossy: .*masked has a MarshalJSON and no UnmarshalJSON`
	v3 = op.Step("written", get[written])
	v4 = op.Step("holds", get[holds]) // want `lossy: .*field Step: an op.Op has no exported fields`
)

func generic(ctx op.Context) error {
	_, err := hand.Run(ctx, get[card]) // want `lossy: hand.Run records a card: field number of card is not exported`
	if err != nil {
		return err
	}
	if _, err := hand.All(ctx, get[[]card]); err != nil { // want `lossy: hand.All records a card: ` `samename: `
		return err
	}
	_, err = hand.Run(ctx, get[int]) // want `samename: `
	return err
}

func secrets(ctx op.Context, l *slog.Logger) error {
	cb, err := replay.Run(ctx, op.CreateCallback[string]("approve"))
	if err != nil {
		return err
	}
	hand.Log(l, cb.ID) // want `secretlog: the ID of a callback is logged`
	_ = hand.Keep(cb.ID)
	l.Info("waiting", "callback", cb) // want `secretlog: the ID of a callback is logged`
	_, err = replay.Run(ctx, cb.Result())
	var failed *op.Error
	if errors.As(err, &failed) {
		l.Info("failed", "callback", failed.CallbackID) // want `secretlog: the ID of a callback is logged`
		l.Info("failed", "path", failed.Path)
	}
	return err
}

type approvals struct {
	submit func(context.Context, string) error
}

func newApprovals(submit func(context.Context, string) error) *approvals { return &approvals{submit} }

func (a *approvals) approve() op.Op[bool] { return op.WaitForCallback[bool]("approve", a.submit) }

var (
	_ = newApprovals(func(_ context.Context, id string) error {
		slog.Info("asked", "id", id) // want `secretlog: the ID of a callback is logged`
		return nil
	})
	_ = hand.NewApprovals(func(_ context.Context, id string) error {
		slog.Info("asked", "id", id) // want `secretlog: the ID of a callback is logged`
		return nil
	})
	v5 = hand.Approve(func(_ context.Context, id string) error {
		slog.Info("asked", "id", id) // want `secretlog: the ID of a callback is logged`
		return nil
	})
	v6 = hand.Approve(hand.Ask) // want `secretlog: hand.Ask logs what it is given: the ID of a callback is logged`
	v7 = hand.Approve(func(_ context.Context, id string) error {
		slog.Info("asked", "length", len(id))
		return nil
	})
)

var (
	charge = op.Do("charge", nop, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never()))
	v8     = op.Retry("again", charge, retry.Fixed(time.Second)) // want `repeatcharge: the step runs at most once per attempt, and op.Retry runs it again`
	v9     = op.Retry("never", charge, retry.Never())
	v10    = op.Retry("unless", charge, retry.Fixed(time.Second, retry.Unless(retry.OnIs(op.ErrInterrupted))))
	v11    = op.Retry("ship", op.Do("ship", nop), retry.Fixed(time.Second))

	most   = op.WithSemantics(op.AtMostOncePerRetry)
	often  = op.WithRetry(retry.Fixed(time.Second))
	unless = op.WithRetry(retry.Fixed(time.Second, retry.Unless(retry.OnIs(op.ErrInterrupted))))

	inOrder  = op.Do("in-order", nop, hand.Defaults(often)...) // want `repeatcharge: the step runs at most once per attempt and has further attempts`
	ownLast  = op.Do("own-last", nop, hand.Always(often)...)
	replaced = op.Do("replaced", nop, most, unless, often) // want `repeatcharge: `
	excepted = op.Do("excepted", nop, most, often, unless)
)
