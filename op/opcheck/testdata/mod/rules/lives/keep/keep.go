// Package keep keeps things while the process lives.
package keep

import (
	"sync"
	"sync/atomic"
)

type Cache[K comparable, V any] struct {
	mu sync.Mutex
	m  map[K]V
}

func New[K comparable, V any]() *Cache[K, V] { return &Cache[K, V]{m: map[K]V{}} }

func (c *Cache[K, V]) Get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.m[k]
	return v, ok
}

func (c *Cache[K, V]) Put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m[k] = v
}

var seq atomic.Int64

func Next() int64 { return seq.Add(1) }

type Breaker struct{ fails int }

func (b *Breaker) Open() bool { return b.fails > 3 }

func (b *Breaker) Fail() { b.fails++ }

func Each[K comparable, V any](m map[K]V, do func(K, V) error) error {
	for k, v := range m {
		if err := do(k, v); err != nil {
			return err
		}
	}
	return nil
}
