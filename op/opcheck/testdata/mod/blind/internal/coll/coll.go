// Package coll has small helpers for slices and maps.
package coll

// GroupBy groups items by a key.
func GroupBy[K comparable, V any](items []V, key func(V) K) map[K][]V {
	out := make(map[K][]V)
	for _, it := range items {
		k := key(it)
		out[k] = append(out[k], it)
	}
	return out
}

// Entry is a key with what belongs to it.
type Entry[K comparable, V any] struct {
	Key   K
	Value V
}

// Entries returns the entries of a map.
func Entries[K comparable, V any](m map[K]V) []Entry[K, V] {
	out := make([]Entry[K, V], 0, len(m))
	for k, v := range m {
		out = append(out, Entry[K, V]{k, v})
	}
	return out
}

// Sum adds up what f says of each item.
func Sum[V any](items []V, f func(V) int64) (n int64) {
	for _, it := range items {
		n += f(it)
	}
	return n
}
