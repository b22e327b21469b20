package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/guard"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// All functions of the user's, and the methods of their values, are called here.
//
//  1. A panic becomes an [*op.PanicError] with its stack.
//  2. Otherwise an error whose methods cannot be called, that of a nil pointer above all, becomes
//     one that says so: see package guard.
//  3. A Goexit cannot be stopped. [fiber.Left] notices the end of the goroutine, and fails the
//     execution with [ErrExited] and what was called.
//  4. A function that does not return holds up nothing but the invocation: the deadline ends it.

// role is what a function of the user's is there for.
type role int32

const (
	ofScope role = iota // the function of the handler, a group, a branch, or the body of a step
	ofBuilder
	ofRule
	ofPolicy
	ofCodec
	ofResult
	ofError
	ofSummary
	ofEnd
	ofObserver
)

// String names the function to people.
func (r role) String() string {
	return [...]string{
		"the function", "the builder or key function", "the completion rule", "the retry policy or a filter", "the codec",
		"a function of op.Transform or MapError, a builder or a codec", "a method of an error", "the summary",
		"a function of replay.OnEnd", "an interceptor",
	}[r]
}

// calling is what a goroutine calls: for the error of one that ends in it.
type calling struct {
	role role
	name string
}

// call runs a function of the user's that the engine calls on the fiber's goroutine. name is that
// of the operation it belongs to.
func (f *fiber) call(r role, name string, fn func() (any, error)) (result any, err error) {
	outer := f.calling
	f.calling = calling{r, name} // not taken back when the call ends the goroutine
	var panicked bool
	result, panicked, err = caught(fn)
	f.calling = outer
	if panicked && r.saysPanic() {
		sayCallPanicked(f, r, name, err)
	}
	return result, err
}

// saysPanic reports whether a panic is logged where it was called: what else calls functions says
// so itself.
func (r role) saysPanic() bool { return r != ofScope && r != ofSummary && r != ofEnd }

// observing notes that the fiber's goroutine calls the observer while fn runs.
func (v *visit) observing(fn func()) {
	outer := v.calling
	v.calling = calling{role: ofObserver}
	fn()
	v.calling = outer
}

// exited is the error of an execution in which user code ended its goroutine.
func (v *visit) exited() error {
	c, what := v.calling, advice(ErrExited)
	switch {
	case c.role == ofScope:
		return fmt.Errorf("%w: in %s; %s", ErrExited, placeOf(v.where()), what)
	case c.name == "":
		return fmt.Errorf("%w: %s, in %s; %s", ErrExited, c.role, placeOf(v.where()), what)
	}
	return fmt.Errorf("%w: %s of %s, in %s; %s", ErrExited, c.role, quote(c.name), placeOf(v.where()), what)
}

// guarded runs a function of the user's: its panic, and an error that cannot be asked, become
// errors.
func guarded[T any](fn func() (T, error)) (v T, err error) {
	v, _, err = caught(fn)
	return v, err
}

// caught is guarded, and reports whether fn panicked.
func caught[T any](fn func() (T, error)) (v T, panicked bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			var zero T
			v, panicked, err = zero, true, panicError(p)
		}
	}()
	if v, err = fn(); err != nil {
		err = sound(err)
	}
	return v, false, err
}

// ours gives the error of a panic the type that users know, also within marks of package retry.
func ours(err error) error {
	p, ok := retry.Strip(err).(*guard.Panic) //nolint:errorlint // as package guard makes it
	if !ok {
		return err
	}
	public := error((*op.PanicError)(p))
	if delay, ok := retry.DelayOf(err); ok {
		public = retry.After(delay, public)
	}
	if retry.IsPermanent(err) {
		public = retry.Permanent(public)
	}
	return public
}

// sound returns err if its methods can be called, else an error in its place. An error of ours
// stays what it is, without what it wraps if that cannot be asked; a nil pointer to one is none.
func sound(err error) error {
	switch e := err.(type) { //nolint:errorlint // our own, as they stand
	case *op.Error:
		switch {
		case e == nil:
		case !slices.ContainsFunc(e.Known, unsound):
			return e
		default:
			alone := *e
			alone.Known = nil
			return &alone
		}
	case *op.PanicError:
		if e != nil {
			return e
		}
	case *codec.Error:
		switch {
		case e == nil:
		case !unsound(e.Unwrap()):
			return e
		default:
			return &codec.Error{Operation: e.Operation, ID: e.ID, Part: e.Part, Decoding: e.Decoding, Transient: e.Transient, Reason: e.Reason}
		}
	}
	return ours(guard.Sound(err))
}

