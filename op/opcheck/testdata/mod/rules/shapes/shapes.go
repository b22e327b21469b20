// Package shapes has handler code in the shapes that Go offers.
package shapes

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Generics.

type clocked[T any] struct{ v T }

func (c clocked[T]) stamp() time.Time { return time.Now() }

func twice[T any](v T, f func(T) T) T { return f(f(v)) }

func generic[T any](ctx op.Context, v T) (T, error) {
	_ = clocked[T]{v}.stamp() // want `clock: shapes.clocked.stamp → time.Now`
	_ = twice(v, func(v T) T {
		_ = time.Now() // want `clock: time.Now`
		return v
	})
	return replay.Run(ctx, op.Step("generic", func(context.Context) (T, error) { _ = time.Now(); return v, nil }))
}

// Embedded interfaces.

type clock interface{ Now() time.Time }

type system struct{}

func (system) Now() time.Time { return time.Now() }

type fixed struct{}

func (fixed) Now() time.Time { return time.Time{} }

type withClock struct{ clock }

type service struct {
	withClock

	test  clock
	hooks struct{ before func() }
	stamp func() time.Time
}

func newService() *service {
	s := &service{withClock: withClock{clock: system{}}, test: fixed{}}
	s.hooks.before = func() { time.Sleep(1) }
	s.stamp = s.now
	return s
}

func (s *service) now() time.Time { return time.Now() }

func (s *service) handle(ctx op.Context) error {
	_ = s.test.Now()
	_ = s.Now()      // want `clock: shapes.system.Now → time.Now`
	s.hooks.before() // want `blocking: .*time.Sleep`
	_ = s.stamp()    // want `clock: shapes.service.now → time.Now`
	return replay.Exec(ctx, op.Do("work", s.work))
}

func (s *service) work(context.Context) error { _ = s.now(); return nil }

// Method values and named functions as bodies and as handlers.

type flow struct{ ctx op.Context }

func (f *flow) run() error {
	_ = time.Now() // want `clock: time.Now`
	return replay.Exec(f.ctx, op.Do("named", named))
}

func named(context.Context) error { _ = time.Now(); return nil }

func values(ctx op.Context, s *service) error {
	f := s.now
	_ = f() // want `clock: shapes.service.now → time.Now`
	body := s.work
	step := op.Do
	_ = step
	return replay.Exec(ctx, op.Do("value", body))
}

// Builders in maps, closures in structs.

var byKind = map[string]op.Builder[string, string]{
	"a": op.StepFunc("a", func(_ context.Context, s string) (string, error) { return s + fmt.Sprint(time.Now()), nil }),
	"b": op.StepFunc("b", func(_ context.Context, s string) (string, error) { return s, nil }),
}

var rules = map[string]func(int) int{
	"now":  func(n int) int { return n + time.Now().Nanosecond() },
	"same": func(n int) int { return n },
}

func maps(ctx op.Context, kind string) error {
	_ = rules[kind](1)         // want `clock: time.Now`
	for _, b := range byKind { // want `maporder: the order of a map`
		if _, err := replay.Run(ctx, b("x")); err != nil {
			return err
		}
	}
	_, err := replay.Run(ctx, byKind[kind]("x"))
	return err
}

type stage struct {
	name string
	do   func(ctx op.Context) error
	body func(context.Context) error
}

func stages(ctx op.Context) error {
	for _, s := range []stage{
		{"one", func(ctx op.Context) error { _ = time.Now(); return nil }, nil}, // want `clock: time.Now`
		{"two", nil, func(context.Context) error { _ = time.Now(); return nil }},
	} {
		if err := replay.Exec(ctx, op.Do(s.name, s.body)); err != nil {
			return err
		}
	}
	return nil
}

// Iterators.

func words(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for w := range strings.FieldsSeq(s) {
			if !yield(w) {
				return
			}
		}
	}
}

func timed(s string) iter.Seq[string] {
	return func(yield func(string) bool) { yield(time.Now().String() + s) }
}

var say = op.DoFunc("say", func(context.Context, string) error { return nil })

func iterators(ctx op.Context, text string) error {
	for w := range words(text) {
		_ = time.Now() // want `clock: time.Now`
		if err := replay.Exec(ctx, say(w).Key(w)); err != nil {
			return err
		}
		if err := replay.Exec(ctx, op.Wait("pause", time.Second)); err != nil { // want `loopkey: operation "pause"`
			return err
		}
	}
	for range timed(text) { // want `clock: .*time.Now`
	}
	slices.SortFunc([]string{}, func(a, b string) int { return time.Now().Nanosecond() }) // want `clock: time.Now`
	return nil
}

// Calls that cannot be followed are counted, not guessed.

func unknown(ctx op.Context, c clock, f func() int) error {
	_ = c.Now() // want `unresolved: clock.Now, a method of an interface`
	_ = f()     // want `unresolved: f, a function value`
	_ = f()     //perdure:allow unresolved it computes
	return nil
}
