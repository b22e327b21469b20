// Package loop has loops.
package loop

import "time"

// Each calls f for all, until one fails.
func Each[T any](items []T, f func(T) error) error {
	for _, it := range items {
		if err := f(it); err != nil {
			return err
		}
	}
	return nil
}

// A Backoff is a time that grows.
type Backoff struct{ d time.Duration }

// Pause pauses.
func (b *Backoff) Pause() {
	b.d = 2*b.d + time.Second
	<-time.NewTimer(b.d).C
}
