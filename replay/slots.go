package replay

// slots bounds how many bodies run at once in a batch and all that is inside it. The nil slots
// are no bound.
type slots struct {
	free  int
	queue []*waiter
}

// take parks until a body may run. Called with the lock held.
func (sl *slots) take(t *task, s *scope, o *operation) {
	if sl == nil {
		return
	}
	for sl.free == 0 {
		w := &waiter{t: t, s: s, why: waitSlot, op: o}
		sl.queue = append(sl.queue, w)
		s.inv.park(w)
	}
	sl.free--
	t.held = sl
}

// give lets the next body run, if t has taken a place. Called with the lock held.
func (sl *slots) give(t *task) {
	if sl == nil || t.held != sl {
		return
	}
	t.held = nil
	sl.free++
	for len(sl.queue) > 0 {
		w := sl.queue[0]
		sl.queue = sl.queue[1:]
		if !w.woken {
			w.wake()
			return
		}
	}
}
