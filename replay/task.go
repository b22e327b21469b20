package replay

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"

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
	// at is the operation whose user code the goroutine runs; nil for that of its own path. It tells
	// where the goroutine was if that code ends it, which is why no deferred function sets it back. The
	// goroutine sets it without the lock, and others look.
	at atomic.Pointer[operation]
	// panicked is the value of a panic that was recovered while the goroutine was being ended.
	panicked any
}

// routine is what a goroutine of ours does.
type routine interface {
	// run is called without the lock.
	run(t *task)
	// ended is told with the lock held how the goroutine ended, unless the invocation closed or the task
	// was abandoned. err is not nil if run panicked.
	ended(err error)
}

// funcs is a routine made of functions.
type funcs struct {
	body func(t *task)
	end  func(err error)
}

func (f funcs) run(t *task)     { f.body(t) }
func (f funcs) ended(err error) { f.end(err) }

// spawn starts a goroutine of ours, counted before it runs.
func (inv *invocation) spawn(parent *task, path string, r routine) *task {
	t := &task{inv: inv, parent: parent, path: path}
	if parent != nil {
		parent.children = append(parent.children, t)
	}
	t.count()
	inv.tasks.Add(1)
	go func() {
		returned := false
		defer func() { t.left(recover(), returned, r) }()
		t.gid = goroutineID()
		r.run(t)
		returned = true
	}()
	return t
}

// left brings the task to its end when its goroutine ends. If the outcome is decided nobody wants to
// know how, and the lock that all of them would queue for is not taken.
func (t *task) left(v any, returned bool, r routine) {
	if t.inv.over() {
		t.warn(v)
	} else {
		t.inv.mu.Lock()
		told := t.end(returned, v, r)
		t.inv.mu.Unlock()
		if told {
			t.warn(v)
		}
	}
	t.inv.leave()
}

// warn reports the panic of a deferred function of a goroutine that was told to end. Called without
// the lock.
func (t *task) warn(v any) {
	if v == nil {
		v = t.panicked
	}
	if v != nil {
		t.inv.logger().Warn("a deferred function panicked while its goroutine was ended",
			pathAttr(t.path), panicAttr(v))
	}
}

// end classifies how the goroutine ended. Whether it was told to is known by the phase and by
// dead, not by what recover says: deferred functions may panic on the way out.
func (t *task) end(returned bool, v any, r routine) (told bool) {
	inv := t.inv
	t.finished = true
	told = inv.phase != running || t.dead
	switch {
	case told:
	case returned:
		r.ended(nil)
	case v != nil:
		r.ended(panicError(v))
	default:
		inv.fail(fmt.Errorf("%w: in %s", ErrExited, place(t.where())))
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
	return told
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

// where is the path of the user code that the goroutine runs; empty for the handler's.
func (t *task) where() string {
	if o := t.at.Load(); o != nil {
		return o.path()
	}
	return t.path
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
