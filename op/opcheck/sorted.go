package opcheck

import (
	"maps"
	"slices"
	"strings"
)

func compare(a, b string) int { return strings.Compare(a, b) }

// sorted are the members of a set.
func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// values are the effects, by kind.
func values(m map[string]effect) []effect {
	var all []effect
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, m[k])
	}
	return all
}
