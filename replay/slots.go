package replay

// slots bounds how many bodies run at once in a batch and all that is inside it. The nil slots
// are no bound.
type slots struct {
	up    *slots // of the batch around it; nil if that has no bound
	free  int
	queue []*waiter
}

// take parks until a body may run. Called with the lock held.
func (sl *slots) take(t *task, s *scope, o *operation) {
	for ; sl != nil; sl = sl.up {
		for sl.free == 0 {
			w := &waiter{t: t, s: s, why: waitSlot, op: o}
			sl.queue = append(sl.queue, w)
			t.wants = sl
			s.inv.park(w)
			t.wants = nil
		}
		sl.free--
		t.held = append(t.held, sl)
	}
}

// give lets the next bodies run, if t has taken places. Called with the lock held.
func (t *task) give() {
	for _, sl := range t.held {
		sl.free++
		sl.next()
	}
	t.held = nil
}

// next wakes the first that waits for a place.
func (sl *slots) next() {
	for len(sl.queue) > 0 {
		w := sl.queue[0]
		sl.queue = sl.queue[1:]
		if !w.woken {
			w.wake()
			return
		}
	}
}
