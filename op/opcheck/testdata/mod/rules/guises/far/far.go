// Package far has helpers that are far from the handlers.
package far

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// Busy is an error.
type Busy struct{}

func (Busy) Error() string { return "busy" }

// ErrLate is an error.
var ErrLate = errors.New("late")

// IsBusy reports whether it is worth while to try again.
func IsBusy(err error) bool { return deeper(err) }

func deeper(err error) bool {
	_, ok := errors.AsType[Busy](err)
	return ok || errors.Is(err, ErrLate)
}

// Or returns v, whatever the error is.
func Or[T any](v T, err error) T {
	_ = err
	return v
}

// OrZero returns the zero value after an error.
func OrZero[T any](v T, err error) (zero T) {
	if err != nil {
		return zero
	}
	return v
}

// Last is what was booked last.
var Last int

// Book books.
func Book(_ context.Context, n int) error {
	set(&Last, n)
	return nil
}

func set(p *int, n int) { *p = n }

// Each calls f for all.
func Each[T any](items []T, f func(T) error) error {
	for _, it := range items {
		if err := f(it); err != nil {
			return err
		}
	}
	return nil
}

// Twice passes f on.
func Twice[T any](items []T, f func(T) error) error {
	return Each(items, func(it T) error { return f(it) })
}

// Once calls f for the first one.
func Once[T any](items []T, f func(T) error) error {
	if len(items) == 0 {
		return nil
	}
	return f(items[0])
}

// Out calls f for all, side by side.
func Out[T any](items []T, f func(T) error) error {
	var wg sync.WaitGroup
	for _, it := range items {
		wg.Go(func() { _ = f(it) })
	}
	wg.Wait()
	return nil
}

// Beside calls f beside its caller.
func Beside(f func() error) {
	go func() { _ = f() }()
}

// Set is a set.
type Set struct{ in map[string]bool }

// NewSet makes one.
func NewSet() *Set { return &Set{in: map[string]bool{}} }

// Add adds.
func (s *Set) Add(x string) { s.in[x] = true }

// Len is how many there are.
func (s *Set) Len() int { return len(s.in) }

// A Roller rolls.
type Roller interface{ Roll() int }

type die struct{ sides int }

func (d die) Roll() int { return rand.IntN(d.sides) }

type fixed struct{}

func (fixed) Roll() int { return 4 }

type clock interface{ now() time.Time }

type wall struct{}

func (wall) now() time.Time { return time.Now() }

// Table embeds an interface that it sets itself, and one of a name that is not exported.
type Table struct {
	Roller
	clock
}

// NewTable makes a table.
func NewTable() *Table { return &Table{die{6}, wall{}} }

// Late reports whether it is late.
func (t *Table) Late() bool { return t.now().Hour() > 22 }

// Fair embeds one that does nothing random.
type Fair struct{ Roller }

// NewFair makes one.
func NewFair() *Fair { return &Fair{fixed{}} }

// Given embeds one that others choose: what it does is not known.
type Given struct{ Roller }

// NewGiven makes one.
func NewGiven(r Roller) *Given { return &Given{r} }

// First returns what is ready.
func First(a, b <-chan int) int {
	select {
	case n := <-a:
		return n
	case n := <-b:
		return n
	}
}

// Wait returns what is ready before the context ends.
func Wait(ctx context.Context, a <-chan int) int {
	select {
	case n := <-a:
		return n
	case <-ctx.Done():
		return 0
	}
}

// Careful is for what must not happen twice.
func Careful(more ...op.StepOption) []op.StepOption {
	return append([]op.StepOption{op.WithSemantics(op.AtMostOncePerRetry)}, more...)
}

// Often tries often.
var Often = op.WithRetry(retry.Exponential(retry.MaxAttempts(8)))

// Never tries once.
var Never = op.WithRetry(retry.Never())

// Run has the context of an execution.
type Run struct{ Ctx op.Context }

// Sign runs an operation.
func (r *Run) Sign() error {
	return replay.Exec(r.Ctx, op.Do("sign", func(context.Context) error { return nil }))
}

func Ship(ctx op.Context, to string) error {
	if err := replay.Exec(ctx, op.Do("ship", func(context.Context) error { return nil }).Key(to)); err != nil {
		return fmt.Errorf("ship: %w", err)
	}
	return nil
}

func Count(ctx op.Context) (int, error) {
	return replay.Run(ctx, op.Step("count", func(context.Context) (int, error) { return 1, nil }))
}

// Plan returns an error of its own.
func Plan(op.Context) error { return ErrLate }

func Wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
