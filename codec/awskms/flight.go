package awskms

import (
	"context"
	"errors"
	"sync"

	"github.com/perdure/perdure/codec/seal"
)

// flight has callers that want the same key wait for one call. The zero value is ready to use.
type flight struct {
	mu    sync.Mutex // guards calls
	calls map[string]*call
}

// call is a call on its way; key and err may be read when done is closed.
type call struct {
	done chan struct{}
	key  *seal.Key
	err  error
}

// do returns what get returns, which one caller at a time runs for an id, with a context of its
// own; own says that it was this one. A caller that has waited for a call that ended with its
// caller makes it again.
func (f *flight) do(ctx context.Context, id string, get func() (*seal.Key, error)) (key *seal.Key, own bool, err error) {
	for {
		c, own := f.join(id)
		if own {
			f.lead(id, c, get)
			return c.key, true, c.err
		}

		select {
		case <-c.done:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}

		if c.err == nil || !errors.Is(c.err, context.Canceled) && !errors.Is(c.err, context.DeadlineExceeded) {
			return c.key, false, c.err
		}
	}
}

// join returns the call for id, and whether it is the caller's to make.
func (f *flight) join(id string) (c *call, own bool) {
	f.mu.Lock()
	defer f.mu.Unlock()

	if c, ok := f.calls[id]; ok {
		return c, false
	}

	if f.calls == nil {
		f.calls = map[string]*call{}
	}

	c = &call{done: make(chan struct{}), err: errors.New("awskms: the call for a key panicked")}
	f.calls[id] = c

	return c, true
}

// lead makes the call, also if it panics.
func (f *flight) lead(id string, c *call, get func() (*seal.Key, error)) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()

		delete(f.calls, id)
		close(c.done)
	}()

	c.key, c.err = get()
}
