// Package edits is a catalogue of changes of a workflow's code: pairs of versions of a function,
// and what becomes of an execution that began with one and is ended by the other, in every state
// that it can be in then. Tests use it to say what a change does, and whether what is said of a
// change is true.
package edits

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Function is one version of a function.
type Function interface {
	local.Handler
	Rehearse(ctx context.Context, of checkpoint.Invocation) (*replay.Rehearsal, error)
}

// Version makes a version of a function whose bodies report to a world.
type Version func(w *World) Function

// Edit is a change of a function's code.
type Edit struct {
	// ID names the edit in tables, Name says what it is.
	ID, Name string
	// Before and After are the code before and after it.
	Before, After Version
	// Declared is the code after it with what declares the change; nil if nothing does.
	Declared Version
	// How is what to write for it.
	How string
	// Input is the input of the execution; null if it is empty. NewInput is what the code after it
	// is given from the beginning, if that is another one.
	Input, NewInput string
}

// World is what bodies act on.
type World struct {
	// Options are added to those of the function.
	Options []replay.HandlerOption

	mu      sync.Mutex
	effects []Effect
	killAt  int // the function is lost inside this body, counted from one
	bodies  int
}

// Effect is a body that ran to its end.
type Effect struct {
	// Name is what it did, ID the operation.
	Name, ID string
}

// Effects returns what has run so far.
func (w *World) Effects() []Effect {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Effect(nil), w.effects...)
}

// ran notes that a body runs. It does not return if the function is to be lost in it.
func (w *World) ran(ctx context.Context, name string) {
	if w.enter(ctx, name) {
		local.Kill(ctx)
		runtime.Goexit()
	}
}

func (w *World) enter(ctx context.Context, name string) (kill bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bodies++; w.bodies == w.killAt {
		return true
	}
	info, _ := op.InfoFrom(ctx)
	w.effects = append(w.effects, Effect{Name: name, ID: info.ID})
	return false
}

// code is what versions are written with: a scope, and what it has resulted in.
type code struct {
	op.Context

	w   *World
	out []string
}

// failed is the panic of an operation that failed where a version does not look at errors.
type failed struct{ err error }

// version makes a version of a function of a handler.
func version[In, Out any](handler func(c *code, in In) Out) Version {
	return func(w *World) Function {
		return replay.Handler(func(ctx op.Context, in In) (out Out, err error) {
			defer func() {
				if p := recover(); p != nil {
					f, ok := p.(failed)
					if !ok {
						panic(p)
					}
					err = f.err
				}
			}()
			return handler(&code{Context: ctx, w: w}, in), nil
		}, w.Options...)
	}
}

// text is a version that has no input and returns what its operations have resulted in.
func text(handler func(c *code)) Version {
	return version(func(c *code, _ op.None) string {
		handler(c)
		return c.result()
	})
}

// sequence is a version that runs steps and waits, one after the other. Those whose name begins
// with ~ are waits.
func sequence(names ...string) Version {
	return text(func(c *code) { c.run(names...) })
}

func (c *code) result() string { return strings.Join(c.out, " ") }

func (c *code) add(v any) { c.out = append(c.out, fmt.Sprint(v)) }

// run runs steps and waits.
func (c *code) run(names ...string) {
	for _, name := range names {
		if wait, ok := strings.CutPrefix(name, "~"); ok {
			do(c, op.Wait(wait, time.Hour))
			continue
		}
		c.add(do(c, step(c, name, name)))
	}
}

// inside is code in the scope of a group or branch.
func (c *code) inside(ctx op.Context) *code { return &code{Context: ctx, w: c.w} }

// do runs an operation that must succeed.
func do[T any](c *code, o op.Op[T]) T {
	v, err := replay.Run(c.Context, o)
	if err != nil {
		panic(failed{err})
	}
	return v
}

// step is a step that has a value, and an effect of its name.
func step[T any](c *code, name string, v T, opts ...op.StepOption) op.Op[T] {
	return op.Step(name, func(ctx context.Context) (T, error) {
		c.w.ran(ctx, name)
		return v, nil
	}, opts...)
}

// effect is a step with an effect of another name than its own.
func effect[T any](c *code, name, effect string, v T, opts ...op.StepOption) op.Op[T] {
	return op.Step(name, func(ctx context.Context) (T, error) {
		c.w.ran(ctx, effect)
		return v, nil
	}, opts...)
}

// group is a group of steps and waits, with the text of what they have resulted in.
func group(c *code, name string, run func(c *code)) op.Op[string] {
	return op.Group(name, func(ctx op.Context) (_ string, err error) {
		defer func() {
			if p := recover(); p != nil {
				f, ok := p.(failed)
				if !ok {
					panic(p)
				}
				err = f.err
			}
		}()
		in := c.inside(ctx)
		run(in)
		return in.result(), nil
	})
}

// steps is a group of steps and waits.
func steps(c *code, name string, names ...string) op.Op[string] {
	return group(c, name, func(c *code) { c.run(names...) })
}

// branches are groups of one step and a wait, by name.
func branches(c *code, names ...string) []op.Op[string] {
	ops := make([]op.Op[string], len(names))
	for i, name := range names {
		ops[i] = steps(c, name, "do-"+name, "~rest")
	}
	return ops
}

// each is what a map runs for an item.
func each(c *code) op.Builder[string, string] {
	return func(item string) op.Op[string] {
		return group(c, "item", func(c *code) {
			c.add(do(c, effect(c, "pack", "pack-"+item, "packed-"+item)))
			c.run("~rest")
		})
	}
}

// keyed is each with the item as its key.
func keyed(c *code) op.Builder[string, string] {
	return each(c).Key(func(item string) string { return item })
}

// values notes what a batch has resulted in.
func values(c *code, b op.Batch[string]) {
	for _, it := range b.Items {
		c.add(it.Value)
	}
}
