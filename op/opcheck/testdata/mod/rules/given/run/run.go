// Package run has helpers that are given the names and the keys of what they run.
package run

import (
	"context"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func Do(ctx op.Context, name string, f func(context.Context) error) error {
	return replay.Exec(ctx, op.Do(name, f))
}

func Keyed(ctx op.Context, name, key string, f func(context.Context) error) error {
	return Run(ctx, op.Do(name, f).Key(key))
}

func Run[T any](ctx op.Context, o op.Op[T]) error { return replay.Exec(ctx, o) }

func Mail(ctx op.Context, to string) error { return Keyed(ctx, "mail", to, nop) }

func Step(name, key string) op.Op[op.None] { return op.Do(name, nop).Key(key) }

func nop(context.Context) error { return nil }
