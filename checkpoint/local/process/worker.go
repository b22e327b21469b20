package process

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

// errUnused says that a process has ended without having seen the invocation.
var errUnused = errors.New("process: the process ended while it was idle")

// outputGrace is how long the output of a process is read that its children keep open.
const outputGrace = time.Second

// worker is one process. It works on one invocation at a time.
type worker struct {
	f       *Function
	program string
	cmd     *exec.Cmd
	server  *http.Server
	started time.Time
	tail    tail
	// out and errs make lines of what the process writes.
	out, errs *lineWriter
	// events hands an invocation to the process when it asks for one.
	events chan *invocation
	// exited is closed when the process has ended and its output was read; how is then set.
	exited chan struct{}
	how    error

	// idling and outdated are guarded by the function's mutex.
	idling   *time.Timer
	outdated bool

	mu      sync.Mutex // guards what follows
	current *invocation
	latest  string // the request ID of the last event that it was given
	// returned is an event whose question had been given up when it came.
	returned *invocation
	first    bool // it has asked for an event
	refused  *local.FunctionError
}

// start starts a process for an invocation. The function's mutex is held.
func (f *Function) start(ctx context.Context) (*worker, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, startError(f.program, err)
	}
	w := &worker{
		f: f, program: f.program, started: now(),
		events: make(chan *invocation), exited: make(chan struct{}),
	}
	w.cmd = exec.Command(f.program, f.args...) //nolint:gosec,noctx // the user's program; it outlives the invocation
	w.cmd.Dir, w.cmd.Env = f.dir, f.environment(ctx, f.program, listener.Addr().String())
	w.cmd.WaitDelay = outputGrace
	w.out = &lineWriter{w: w, stream: Stdout, limit: f.maxLineBytes, emit: f.output}
	w.errs = &lineWriter{w: w, stream: Stderr, limit: f.maxLineBytes, emit: f.output}
	w.cmd.Stdout, w.cmd.Stderr = w.out, w.errs
	isolate(w.cmd)
	if err := w.cmd.Start(); err != nil {
		_ = listener.Close() // no one has seen it
		return nil, startError(f.program, err)
	}
	w.server = &http.Server{Handler: w, ReadHeaderTimeout: f.initTimeout}
	var serving sync.WaitGroup
	serving.Go(func() { _ = w.server.Serve(listener) }) // it ends when the process has
	f.live.Go(func() {
		w.how = w.cmd.Wait()
		kill(w.cmd) // what it has left behind
		w.flush()
		f.gone(w)
		close(w.exited)
		_ = w.server.Close() // no one is there to talk to
		serving.Wait()
	})
	return w, nil
}

// end kills the process, unless it has ended: its number may be that of another one by then.
func (w *worker) end() {
	select {
	case <-w.exited:
	default:
		kill(w.cmd)
	}
}

func (w *worker) stopIdling() {
	if w.idling != nil {
		w.idling.Stop()
	}
}

// flush emits lines that have not been ended.
func (w *worker) flush() {
	w.out.flush()
	w.errs.flush()
}

func (w *worker) pid() int {
	if w.cmd.Process == nil { // output cannot come before
		return 0
	}
	return w.cmd.Process.Pid
}

// requestID returns the ID of the invocation that the process works on, or has worked on last: what
// it wrote before it asked for the next event may be read afterwards.
func (w *worker) requestID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.latest
}

// idle reports whether the process waits for an event.
func (w *worker) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current == nil
}

// serve gives an invocation to the process and returns its answer.
func (w *worker) serve(ctx context.Context, inv *invocation) ([]byte, error) {
	if err := w.hand(ctx, inv); err != nil {
		return nil, err
	}
	select {
	case a := <-inv.answer:
		return w.finish(a)
	case <-w.exited:
	case <-ctx.Done():
		w.discard()
		return nil, context.Cause(ctx)
	}
	select { // it may have answered before it ended
	case a := <-inv.answer:
		return a.payload, a.err
	default:
		return nil, w.lost(exitError(inv.requestID, w.how))
	}
}

// hand gives an invocation to the process as soon as it asks for one.
func (w *worker) hand(ctx context.Context, inv *invocation) error {
	limit, cancel := context.WithTimeout(ctx, w.f.initTimeout)
	defer cancel()
	select {
	case w.events <- inv:
		return nil
	case <-w.exited:
		return w.unused(inv.requestID)
	case <-limit.Done():
	}
	w.discard()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return initTimeout(inv.requestID, w.program, w.f.initTimeout)
}

// unused is the error of a process that ended before it saw an invocation.
func (w *worker) unused(requestID string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.first:
		return w.lost(errUnused)
	case w.refused != nil:
		return w.lost(w.refused)
	}
	return w.lost(initError(requestID, w.program, w.how, w.tail.all()))
}

// lost returns err, unless the process was killed because the function was closed.
func (w *worker) lost(err error) error {
	select {
	case <-w.f.closing:
		return ErrClosed
	default:
		return err
	}
}

// finish makes the process idle and returns its answer.
func (w *worker) finish(a answer) ([]byte, error) {
	w.f.release(w)
	return a.payload, a.err
}

// discard kills the process and waits until it has ended.
func (w *worker) discard() {
	w.end()
	<-w.exited
}
