package replaytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
)

// Start starts an execution of f and leaves the pace to the test. Nothing runs until one of the
// methods is called.
func Start[In, Out any](tb testing.TB, f *replay.Function[In, Out], in In, opts ...Option) *Execution[Out] {
	tb.Helper()
	return start(tb, f, in, runConfig(opts))
}

func start[In, Out any](tb testing.TB, f *replay.Function[In, Out], in In, cfg *config) *Execution[Out] {
	tb.Helper()
	if f == nil {
		tb.Fatal(noFunction)
	}
	k, err := newKit(cfg, f)
	tb.Cleanup(func() {
		if err := k.svc.Close(); err != nil {
			tb.Error(err)
		}
	})
	e := &Execution[Out]{t: tb, k: k}
	e.restore = f
	var input []byte
	if err == nil {
		input, err = encodeInput(tb.Context(), in)
	}
	if err == nil {
		err = k.start(tb.Context(), input)
	}
	if err != nil {
		tb.Fatalf("replaytest: %v", err)
	}
	return e
}

// noFunction says that there is nothing to run.
const noFunction = "replaytest: the function is nil: pass what replay.Handler makes of your handler"

// Execution is an execution under the control of a test. Its methods fail the test at once if
// what they are asked for cannot be done. If it ends by replay.ContinueAsNew, it is the one that
// continues it from then on.
type Execution[Out any] struct {
	t       testing.TB
	k       *kit
	restore restorer // the code that runs
}

// RunUntilSuspended runs what is due, until the execution has ended or waits for time to pass or
// for someone outside. It moves no clock.
func (e *Execution[Out]) RunUntilSuspended() {
	e.t.Helper()
	e.within(func(ctx context.Context, k *kit) (*kit, error) { return k.through(ctx, (*kit).settle) })
}

// Advance lets d pass and runs what becomes due on the way and in the end. The test fails at once
// if d is negative.
func (e *Execution[Out]) Advance(d time.Duration) {
	e.t.Helper()
	if d < 0 {
		e.check(fmt.Errorf("Advance(%v): time does not go back", d))
	}
	e.AdvanceTo(e.k.clock.Now().Add(d))
}

// AdvanceTo lets time pass until t and runs what becomes due on the way and in the end. The test
// fails at once if t is before [Execution.Now]. Executions begin on 2026-01-01 00:00 UTC unless
// [WithStartTime] says otherwise.
func (e *Execution[Out]) AdvanceTo(t time.Time) {
	e.t.Helper()
	if now := e.Now(); t.Before(now) {
		e.check(fmt.Errorf("AdvanceTo(%v): it is %v already, and time does not go back; the option WithStartTime sets when an execution begins",
			t.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)))
	}
	e.within(func(ctx context.Context, k *kit) (*kit, error) {
		for {
			var err error
			if k, err = k.through(ctx, (*kit).settle); err != nil {
				return k, err
			}
			at, ok := k.clock.Next()
			if !ok || at.After(t) || k.ended() {
				break
			}
			k.clock.AdvanceTo(at)
		}
		k.clock.AdvanceTo(t)
		return k.through(ctx, (*kit).settle)
	})
}

// within runs what drives the execution, at most as long as WithTimeLimit says, and ends the test
// if that fails.
func (e *Execution[Out]) within(drive func(ctx context.Context, k *kit) (*kit, error)) {
	e.t.Helper()
	k := e.k
	var reached atomic.Pointer[kit] // what hangs goes on
	err := k.within(e.t.Context(), k.cfg.limitOf(e.t), func(ctx context.Context) error {
		last, err := drive(ctx, k)
		reached.Store(last)
		return err
	})
	if last := reached.Load(); last != nil {
		e.k = last
	}
	e.check(err)
}

// Now returns the virtual time of the execution.
func (e *Execution[Out]) Now() time.Time { return e.k.clock.Now() }

// Status returns how far the execution has come.
func (e *Execution[Out]) Status() local.Status { return e.k.exec.Status() }

// Ops returns the operations so far.
func (e *Execution[Out]) Ops() []Operation { return e.k.operations() }

// Print writes a table of the operations so far to w, as [Result.Print] does.
func (e *Execution[Out]) Print(w io.Writer) {
	var table strings.Builder
	printOperations(&table, e.Ops())
	_, _ = io.WriteString(w, table.String()) // it is for people
}

// Op returns the operation at a path; its Status is empty if there is none so far.
func (e *Execution[Out]) Op(path string) Operation {
	r := Result[Out]{Operations: e.Ops()}
	return r.Op(path)
}

// Result runs the execution to its end, as [Run] does, and returns how it ended.
func (e *Execution[Out]) Result() *Result[Out] {
	e.t.Helper()
	e.within(func(ctx context.Context, k *kit) (*kit, error) { return k.through(ctx, (*kit).drive) })
	r, err := resultOf[Out](e.k, e.restore)
	if err != nil {
		e.t.Fatal(err)
	}
	if what := notHosted(r.Operations, e.k.cfg.hosts); what != "" {
		e.t.Logf("replaytest: %s", what) // the handler may be tested for what it does then
	}
	for _, c := range e.k.complaints() {
		e.t.Errorf("replaytest: %s", c)
	}
	for _, unused := range e.k.idle() {
		e.t.Errorf("replaytest: %s", unused.text)
	}
	if c := e.k.overBudget(); c != "" {
		e.t.Errorf("replaytest: %s", c)
	}
	return r
}

