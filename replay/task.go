package replay

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/perdure/perdure/op"
)

// task is a goroutine of ours: that of the handler, of a branch, or of an operation that was
// started by Go.
type task struct {
	inv    *invocation
	parent *task
	// gid tells the goroutine from those that user code starts.
	gid uint64
	// counted says that the goroutine is in user code and part of busy.
	counted bool
	// dead says that nobody waits for what the goroutine does: it ends at its next call.
	dead     bool
	finished bool
	children []*task
	// cancel ends the contexts of what the goroutine runs when it is abandoned; may be nil.
	cancel context.CancelCauseFunc
	// gone is called, with the lock held, when the goroutine has ended, however it did; may be nil.
	gone func()
	// over is closed when the goroutine has ended; nil unless somebody waits for that.
	over chan struct{}
	// asleep is what the goroutine is parked on; nil while it runs.
	asleep *waiter
	// held is where the goroutine has taken a place among the running bodies; nil if nowhere.
	held []*slots
	// wants is where the goroutine waits for such a place, or has been woken to take one.
	wants *slots
	path  string
	// at is the path of the operation whose user code the goroutine runs: where it was if that
	// code ends the goroutine, which is why no deferred function sets it back.
	at string
	// panicked is the value of a panic that was recovered while the goroutine was being ended.
	panicked any
}

// spawn starts a goroutine of ours, counted before it runs. body runs without the lock; end is
// told with the lock held how it ended, unless the invocation closed or the task was abandoned.
func (inv *invocation) spawn(parent *task, path string, body func(t *task), end func(err error)) *task {
	t := &task{inv: inv, parent: parent, path: path, at: path}
	if parent != nil {
		parent.children = append(parent.children, t)
	}
	t.count()
	inv.tasks++
	go t.run(body, end)
	return t
}

func (t *task) run(body func(t *task), end func(err error)) {
	returned := false
	defer func() {
		v := recover()
		t.inv.mu.Lock()
		defer t.inv.mu.Unlock()
		t.end(returned, v, end)
	}()
	t.gid = goroutineID()
	body(t)
	returned = true
}

// end classifies how the goroutine ended. Whether it was told to is known by the phase and by
// dead, not by what recover says: deferred functions may panic on the way out.
func (t *task) end(returned bool, v any, end func(err error)) {
	inv := t.inv
	t.finished = true
	switch {
	case inv.phase != running || t.dead:
		if v == nil {
			v = t.panicked
		}
		if v != nil {
			inv.set.logger(nil).Warn("a deferred function panicked while its goroutine was ended",
				pathAttr(t.path), panicAttr(v))
		}
	case returned:
		end(nil)
	case v != nil:
		end(panicError(v))
	default:
		inv.fail(fmt.Errorf("%w: in %s", ErrExited, place(t.at)))
	}
	t.give()
	if t.over != nil {
		close(t.over)
	}
	if t.gone != nil {
		t.gone()
	}
	t.uncount()
	inv.settle()
	inv.tasks--
	if inv.tasks == 0 && inv.phase != running {
		close(inv.idle)
	}
}

// count makes the goroutine part of busy.
func (t *task) count() {
	if !t.counted && !t.dead {
		t.counted = true
		t.inv.busy++
	}
}

// uncount takes the goroutine out of busy.
func (t *task) uncount() {
	if t.counted {
		t.counted = false
		t.inv.busy--
	}
}

// check ends the goroutine if nobody waits for it any more. Called with the lock held, which it
// gives back before it does.
func (t *task) check() {
	if t.inv.phase != running || t.dead {
		t.inv.mu.Unlock()
		exit()
	}
}

// abandon ends the goroutine and all it has started: parked ones go now, the others at their next
// call. What they have queued is written, nothing else. Called with the lock held.
func (t *task) abandon() {
	if t.dead || t.finished {
		return
	}
	t.dead = true
	t.uncount()
	t.give()
	if t.cancel != nil {
		t.cancel(errEnded)
	}
	for _, c := range t.children {
		c.abandon()
	}
	switch w := t.asleep; {
	case w != nil:
		delete(t.inv.parked, w)
		w.release()
	case t.wants != nil:
		t.wants.next() // it was woken to take a place, and does not come to it
	}
}

// outlast waits until the goroutine and all it has started have ended, which were abandoned: what
// is to be undone must not be going on. It stays busy meanwhile, as if it ran their bodies itself.
// Called with the lock held, by the goroutine by.
func (t *task) outlast(by *task) {
	for _, c := range t.children {
		c.outlast(by)
	}
	if t.finished {
		return
	}
	if t.over == nil {
		t.over = make(chan struct{})
	}
	t.inv.mu.Unlock()
	select {
	case <-t.over:
	case <-t.inv.closed:
	}
	t.inv.mu.Lock()
	by.check()
}

// panicError describes a panic that was recovered.
func panicError(v any) *op.PanicError {
	return &op.PanicError{Value: fmt.Sprint(v), Stack: stackLines(debug.Stack())}
}
