package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
)

// function is the name of the function that processes orders.
const function = "process-order"

// session runs one order on a service of its own.
type session struct {
	out io.Writer
	// killAfter is the operation after whose record the function is lost; empty for none.
	killAfter string
	// clock is the real one if nil.
	clock local.Clock

	stock     Stock
	manager   Manager
	cards     Cards
	warehouse Warehouse
}

// run processes an order to its end and prints what happens.
func (s *session) run(ctx context.Context, o Order) (r Receipt, err error) {
	input, err := json.Marshal(o)
	if err != nil {
		return Receipt{}, err
	}
	p := &printer{w: s.out, labels: make(labels)}
	k := &killer{after: s.killAfter, p: p}
	opts := []local.Option{local.WithFaults(local.Faults{
		Committed: func(local.Point) { p.history() },
		Lose:      k.loses,
	})}
	if s.clock != nil {
		opts = append(opts, local.WithClock(s.clock))
	}
	service := local.New(opts...)                              //nolint:contextcheck // it is closed, whatever becomes of ctx
	defer func() { err = errors.Join(err, service.Close()) }() //nolint:contextcheck // the same

	s.manager.said, s.manager.after = p.manager, s.after
	s.manager.succeed, s.manager.fail = service.CompleteCallback, service.FailCallback
	h := replay.Handler(NewOrders(&s.stock, &s.manager, &s.cards, &s.warehouse).Process, replay.WithLogHandler(p.logs()))
	if err := service.Host(function, p.watch(h)); err != nil {
		return Receipt{}, err
	}
	p.order(o)
	p.mu.Lock() // the first invocation prints when it is known what it belongs to
	p.e, err = service.Start(ctx, function, o.ID, input)
	p.mu.Unlock()
	if err != nil {
		return Receipt{}, err
	}
	if err := p.e.Drive(ctx); err != nil {
		return Receipt{}, err
	}
	p.history()
	p.world(s)
	failed, isFailed := errors.AsType[*local.ExecutionError](p.e.Err())
	switch {
	case isFailed:
		return Receipt{}, &OrderError{ID: o.ID, Reason: failed}
	case s.killAfter != "" && !k.done:
		return Receipt{}, fmt.Errorf("-kill-after %s: nothing was recorded under that name", s.killAfter)
	}
	if err := json.Unmarshal(p.e.Result(), &r); err != nil {
		return Receipt{}, err
	}
	r.print(s.out)
	return r, nil
}

// after calls f when the clock of the service has moved by d.
func (s *session) after(d time.Duration, f func()) {
	if s.clock == nil {
		time.AfterFunc(d, f)
		return
	}
	s.clock.AfterFunc(d, f)
}

// OrderError says that an order has ended without a receipt.
type OrderError struct {
	ID     string
	Reason *local.ExecutionError
}

// Error returns the reason without the name of the execution.
func (e *OrderError) Error() string {
	if e.Reason.Failure == nil {
		return fmt.Sprintf("%s ended as %s", e.ID, e.Reason.Status)
	}
	return e.ID + " failed: " + e.Reason.Failure.Message
}

func (e *OrderError) Unwrap() error { return e.Reason }

// killer loses the function once, as a crash of its process would: nothing it says from then on
// is heard, and after a pause the service invokes it again.
type killer struct {
	after string
	p     *printer

	mu   sync.Mutex
	done bool
}

// loses reports whether the function is lost at this point.
func (k *killer) loses(at local.Point) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.after == "" || k.done || at.Moment != local.MomentAfterCall {
		return false
	}
	for _, u := range at.Updates {
		if recorded(u) && k.p.label(u) == k.after {
			k.done = true
			k.p.killed(k.after)
			return true
		}
	}
	return false
}

// recorded reports whether the record that an update leaves is the last that the function makes
// of the operation: what follows the START of a wait or a callback is up to the service.
func recorded(u checkpoint.Update) bool {
	return u.Action == checkpoint.ActionSucceed || u.Action == checkpoint.ActionFail ||
		u.Kind == checkpoint.KindWait || u.Kind == checkpoint.KindCallback
}
