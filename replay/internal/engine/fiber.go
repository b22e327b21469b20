package engine

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"github.com/perdure/perdure/internal/turn"
)

// fiber is a goroutine of ours: that of the handler, of a branch, of an operation that was started
// by Go. Its fields are touched with the turn.
//
// It has many methods: they are the verbs of the straight-line code that it runs. Each kind of
// parking is one.
type fiber struct {
	*turn.Strand
	visit
	member

	inv      *invocation
	routine  routine
	children []*fiber // which it has begun
	// wait is what it is parked for.
	wait wait
	// cause is the latest end that it has waited for.
	cause cause
	// logOnly says that it only goes as far as the log reaches: it begins nothing and records
	// nothing.
	logOnly bool
	// look is what it looks for if it only finds out with which operation a function begins; else
	// nil.
	look *look
	// supposed says that a rehearsal has begun it before its time: what it finds may never happen.
	supposed bool
	// body is its place among those that wait for their turn to run a body.
	body bodyWait
	// held are the places among the running bodies that it has taken.
	held *slots
	// unbegun is the step whose START is queued and whose body has not begun; nil if there is none.
	unbegun *step
	fiberEnd
}

// visit is where in the user's code a fiber is.
type visit struct {
	// path is that of the operation that the fiber was begun for; empty for the handler's.
	path string
	// at is the operation whose function of the user's it runs; nil for that of its own path.
	// Goroutines without the turn look at it.
	at      atomic.Pointer[operation]
	calling calling // of the user's, by the engine
	// panicked is the value of a panic that was recovered while it was being ended.
	panicked   any
	panicStack []slog.Attr // of that
}

// member is a fiber's part in a batch.
type member struct {
	// batch is the innermost one that it is inside of; nil if there is none.
	batch *batch
	// moving says that it will go on by itself, without a body and without the service.
	moving bool
}

// fiberEnd is how a fiber ends that others end.
type fiberEnd struct {
	// ending says that it was ended, for deferred functions and those that do not have the turn.
	ending atomic.Bool
	// cancel ends the contexts of what it runs; may be nil.
	cancel context.CancelCauseFunc
	// waiters wait until it has ended.
	waiters []*fiber
}

// routine is what a fiber does.
type routine interface {
	// run is called with the turn.
	run(f *fiber)
	// ended is called with the turn when run has returned, err is nil then, or panicked. It is not
	// called if the fiber was ended.
	ended(err error)
}

// funcs is a routine made of functions.
type funcs struct {
	body func(f *fiber)
	end  func(err error)
}

func (r funcs) run(f *fiber)    { r.body(f) }
func (r funcs) ended(err error) { r.end(err) }

// spawn begins a fiber, behind those that are ready. With the turn.
func (inv *invocation) spawn(up *fiber, in *batch, path string, r routine) *fiber {
	f := &fiber{inv: inv, visit: visit{path: path}, member: member{batch: in}, routine: r}
	var parent *turn.Strand
	if up != nil {
		parent, f.logOnly, f.supposed = up.Strand, up.logOnly, up.supposed
		up.children = append(up.children, f)
	}
	f.Strand = inv.turn.Spawn(parent, f)
	return f
}

// Run is what the goroutine of the fiber does.
func (f *fiber) Run() { f.routine.run(f) }

// Left classifies how the goroutine ended. Whether it was ended is known by the strand, not by what
// recover says: deferred functions may panic on the way out.
func (f *fiber) Left(v any, returned bool) {
	if v != nil {
		f.panicStack = StackOf(panicError(v))
	}
	switch {
	case f.Dead():
		if v == nil {
			v = f.panicked
		}
		if v != nil {
			warn(f.inv, "a deferred function panicked while its goroutine was ended", append(f.panicStack, pathAttr(f.path), f.usersPanic(v))...)
		}
	case returned:
		f.routine.ended(nil)
	case v != nil: // functions of the user's are guarded
		f.inv.Crashed(v, debug.Stack())
	default:
		f.inv.fail(f.exited())
	}
	f.releaseSlots()
	for _, w := range f.waiters {
		w.Wake()
	}
}

// usersPanic describes the value of a panic as usersError does an error.
func (f *fiber) usersPanic(v any) slog.Attr {
	if f.inv.cfg.ErrorCodec == nil {
		return panicAttr(v)
	}
	return panicAttr(fmt.Sprintf("%T (what it says passes the codec of errors)", v))
}

// Ended is called when the fiber is ended by others: it will run no more but its deferred
// functions.
func (f *fiber) Ended() {
	f.ending.Store(true)
	f.setMoving(false)
	f.releaseSlots()
	switch f.wait.why { // it does not come back to where it was counted
	case waitDone, waitRoom:
		f.inv.waits.joining--
	case waitGone:
		f.inv.waits.outlasting--
	case waitID:
		f.inv.waits.naming--
	case waitNone, waitAck, waitEnd, waitRecord, waitGate, waitBody, waitChild, waitUndone, waitCatchUp, waitStopped, waitLook, waitLeft:
	}
	if f.unbegun != nil {
		f.unbegun.withdraw()
		f.unbegun = nil
	}
	if f.cancel != nil {
		f.cancel(errEnded)
	}
}

// where is the path of the user's function that the fiber runs; empty for the handler's.
func (v *visit) where() string {
	if o := v.at.Load(); o != nil {
		return o.path()
	}
	return v.path
}

// setMoving notes whether the fiber moves: whether it will go on without a body and without the
// service. As long as a fiber inside a batch moves, the batch does not know which of its branches
// ended first.
func (f *fiber) setMoving(moving bool) {
	if f.moving == moving {
		return
	}
	f.moving = moving
	d := 1
	if !moving {
		d = -1
	}
	for b := f.batch; b != nil; b = b.f.batch {
		b.movers += d
	}
}

// moves reports whether the fiber, or what it waits for, will go on without a body and without the
// service.
func (f *fiber) moves() bool {
	if f.moving {
		return true
	}
	if _, off := f.IsOff(); off || f.Dead() || f.Gone() {
		return false
	}
	switch w := &f.wait; w.why {
	case waitDone:
		return w.op.f != nil && w.op.f.moves()
	case waitRoom:
		return slices.ContainsFunc(w.any, func(o *operation) bool { return o.f != nil && o.f.moves() })
	case waitChild:
		return mayEndEarlier(w.batch)
	case waitAck, waitRecord, waitID, waitGate, waitUndone, waitBody, waitEnd, waitGone, waitStopped, waitCatchUp, waitLook, waitLeft, waitNone:
	}
	return false
}

// offBody runs the body of an operation off the turn.
func (f *fiber) offBody(o *operation, run func()) {
	at := f.at.Swap(o)
	f.Off(turn.Body, run)
	f.at.Store(at)
}

// offWork runs a conversion of the user's off the turn, if it is one that may take time.
func (f *fiber) offWork(run func()) {
	f.setMoving(true)
	f.Off(turn.Work, run)
	f.setMoving(false)
}

// awaitGone waits until other and all that it has begun have ended, which were ended: what is to be
// undone must not be going on.
func (f *fiber) awaitGone(other *fiber) {
	for _, k := range other.children {
		f.awaitGone(k)
	}
	for !other.Gone() {
		other.waiters = append(other.waiters, f)
		f.inv.waits.outlasting++
		f.park(wait{why: waitGone, path: other.path})
		f.inv.waits.outlasting--
	}
}
