// Package unit has what the depot handles.
package unit

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// Parcel is a parcel.
type Parcel struct {
	ID    string `json:"id"`
	Grams int    `json:"grams"`
	Zone  string `json:"zone"`
}

// ByZone groups parcels.
func ByZone(ps []Parcel) map[string][]Parcel {
	m := map[string][]Parcel{}
	for _, p := range ps {
		m[p.Zone] = append(m[p.Zone], p)
	}
	return m
}

// Zones lists the zones of some parcels.
func Zones(m map[string][]Parcel) []string {
	return slices.Collect(maps.Keys(m))
}

// Heavy lists those above a weight, the lightest first.
func Heavy(ps []Parcel, grams int) iter.Seq[Parcel] {
	sorted := slices.SortedFunc(slices.Values(ps), func(a, b Parcel) int { return cmp.Compare(a.Grams, b.Grams) })
	return func(yield func(Parcel) bool) {
		for _, p := range sorted {
			if p.Grams > grams && !yield(p) {
				return
			}
		}
	}
}
