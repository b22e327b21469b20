package replay_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/replay"
)

// schedulesPerProgram is how often each small program is run.
const schedulesPerProgram = 10

// An invocation never suspends while someone can go on, and always wakes who can: random programs
// with several futures, waits and retries run against a service that answers in random order.
func TestParkAndWake(t *testing.T) { //nolint:paralleltest // it counts goroutines
	var d distribution
	seed := lawSeed(t)
	schedules := draws.Count(2000)
	ctx := t.Context()
	for i := range max(1, schedules/schedulesPerProgram) {
		p := newSmallProgram(seed + int64(i))
		d.program(p)
		want := ""
		for j := range schedulesPerProgram {
			got, err := parkAndWake(ctx, p, uint64(j), watchdog(t), &d)
			if err == nil && want != "" && got != want {
				err = fmt.Errorf("the result is %s; under another schedule it was %s", got, want)
			}
			if err != nil {
				t.Fatalf("schedule %d: %v\n%v\nagain with: PERDURE_SEED=%d go test -race -run '^%s$' ./replay", j, err, p, p.seed, t.Name())
			}
			want = got
		}
	}
	d.print(t)
}

// parkAndWake runs a program to its end under one schedule and returns the answer.
func parkAndWake(ctx context.Context, p *program, nth uint64, patience time.Duration, d *distribution) (string, error) {
	c := newRestless(uint64(p.seed)<<8 + nth)
	run := newLawRun(p, p.seed+int64(nth), nil)
	var premature atomic.Bool
	run.pause = func(ctx context.Context) {
		c.dawdle()
		// Nothing is lost here, so the context ends only when the invocation has been decided: too
		// early, as long as someone is in user code.
		if ctx.Err() != nil {
			premature.Store(true)
		}
	}
	var left atomic.Bool
	f := run.function(replay.WithLogHandler(&leftovers{tell: func() { left.Store(true) }}))
	d.add("schedules", 1)
	for invocations := 1; ; invocations++ {
		event, err := c.event()
		if err != nil {
			return "", err
		}
		before := runtime.NumGoroutine()
		out, err := invokeInTime(ctx, f, c, event, patience)
		d.add("invocations", 1)
		switch {
		case err != nil:
			return "", fmt.Errorf("invocation %d: %w", invocations, err)
		case premature.Load():
			return "", fmt.Errorf("invocation %d answered %s while user code ran", invocations, out)
		case left.Load() || !goroutinesReturn(before):
			return "", fmt.Errorf("invocation %d left goroutines behind", invocations)
		}
		pending := out == `{"Status":"PENDING"}`
		if err := errors.Join(c.settled(run, pending)...); err != nil {
			return "", fmt.Errorf("invocation %d answered %s: %w", invocations, out, err)
		}
		if !pending {
			d.add("checkpoint calls", c.calls)
			d.add("answers "+out[len(`{"Status":"`):len(`{"Status":"`)+len("SUCCEEDED")], 1)
			return out, nil
		}
		if invocations > 200 {
			return "", errors.New("200 invocations, and no end")
		}
		if err := c.resume(); err != nil {
			return "", err
		}
	}
}

// invokeInTime is one invocation. One that hangs is reported with all stacks.
func invokeInTime(ctx context.Context, f interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}, c *restless, event []byte, patience time.Duration,
) (string, error) {
	stuck := make(chan string, 1)
	timer := time.AfterFunc(patience, func() {
		buf := make([]byte, 1<<20)
		stuck <- string(buf[:runtime.Stack(buf, true)])
	})
	defer timer.Stop()
	type answer struct {
		out []byte
		err error
	}
	done := make(chan answer, 1)
	go func() {
		out, err := f.Invoke(checkpoint.WithClock(checkpoint.WithClient(ctx, c), c), event)
		done <- answer{out, err}
	}()
	select {
	case a := <-done:
		return string(a.out), a.err
	case stacks := <-stuck:
		return "", fmt.Errorf("the invocation hangs:\n%s", stacks)
	}
}

// goroutinesReturn reports whether the number of goroutines comes back to what it was. A goroutine
// that has been asked to end is gone when its processor gets to it; one that was forgotten never
// is.
func goroutinesReturn(want int) bool {
	for range 1000 {
		if runtime.NumGoroutine() <= want {
			return true
		}
		runtime.Gosched()
	}
	const patience, step = 5 * time.Second, 5 * time.Millisecond
	for range patience / step {
		time.Sleep(step)
		if runtime.NumGoroutine() <= want {
			return true
		}
	}
	return false
}

// settled says what must not be after an answer: a step whose body has ended and whose end was not
// written, or one that was begun and has not ended.
func (c *restless) settled(run *lawRun, pending bool) []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	run.mu.Lock()
	defer run.mu.Unlock()
	errs := c.wrong
	for id, rec := range c.records {
		if rec.Kind != checkpoint.KindStep {
			continue
		}
		if rec.Status == checkpoint.StatusStarted {
			errs = append(errs, fmt.Errorf("the step %s has begun and not ended", rec.Name))
		}
		if got := len(run.bodies[id]); got != rec.Attempt {
			errs = append(errs, fmt.Errorf("%d attempts of %s have run, %d are recorded", got, rec.Name, rec.Attempt))
		}
		if !pending && !rec.Status.Terminal() {
			errs = append(errs, fmt.Errorf("the execution has ended, and the step %s is %s", rec.Name, rec.Status))
		}
		for attempt, n := range run.bodies[id] {
			if n > 1 {
				errs = append(errs, fmt.Errorf("attempt %d of %s ran %d times", attempt, rec.Name, n))
			}
		}
	}
	for id := range run.bodies {
		if c.records[id] == nil {
			errs = append(errs, fmt.Errorf("a body ran, and %s has no record", strings.TrimSpace(id)))
		}
	}
	return errs
}
