package local

// InvokeAgain ends the pause after which a failed invocation of an execution is repeated: the
// function is invoked now. It reports whether there was such a pause; without one it does nothing.
// The error is [ErrNotFound] if there is no such execution, or says that the service is closed.
func (s *Service) InvokeAgain(arn string) (paused bool, err error) {
	s.mu.Lock()
	e, ok := s.byARN[arn]
	s.mu.Unlock()
	if !ok {
		_, err := s.Record(arn)
		return false, err
	}
	if !s.enter() {
		return false, ErrClosed
	}
	defer s.leave()
	key := TimerKey{Purpose: PurposeInvocation}
	err = e.transact(true, func(d *draft) error {
		if _, paused = e.timers[key]; !paused {
			d.nothing = true
			return nil
		}
		d.clear = append(d.clear, key)
		d.fire(key)
		return nil
	})
	return paused, err
}
