// Package demo runs the durable function of an example on the local service, under a clock that
// jumps from timer to timer, and prints what happens: what runs, what is replayed, what waits, and
// what it costs. Nothing of it belongs into a service.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
)

// Demo is one execution in a world of its own. Make it with New, give Options to replay.Handler,
// and the function to Run.
type Demo struct {
	// Service is where the world outside answers callbacks.
	Service *local.Service

	clock   *local.VirtualClock
	p       *printer
	crashes []*crash
}

// New returns a demo that prints to w, and whose clock begins at start.
func New(w io.Writer, start time.Time) *Demo {
	clock := local.NewVirtualClock(start)
	d := &Demo{clock: clock, p: newPrinter(w, clock.Now)}
	d.Service = local.New(local.WithClock(clock), local.WithFaults(local.Faults{Lose: d.loses}))
	d.p.svc = d.Service
	return d
}

// Options let the demo see what the function does.
func (d *Demo) Options() []replay.HandlerOption {
	return []replay.HandlerOption{replay.WithInterceptors(d.p.interceptor()), replay.WithLogHandler(logs{d.p})}
}

// After calls f when t has passed: the world outside acts later.
func (d *Demo) After(t time.Duration, f func()) { d.clock.AfterFunc(t, f) }

// At calls f at a time.
func (d *Demo) At(at time.Time, f func()) { d.clock.AfterFunc(at.Sub(d.clock.Now()), f) }

// Say prints what someone outside of the function does.
func (d *Demo) Say(who, what string) { d.p.outsider(who, what) }

// Show prints what a body does as it does it.
func (d *Demo) Show(what, detail string) { d.p.line(what, "", detail) }

// Run starts an execution of f, drives it to its end, prints how it ended and what it cost, and
// returns its result. The error is that of the execution, or that a crash did not take place.
func Run[In, Out any](ctx context.Context, d *Demo, name string, f *replay.Function[In, Out], in In) (out Out, err error) {
	defer func() { err = errors.Join(err, d.Service.Close()) }() //nolint:contextcheck // whatever becomes of ctx
	input, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	if err := d.Service.Host(name, f); err != nil {
		return out, err
	}
	e, err := d.Service.Start(ctx, name, name, input)
	if err != nil {
		return out, err
	}
	if err := e.Drive(ctx); err != nil {
		return out, err
	}
	d.p.ended()
	return result[Out](d, e)
}
