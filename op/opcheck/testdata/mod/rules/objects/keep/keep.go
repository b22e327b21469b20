// Package keep has what handlers of other packages use.
package keep

import (
	"context"
	"iter"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// List is a list that grows.
type List struct{ items []string }

// Add makes it longer.
func (l *List) Add(s string) { l.items = append(l.items, s) }

// All are its items.
func (l *List) All() []string { return l.items }

// Step has its body add to a list.
func Step(l *List) op.Op[op.None] {
	return op.Do("add", func(context.Context) error {
		l.Add("a")
		return nil
	})
}

// Deeper does so through another function.
func Deeper(l *List) op.Op[op.None] { return Step(l) }

// Count has its body write a number, and Mark a map.
func Count(n *int) op.Op[op.None] {
	return op.Do("count", func(context.Context) error {
		*n++
		return nil
	})
}

// Mark has its body write a map.
func Mark(m map[string]bool) op.Op[op.None] {
	return op.Do("mark", func(context.Context) error {
		m["a"] = true
		return nil
	})
}

// Poll loops and does not look at its context.
func Poll(ctx context.Context, n int) error {
	for range n {
		time.Sleep(time.Second)
	}
	return nil
}

// Asks looks at it.
func Asks(ctx context.Context, n int) error {
	for range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
	return nil
}

// Allowed says why it does not.
func Allowed(ctx context.Context) error {
	for range 2 {
		time.Sleep(time.Second) //perdure:allow ignorescontext two rounds are short
	}
	return nil
}

// Region is read once in a process.
var Region = sync.OnceValue(func() string { return os.Getenv("REGION") })

// Above goes through a map.
func Above(m map[string]int, least int) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for k, v := range m {
			if v > least && !yield(k, v) {
				return
			}
		}
	}
}

// Names goes through an iterator over a map.
func Names(m map[string]int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for k := range maps.Keys(m) {
			if !yield(k) {
				return
			}
		}
	}
}

// Sorted goes through the sorted keys.
func Sorted(m map[string]int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k) {
				return
			}
		}
	}
}

// Shop is the receiver of handlers.
type Shop struct {
	orders  int
	served  int
	client  *List
	allowed int
}

// Counts decides by how many orders the process has had.
func (s *Shop) Counts(ctx op.Context, _ string) (int, error) {
	s.orders++
	if s.orders > 100 {
		return 0, nil
	}
	return 1, replay.Exec(ctx, op.Wait("a", time.Second))
}

// Counted writes only, and makes its client when it is needed.
func (s *Shop) Counted(ctx op.Context, _ string) (int, error) {
	s.served++
	if s.client == nil {
		s.client = &List{}
	}
	return 1, replay.Exec(ctx, op.Wait("a", time.Second))
}
