package engine

// slots bounds how many bodies run at once in a batch and all that is inside it. The nil slots
// are no bound.
type slots struct {
	up   *slots // of the batch around it; nil if that has no bound
	free int
}

// take takes a place in sl and all around it. It reports whether there was one in each.
func (f *fiber) take(sl *slots) bool {
	for at := sl; at != nil; at = at.up {
		if at.free == 0 {
			return false
		}
	}
	for at := sl; at != nil; at = at.up {
		at.free--
	}
	f.held = sl
	return true
}

// give gives the places back that the fiber has taken.
func (f *fiber) give() {
	for at := f.held; at != nil; at = at.up {
		at.free++
	}
	f.held = nil
}
