package local

import "context"

// Gated is a [Handler] that cannot run any number of invocations at once, such as a program in
// processes of its own.
type Gated interface {
	Handler
	// Enter waits until another invocation may begin. The service calls it before the invocation
	// begins, so that waiting takes none of the time that the function has, and calls leave when
	// the invocation has ended. The error is that of ctx, or why nothing will begin any more; the
	// function is called then all the same, and says so itself.
	Enter(ctx context.Context) (leave func(), err error)
}

// admit waits until the function of an execution may be invoked, and returns what is to be called
// when that invocation has ended. It reports whether the service still runs.
func (s *Service) admit(e *Execution) (leave func(), ok bool) {
	h, _ := s.target(e.function)
	gate, gated := h.handler.(Gated)
	if !gated {
		return func() {}, true
	}
	leave, err := gate.Enter(s.base)
	if err != nil {
		return func() {}, s.down() == nil
	}
	return leave, true
}
