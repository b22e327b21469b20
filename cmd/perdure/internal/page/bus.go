package page

import "sync"

// Bus says which executions have changed. The zero value is not usable: make one with [NewBus].
type Bus struct {
	mu      sync.Mutex
	readers map[*reader]struct{}
}

// NewBus returns a bus without readers.
func NewBus() *Bus { return &Bus{readers: make(map[*reader]struct{})} }

// reader is one that is informed. What it has not read yet it has once for each execution.
type reader struct {
	bus *Bus

	mu   sync.Mutex
	news map[string]Execution
	wake chan struct{} // has one element if there are news
}

// Publish informs all readers of an execution. It does not wait for them.
func (b *Bus) Publish(e Execution) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for r := range b.readers {
		r.add(e)
	}
}

func (r *reader) add(e Execution) {
	r.mu.Lock()
	r.news[e.ARN] = e
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (b *Bus) join() *reader {
	r := &reader{bus: b, news: make(map[string]Execution), wake: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readers[r] = struct{}{}
	return r
}

func (r *reader) leave() {
	r.bus.mu.Lock()
	defer r.bus.mu.Unlock()
	delete(r.bus.readers, r)
}

// take returns the news and forgets them.
func (r *reader) take() map[string]Execution {
	r.mu.Lock()
	defer r.mu.Unlock()
	news := r.news
	r.news = make(map[string]Execution)
	return news
}