// unsound reports whether methods of an error cannot be called.
func unsound(err error) bool { return !guard.IsSound(err) }

// Sound returns the error of a function of the user's if its methods can be called, else an error
// in its place.
func Sound(err error) error { return sound(err) }

// Guard runs a function of the user's and returns its panic as an error.
func Guard(fn func()) error {
	_, err := guarded(func() (any, error) { fn(); return nil, nil })
	return err
}

// runScope runs the function of a scope, which has the turn meanwhile, with as few frames as can
// be: a goroutine that ends while it is parked goes back through its whole stack, which is most of
// what an invocation with many of them does when it suspends.
func runScope(f *fiber, b node.ScopeBody, h *Handle) (v any, err error) {
	f.calling = calling{}
	defer func() {
		if p := recover(); p != nil {
			failed := panicError(p)
			f.panicked, f.panicStack = p, StackOf(failed)
			v, err = nil, failed
		}
	}()
	f.inv.turn.Leave(&h.s.Seat)
	return b.Run(h)
}

// regained takes the turn back when the function of a scope has returned, and its error in a form
// that can be asked.
func regained(f *fiber, err error) error {
	f.Regain()
	if f.panicked != nil {
		f.panicked = nil
		sayPanicked(f, err)
	}
	return sound(err)
}

// regainedInside is regained for a function that belongs to a call of the scope, which gives the
// error to user code.
func regainedInside(f *fiber, err error) error {
	f.Regain()
	f.panicked = nil
	return sound(err)
}

// scopeFunc is the function of the handler as that of a scope.
type scopeFunc func(s node.Scope) (any, error)

func (f scopeFunc) Run(s node.Scope) (any, error) { return f(s) }

// panicError describes a panic that was recovered.
func panicError(v any) *op.PanicError { return (*op.PanicError)(guard.Recovered(v)) }

// encodeFailure is err, of the operation that m names, as the wire carries it.
func encodeFailure(f *fiber, m codec.Meta, err error, known []codec.KnownError) *checkpoint.Failure {
	return closedFailure(f, m, shortened(f.inv, plainFailure(f, m, err, known)))
}

// plainFailure is err as the wire carries it where errors pass no codec.
func plainFailure(f *fiber, m codec.Meta, err error, known []codec.KnownError) (fail *checkpoint.Failure) {
	f.convertErrors(known, usersIn(err), func() {
		_, failed := f.call(ofError, "", func() (any, error) {
			fail = f.inv.cfg.failureOf(err, known, m.OperationID != "")
			return nil, nil
		})
		if failed != nil {
			fail = f.inv.cfg.failure(failed, nil)
		}
	})
	return fail
}

// convertErrors writes or restores errors. Those of the user's types that are registered are
// marshalled by code of the user's, which may take time: off the turn. Others stay on it, so that
// what fails at once travels in one call. With the turn.
func (f *fiber) convertErrors(known []codec.KnownError, users bool, run func()) {
	if !users || len(known) == 0 && len(f.inv.cfg.Known) == 0 || f.Dead() {
		run()
		return
	}
	f.offWork(run)
}

// usersIn reports whether an error, or one that it wraps, is of a type of the user's. It calls no
// method of such an error.
func usersIn(err error) bool {
	full := strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
	if _, record := err.(*op.Error); record { //nolint:errorlint // each error of the tree by itself
		return false // what it restores is in it as it was recorded
	}
	if !foreign(full) {
		return true
	}
	return slices.ContainsFunc(guard.Unwrap(err), usersIn)
}

// childOf makes an operation of a batch. A builder that panics makes one that is invalid.
func childOf(f *fiber, n *node.Batch, i int) node.Node {
	o, err := f.call(ofBuilder, n.Name, func() (any, error) { return n.Child(i), nil })
	if err != nil {
		return &node.Await{Header: node.Header{Err: fmt.Errorf("the builder of item %d: %w", i, err)}}
	}
	made, _ := o.(node.Node)
	return made
}
