package demo

import (
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// crash loses the function once, as the death of its process would: nothing that it says from then
// on is heard, and after a pause the service invokes it again.
type crash struct {
	path   string
	moment local.Moment
	done   bool
}

// CrashAfter loses the function once, when the outcome of the operation at a path has been
// recorded: it is replayed.
func (d *Demo) CrashAfter(path string) {
	d.crashes = append(d.crashes, &crash{path: path, moment: local.MomentAfterCall})
}

// CrashBefore loses the function once, when the body of the step at a path has run and its outcome
// has not been recorded: the body runs again.
func (d *Demo) CrashBefore(path string) {
	d.crashes = append(d.crashes, &crash{path: path, moment: local.MomentBeforeCall})
}

// loses reports whether the function is lost at a point. A demo has one execution, whose calls come
// one after the other.
func (d *Demo) loses(at local.Point) bool {
	for _, c := range d.crashes {
		if c.done || c.moment != at.Moment {
			continue
		}
		for _, u := range at.Updates {
			if !last(u) || d.p.path(u.ID) != c.path {
				continue
			}
			c.done = true
			if c.moment == local.MomentBeforeCall {
				d.p.line("CRASH", c.path, "the body has run, its outcome is not recorded")
			} else {
				d.p.line("CRASH", c.path, "the outcome is recorded")
			}
			return true
		}
	}
	return false
}

// last reports whether an update is the last that the function makes of an operation: what follows
// the START of a wait or a callback is up to the service.
func last(u checkpoint.Update) bool {
	return u.Action == checkpoint.ActionSucceed || u.Action == checkpoint.ActionFail ||
		u.Kind == checkpoint.KindWait || u.Kind == checkpoint.KindCallback
}
