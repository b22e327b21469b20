// Package helper is what handlers call.
package helper

import (
	"context"
	"slices"
	"time"

	"example.test/shop/rules/helper/deep"
	"example.test/shop/rules/helper/deeper"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Old reads the clock, two packages further on.
func Old(since int64) bool { return deep.Age(since) > 60 }

// Zone reads the environment.
func Zone() string { return deeper.Region() }

// Total does nothing that matters.
func Total(a, b int) int { return deep.Sum(a, b) }

// Each calls f at once.
func Each(n int, f func(int)) {
	for i := range n {
		f(i)
	}
}

// Task makes an operation of a body.
func Task(name string, fn func(context.Context) error) op.Op[op.None] { return op.Do(name, fn) }

// Keep is a body's function that writes through its argument.
func Keep(n *int) { *n++ }

// Keys are in the order of the map.
func Keys(m map[string]int) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}

// SortedKeys are not.
func SortedKeys(m map[string]int) []string {
	all := Keys(m)
	slices.Sort(all)
	return all
}

// Notify runs an operation without a key in the scope of its caller.
func Notify(ctx op.Context, text string) error {
	return replay.Exec(ctx, op.Do("notify", func(context.Context) error { _ = text; return nil }))
}

// NotifyKeyed gives it a key.
func NotifyKeyed(ctx op.Context, text string) error {
	return replay.Exec(ctx, op.Do("notify-keyed", func(context.Context) error { return nil }).Key(text))
}

// Ship is a builder without a key, ShipKeyed one with.
var (
	Ship      = op.DoFunc("ship", func(context.Context, string) error { return nil })
	ShipKeyed = op.DoFunc("ship", func(context.Context, string) error { return nil }).Key(func(s string) string { return s })
)

// Later returns a function that reads the clock when it is called.
func Later() func() time.Time { return func() time.Time { return time.Now() } }
