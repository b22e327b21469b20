package engine

import (
	"runtime"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
)

// convert runs a conversion with a codec: one of the user's off the turn, for it may take time, a
// built-in one at once.
func (f *fiber) convert(c codec.Codec, run func()) {
	if codec.Pure(c) || f.Dead() {
		run()
		return
	}
	f.offWork(run)
}

// Decode decodes a payload of one of the scope's operations. What we wrote and cannot read any
// more has been written by other code. It is called with the turn, or by code that is off it.
func (s *scope) Decode(r node.Record, payload []byte, v any) error {
	c := r.Codec
	if c == nil {
		c = s.inv.cfg.Codec
	}
	f := s.inv.caller()
	if f == nil {
		return s.plainDecode(c, r, payload, v)
	}
	var err error
	if codec.Pure(c) {
		err = codec.Decode(s.ctx, c, r.Meta, payload, v)
	} else {
		err = s.decodeOff(f, c, r, payload, v)
	}
	if err != nil && r.Replayed && !r.Outside {
		if f.look {
			f.stop(s)
		}
		s.inv.fail(s.divergence(s.undecodable(r, err)))
		f.last()
	}
	return err
}

// decodeOff decodes off the turn.
func (s *scope) decodeOff(f *fiber, c codec.Codec, r node.Record, payload []byte, v any) (err error) {
	f.convert(c, func() { err = codec.Decode(s.ctx, c, r.Meta, payload, v) })
	return err
}

// plainDecode decodes without the turn: in the body of an operation.
func (s *scope) plainDecode(c codec.Codec, r node.Record, payload []byte, v any) error {
	err := codec.Decode(s.ctx, c, r.Meta, payload, v)
	if err != nil && r.Replayed && !r.Outside && !s.inv.over() {
		s.inv.fail(s.divergence(s.undecodable(r, err)))
		runtime.Goexit()
	}
	return err
}

// plainSource decodes where that is no divergence: to see whether a payload can be read at all.
type plainSource struct{ s *scope }

func (p plainSource) Decode(r node.Record, payload []byte, v any) error {
	c := r.Codec
	if c == nil {
		c = p.s.inv.cfg.Codec
	}
	return codec.Decode(p.s.ctx, c, r.Meta, payload, v)
}

// running is the fiber that has the turn. It is often, but not always, that of a scope's function: an
// operation that was started by Go has a fiber of its own, and the scope's may be inside a body meanwhile.
// With the turn, on the goroutine of a fiber.
func (inv *invocation) running() *fiber { return inv.turn.Running().Task().(*fiber) } //nolint:forcetypeassert // no others are spawned

// caller is the fiber whose goroutine is calling, if it has the turn; nil if not.
func (inv *invocation) caller() *fiber {
	s := inv.turn.Caller()
	if s == nil {
		return nil
	}
	f, _ := s.Task().(*fiber)
	return f
}
