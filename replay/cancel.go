package replay

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

var errNotCancellable = errors.New("replay: only waits can be cancelled")

// Cancel cancels a wait that was started with [Go]. It claims nothing and returns when the service
// has answered; whether the wait was cancelled or had ended before, its record decides: running
// the future's result gives op.ErrStopped or no error, the same on every replay. Cancelling a
// wait that has ended does nothing; anything but a wait is an error.
func Cancel[T any](ctx op.Context, f *Future[T]) error {
	h, ok := op.ScopeOf(ctx).(*handle)
	if !ok {
		return errNoContext
	}
	a, ok := f.result.Node().(*node.Await)
	if !ok {
		return errNoTarget
	}
	if a.Err != nil {
		return a.Err
	}
	o, ok := a.Target.(*operation)
	if !ok {
		return errNoTarget
	}
	if o.kind != checkpoint.KindWait && !o.done {
		return fmt.Errorf("%w: %s is a %s", errNotCancellable, quote(o.path()), o.kind)
	}
	return h.s.cancelWait(o)
}

// cancelWait asks the service to cancel a wait, unless it has ended.
func (s *scope) cancelWait(o *operation) error {
	if err := s.enter(o.head); err != nil {
		return err
	}
	defer s.leave()
	s.inv.mu.Lock()
	if err := s.alive(); err != nil {
		return err
	}
	rec, ok := s.inv.log.Get(o.id)
	if o.done || s.readOnly || s.probe != nil || ok && rec.Status.Terminal() {
		s.inv.mu.Unlock()
		return nil
	}
	if err := s.owned(o.head); err != nil {
		return err
	}
	seq := s.inv.writer.AddAlone(o.update(checkpoint.ActionCancel))
	s.inv.awaitAck(s.t, s, o, seq)
	s.inv.mu.Unlock()
	return nil
}
