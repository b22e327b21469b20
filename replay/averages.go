package replay

import (
	"sync"
	"time"
)

// averages are the durations of bodies by the name of their operation. They are the only thing
// that the invocations of a process share; they steer when START is sent, never what is done.
type averages struct {
	mu   sync.Mutex
	mean map[string]time.Duration
}

// maxNames bounds the memory of a handler that makes up names.
const maxNames = 4096

// of returns the average duration; known is false if no body of this name has ended yet.
func (a *averages) of(name string) (mean time.Duration, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	mean, known = a.mean[name]
	return mean, known
}

// add takes in the duration of a body. Recent ones weigh more.
func (a *averages) add(name string, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mean == nil {
		a.mean = make(map[string]time.Duration)
	}
	old, known := a.mean[name]
	switch {
	case known:
		a.mean[name] = (3*old + took) / 4
	case len(a.mean) < maxNames:
		a.mean[name] = took
	}
}
