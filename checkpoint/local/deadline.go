package local

import (
	"context"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// withTimeout returns a context that ends when d has passed on the clock. The cancel function of
// its parent ends it, too, and is the one to call.
func withTimeout(
	parent context.Context, cancel context.CancelCauseFunc, clock checkpoint.Clock, d time.Duration,
) (context.Context, context.CancelCauseFunc) {
	c := &deadline{Context: parent, at: clock.Now().Add(d), done: make(chan struct{})}
	stopTimer := clock.AfterFunc(d, func() { c.end(context.DeadlineExceeded) })
	stopParent := context.AfterFunc(parent, func() { c.end(parent.Err()) })
	return c, func(cause error) {
		cancel(cause)
		c.end(context.Canceled)
		stopParent()
		stopTimer()
	}
}

// deadline is a context with a deadline on any clock. Its cause is that of its parent.
type deadline struct {
	context.Context //nolint:containedctx // the parent
	at              time.Time
	done            chan struct{}

	mu  sync.Mutex
	err error
}

func (c *deadline) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.done)
	}
}

// Deadline returns the time on the clock at which the context ends.
func (c *deadline) Deadline() (time.Time, bool) { return c.at, true }

// Done returns a channel that is closed when the context has ended.
func (c *deadline) Done() <-chan struct{} { return c.done }

// Err returns why the context has ended.
func (c *deadline) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
