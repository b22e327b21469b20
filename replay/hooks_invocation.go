package replay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/replay/internal/engine"
)

// supervised is an invocation that runs inside interceptors, on a goroutine of its own: an
// interceptor that does not return must not keep the invocation from answering.
type supervised struct {
	done  chan struct{} // closed when the goroutine has ended
	ended chan struct{} // closed when the engine has ended

	mu      sync.Mutex
	begun   bool // the engine has begun
	left    bool // the invocation has been answered: the engine must not begin any more
	outcome *engine.Outcome
	panic   any
}

// leastReports is the least time that the last reports may take once the time of the invocation is
// over.
const leastReports = 100 * time.Millisecond

// supervise runs an invocation inside the interceptors, and returns its outcome.
//
//  1. If they return, as they must, it is that of the engine.
//  2. If the time of the invocation and its grace are over, and the engine has ended, it is that of
//     the engine, whatever an interceptor still does.
//  3. If the engine has not begun by then, or an interceptor has ended the goroutine, it is an
//     error that names the interceptor.
func supervise(ctx context.Context, h *hooks, grace time.Duration, run func(context.Context) engine.Outcome) engine.Outcome {
	s := &supervised{done: make(chan struct{}), ended: make(chan struct{})}
	go s.run(ctx, h, run)
	select {
	case <-s.done:
	case <-ctx.Done():
		s.await(ctx, max(grace, leastReports))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	switch {
	case s.panic != nil:
		panic(s.panic) //nolint:forbidigo // of the engine: interceptors are guarded; it goes where it went without them
	case s.outcome != nil:
		return *s.outcome
	case ctx.Err() != nil:
		return engine.Outcome{Err: fmt.Errorf("replay: the invocation's time is over, and %s, has not returned: %w", h.place(), context.Cause(ctx))}
	}
	return engine.Outcome{Err: fmt.Errorf("%w: %s", errInterceptorExited, h.place())}
}

var errInterceptorExited = errors.New("replay: an interceptor has ended the goroutine of the invocation, with runtime.Goexit " +
	"or t.FailNow; it must return")

// await waits for the goroutine, at most for the grace from when both the time of the invocation is
// over and the engine has ended.
func (s *supervised) await(ctx context.Context, grace time.Duration) {
	s.mu.Lock()
	begun := s.begun
	s.mu.Unlock()
	if begun {
		<-s.ended // it ends by itself when the time is over
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	select {
	case <-s.done:
	case <-last.Done():
	}
}

// run is what the goroutine does.
func (s *supervised) run(ctx context.Context, h *hooks, run func(context.Context) engine.Outcome) {
	defer close(s.done)
	defer func() {
		if v := recover(); v != nil {
			s.mu.Lock()
			s.panic = v
			s.mu.Unlock()
		}
	}()
	h.began(ctx)
	h.invocation(ctx, func(ctx context.Context) *engine.Outcome {
		if !s.begin() {
			return nil
		}
		defer close(s.ended)
		o := run(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.outcome = &o
		return &o
	})
	if o := s.result(); o != nil {
		h.ended(ctx, *o)
	}
}

// begin notes that the engine begins. It reports whether it may.
func (s *supervised) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = !s.left
	return s.begun
}

// result is the outcome of the engine; nil if it did not run.
func (s *supervised) result() *engine.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outcome
}

// place names the function of an interceptor that the invocation is in.
func (h *hooks) place() string {
	p := h.at.Load()
	if p == nil {
		return "an interceptor"
	}
	return fmt.Sprintf("%s of interceptor %d, counted from zero", p.function, p.number)
}

// place is a function of an interceptor.
type place struct {
	number   int
	function string
}

// report calls f for every interceptor, and notes that the invocation is in the function of this
// name.
func (h *hooks) report(function string, f func(i *Interceptor)) {
	n := 0
	h.each(func(i *Interceptor) {
		h.at.Store(&place{n, function})
		n++
		f(i)
	})
}

// counted counts checkpoint calls.
type counted struct {
	checkpoint.Client

	calls *atomic.Int64
}

// Checkpoint makes a call.
func (c counted) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	c.calls.Add(1)
	return c.Client.Checkpoint(ctx, in)
}

// Unwrap returns the client that makes the calls.
func (c counted) Unwrap() checkpoint.Client { return c.Client }
