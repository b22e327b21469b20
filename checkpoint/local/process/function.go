package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

var _ local.Gated = (*Function)(nil)

// Function is a program as a function of the local service: a [local.Handler]. It is safe for
// concurrent use. Make one with [New] and close it, after the service.
type Function struct {
	config

	// slots holds a token for each process that may run, places one for each invocation that the
	// service may begin: those find a slot free.
	slots, places chan struct{}
	// closing is closed when the function is.
	closing chan struct{}
	// live are the processes that have not ended.
	live sync.WaitGroup

	mu      sync.Mutex // guards what follows
	program string
	workers map[*worker]struct{}
	idle    []*worker // the one used last at the end
	closed  bool
	stats   Stats
}

// Stats says what a function has done so far.
type Stats struct {
	// Started is how many processes were started, Running how many have not ended.
	Started, Running int
	// Init is how long the process that was ready last took from its start until it asked for
	// its first event.
	Init time.Duration
}

// New returns a function that runs a program: the path of an executable file, or the name of one
// in PATH. Nothing is started before the first invocation. The error says that there is no such
// program.
func New(program string, opts ...Option) (*Function, error) {
	path, err := find(program)
	if err != nil {
		return nil, err
	}
	f := &Function{
		config: newConfig(opts), program: path, workers: make(map[*worker]struct{}), closing: make(chan struct{}),
	}
	f.slots, f.places = make(chan struct{}, f.processes), make(chan struct{}, f.processes)
	return f, nil
}

// find returns the absolute path of a program.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil && !errors.Is(err, exec.ErrDot) {
		if info, statErr := os.Stat(program); statErr == nil && !info.IsDir() {
			return "", fmt.Errorf("process: %s is not executable: build it with go build, or make it executable", program)
		}
		return "", fmt.Errorf("process: there is no program %s: build it first: %w", program, err)
	}
	return filepath.Abs(path)
}

// Replace makes another program that of the function. Invocations that run end under the old one;
// all that begin afterwards get the new one. The error says that there is no such program, and
// then nothing has changed.
func (f *Function) Replace(program string) error {
	path, err := find(program)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.program = path
	for _, w := range f.idle {
		w.stopIdling()
		w.end()
	}
	f.idle = nil
	for w := range f.workers {
		w.outdated = true
	}
	return nil
}

// Stats returns what the function has done so far.
func (f *Function) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stats
	s.Running = len(f.workers)
	return s
}

// Close kills all processes and waits until they have ended. Invocations that run, and all later
// ones, fail with [ErrClosed]. It returns nil.
func (f *Function) Close() error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.closing)
		for w := range f.workers {
			w.end()
		}
	}
	f.mu.Unlock()
	f.live.Wait()
	return nil
}

// Enter implements [local.Gated]: it waits until a process is free for another invocation.
func (f *Function) Enter(ctx context.Context) (leave func(), err error) {
	return f.take(ctx, f.places)
}

// take takes a token, which the caller gives back.
func (f *Function) take(ctx context.Context, tokens chan struct{}) (giveBack func(), err error) {
	select {
	case tokens <- struct{}{}:
		return func() { <-tokens }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-f.closing:
		return nil, ErrClosed
	}
}

// Invoke implements [local.Handler]: it gives the event to a process and returns its answer. The
// error is a [*local.FunctionError], [ErrClosed], or the cause of the end of ctx.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	giveBack, err := f.take(ctx, f.slots)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	inv := newInvocation(ctx, payload)
	for {
		w, fresh, err := f.worker(ctx)
		if err != nil {
			return nil, err
		}
		out, err := w.serve(ctx, inv)
		if errors.Is(err, errUnused) && !fresh {
			continue // it ended while it was idle
		}
		return out, err
	}
}

// worker returns an idle process, or a new one.
func (f *Function) worker(ctx context.Context) (w *worker, fresh bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, false, ErrClosed
	}
	if last := len(f.idle) - 1; last >= 0 {
		w := f.idle[last]
		f.idle = f.idle[:last]
		w.stopIdling()
		return w, false, nil
	}
	w, err = f.start(ctx)
	if err != nil {
		return nil, false, err
	}
	f.stats.Started++
	f.workers[w] = struct{}{}
	return w, true, nil
}

// release makes a process idle that has answered.
func (f *Function) release(w *worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || w.outdated {
		w.end()
		return
	}
	f.idle = append(f.idle, w)
	w.idling = time.AfterFunc(f.idleTimeout, func() {
		if f.dismiss(w) {
			w.end()
		}
	})
}

// dismiss takes a process out of the idle ones, and reports whether it was one.
func (f *Function) dismiss(w *worker) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.remove(w)
}

func (f *Function) remove(w *worker) bool {
	for i, other := range f.idle {
		if other == w {
			f.idle = append(f.idle[:i], f.idle[i+1:]...)
			return true
		}
	}
	return false
}

// gone notes that a process has ended.
func (f *Function) gone(w *worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(w)
	w.stopIdling()
	delete(f.workers, w)
}

// ready notes how long a process has taken to start.
func (f *Function) ready(after time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Init = after
}