// check ends the test with what the log holds, unless err is nil.
func (e *Execution[Out]) check(err error) {
	if err == nil {
		return
	}
	e.t.Helper()
	var table strings.Builder
	if ops := e.k.operations(); len(ops) > 0 {
		table.WriteByte('\n')
		printOperations(&table, ops)
	}
	e.t.Fatalf("replaytest: %v%s", err, table.String())
}

// Callback returns the callback at a path, that of op.CreateCallback or of op.WaitForCallback. The
// test fails at once if it has not been created yet.
func (e *Execution[Out]) Callback(path string) *Callback {
	e.t.Helper()
	var found *Callback
	for _, rec := range e.k.exec.Operations() {
		if rec.Kind == checkpoint.KindCallback && (e.k.path(rec) == path || e.k.parentPath(rec) == path) {
			found = &Callback{t: e.t, k: e.k, path: path, id: rec.CallbackID, op: rec.ID, outer: e.k.parentPath(rec), arn: e.k.exec.ARN(), to: e.k.svc}
			if !rec.Status.Terminal() {
				return found
			}
		}
	}
	if found == nil {
		e.check(e.noCallback(path))
	}
	return found
}

// noCallback says why there is no callback at a path.
func (e *Execution[Out]) noCallback(path string) error {
	var there []string
	e.k.note(func() { there = slices.Clone(e.k.callbacks) })
	switch {
	case e.k.exec.Invocations() == 0:
		return fmt.Errorf("there is no callback %q yet, because nothing has run: call RunUntilSuspended first", path)
	case len(there) > 0:
		return fmt.Errorf("there is no callback at %q%s", path, meant(path, there))
	case e.k.ended():
		return fmt.Errorf("there is no callback at %q: the execution has ended without one, as %s", path, e.Status())
	}
	return fmt.Errorf("there is no callback at %q so far: %s", path, waitsFor(e.Ops(), nil, byHand))
}

// Callback is a callback as the outside system sees it. Its methods run nothing: let the execution
// go on afterwards. They fail the test if the service refuses the call.
type Callback struct {
	t            testing.TB
	k            *kit
	path, id, op string
	outer        string // the path of what it was created in; empty for the handler
	arn          string // of the execution
	to           answerer
}

// answerer is the service that callbacks are answered to.
type answerer interface {
	CompleteCallback(id string, payload []byte) error
	FailCallback(id string, f checkpoint.Failure) error
}

// ID returns what the outside system names the callback by.
func (c *Callback) ID() string { return c.id }

// Succeed sends the result. It is encoded by the codec that the callback was declared with, for its
// place, and as JSON without one; a []byte and a json.RawMessage go as they stand.
func (c *Callback) Succeed(v any) {
	c.t.Helper()
	c.check(c.succeed(v))
}

func (c *Callback) succeed(v any) error {
	var payload []byte
	switch raw := v.(type) {
	case []byte:
		payload = raw
	case json.RawMessage:
		payload = raw
	default:
		err := insist(func(ctx context.Context) (err error) {
			payload, err = c.encode(ctx, v)
			return err
		})
		if err != nil {
			return err
		}
	}
	return c.to.CompleteCallback(c.id, payload)
}

// Fail sends a failure of this type and with this message.
func (c *Callback) Fail(errorType, message string) {
	c.t.Helper()
	c.check(c.fail(errorType, message))
}

func (c *Callback) fail(errorType, message string) error {
	return c.to.FailCallback(c.id, checkpoint.Failure{Type: errorType, Message: message})
}

// Heartbeat sends a heartbeat, which restarts the callback's heartbeat timeout.
func (c *Callback) Heartbeat() {
	c.t.Helper()
	c.check(c.k.svc.Heartbeat(c.id))
}

// TimeOut lets time pass until the callback has run out of time, or missed a heartbeat. What
// becomes due on the way is run. The test fails at once if the callback was answered, or has no
// timeout.
func (c *Callback) TimeOut() {
	c.t.Helper()
	c.check(c.k.within(c.t.Context(), c.k.cfg.limitOf(c.t), c.timeOut))
}

func (c *Callback) timeOut(ctx context.Context) error {
	for {
		rec, _ := c.k.exec.Operation(c.op)
		if rec.Status == checkpoint.StatusTimedOut {
			return nil
		}
		err := c.k.exec.RunUntilSuspended(ctx)
		rec, _ = c.k.exec.Operation(c.op)
		at, ok := c.k.clock.Next()
		switch {
		case err != nil || rec.Status == checkpoint.StatusTimedOut:
		case rec.Status.Terminal():
			err = errors.New("it cannot run out of time")
		case c.k.ended():
			err = fmt.Errorf("it cannot run out of time: the execution has ended as %s", c.k.exec.Status())
		case !ok:
			err = errors.New("it never runs out of time: op.WithTimeout and op.WithHeartbeatTimeout set how long it may take")
		default:
			c.k.clock.AdvanceTo(at)
		}
		if err != nil {
			return err
		}
	}
}

// check ends the test, and says whether the callback has been answered, unless err is nil.
func (c *Callback) check(err error) {
	if err == nil {
		return
	}
	c.t.Helper()
	if rec, _ := c.k.exec.Operation(c.op); rec.Status.Terminal() {
		c.t.Fatalf("replaytest: callback %q has ended already: it is %s since %v; a callback is answered once (%v)",
			c.path, rec.Status, rec.End.Sub(c.k.cfg.start), err)
	}
	c.t.Fatalf("replaytest: callback %q: %v", c.path, err)
}
