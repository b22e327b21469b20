// Package ledger groups what is owed.
package ledger

import (
	"iter"
	"maps"
	"slices"
)

// Entry is something owed.
type Entry struct {
	Merchant string `json:"merchant"`
	Currency string `json:"currency"`
	Cents    int64  `json:"cents"`
}

// ByMerchant sums up entries.
func ByMerchant(entries []Entry) map[string]int64 {
	sums := map[string]int64{}
	for _, e := range entries {
		sums[e.Merchant] += e.Cents
	}
	return sums
}

// Merchants are the merchants of some sums.
func Merchants(sums map[string]int64) []string {
	return slices.Collect(maps.Keys(sums))
}

// Sorted are they in the order of their names.
func Sorted(sums map[string]int64) []string {
	return slices.Sorted(maps.Keys(sums))
}

// Above are the sums above a limit.
func Above(sums map[string]int64, limit int64) iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for m, c := range sums {
			if c > limit && !yield(m, c) {
				return
			}
		}
	}
}
