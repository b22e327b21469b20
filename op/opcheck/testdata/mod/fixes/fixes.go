// Package fixes has what can be mended by a suggested fix, and what cannot.
package fixes

import (
	"context"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func direct(ctx op.Context) time.Time {
	return time.Now() // want `clock: time.Now in handler code`
}

func inside(c op.Context, items []string) (all []time.Time) {
	each := func() { all = append(all, time.Now().Add(time.Hour)) } // want `clock: time.Now in handler code`
	for range items {
		each()
	}
	return all
}

func hidden(ctx op.Context) time.Time {
	{
		ctx := 1
		_ = ctx
		_ = time.Now() // want `clock: time.Now in handler code`
	}
	return replay.Now(ctx)
}

func unnamed(op.Context) time.Time {
	return time.Now() // want `clock: time.Now in handler code`
}

func since(ctx op.Context, began time.Time, due []time.Time) (time.Duration, time.Duration) {
	return time.Since(began.Add(time.Hour)), time.Until(due[0]) // want `clock: time.Since in handler code` `clock: time.Until in handler code`
}

func grouped(ctx op.Context) op.Op[op.None] {
	return op.Group("a", func(inner op.Context) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Do("b", nop)) // want `outercontext: `
	})
}

func unnamedGroup(ctx op.Context) op.Op[op.None] {
	return op.Group("a", func(op.Context) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Do("b", nop)) // want `outercontext: `
	})
}

func drops(ctx op.Context) error {
	replay.Exec(ctx, op.Do("a", nop)) // want `dropped: `
	return nil
}

func dropsMore(ctx op.Context) (int, error) {
	replay.Exec(ctx, op.Do("a", nop)) // want `dropped: `
	return 1, nil
}

type cart struct{ items map[string]int }

func loops(ctx op.Context, c cart) error {
	for sku, n := range c.items { // want `maporder: `
		if err := replay.Exec(ctx, op.Do("a", func(context.Context) error { _ = n; return nil }).Key(sku)); err != nil {
			return err
		}
	}
	for sku := range c.items { // want `maporder: `
		if err := replay.Exec(ctx, op.Do("b", nop).Key(sku)); err != nil {
			return err
		}
		delete(c.items, sku)
	}
	keys := map[float64]bool{}
	for k := range keys { // want `maporder: `
		if err := replay.Exec(ctx, op.Do("c", nop).Key(time.Duration(k).String())); err != nil {
			return err
		}
	}
	return nil
}

func nop(context.Context) error { return nil }
