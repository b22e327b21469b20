// Package cputime measures work by the time for which the process had a processor: on a machine
// that does other things as well, that says more than the time that has passed.
package cputime

import "time"

// Of returns how long the process has had processors while f ran: what else the process does
// meanwhile counts as well, the collection of garbage above all.
func Of(f func()) time.Duration {
	began := spent()
	f()
	return spent() - began
}
