package main

import (
	"fmt"
	"slices"

	"github.com/perdure/perdure/replay/bench/workload"
)

// goal is a number that one kind of work is to keep.
type goal struct {
	work, means string
	// of is the number that one turn has found.
	of func(p pair) float64
	// most is the largest number that keeps the goal, or, if atLeast is set, the smallest one.
	most    float64
	atLeast bool
	// unit is the number of the new version, and that of the old one, that are printed beside it.
	unit string
}

// goals returns all goals. A goal that compares with the old version is a ratio to it; the others
// are numbers of the new version alone.
func goals() []goal {
	return []goal{
		{work: "replay", means: "time, old = 1", of: toOld(workload.Micros), most: 0.75, unit: workload.Micros},
		{work: "replay", means: "time, encoding/json = 1", of: within(workload.Micros, workload.Yardstick), most: 0.4, unit: workload.Yardstick},
		{work: "replay", means: "allocations a step", of: fresh(workload.Allocs), most: 3, unit: workload.Allocs},
		{work: "replay", means: "live heap, old = 1", of: toOld(workload.Heap), most: 0.8, unit: workload.Heap},
		{work: "first-run", means: "time, old = 1", of: toOld(workload.Micros), most: 0.32, unit: workload.Micros},
		{work: "short", means: "time, old = 1", of: toOld(workload.Micros), most: 0.45, unit: workload.Micros},
		{work: "nested", means: "time, a fifth of them = 1", of: within(workload.Micros, workload.Few), most: 6, unit: workload.Micros},
		{work: "waiting", means: "time, old = 1", of: toOld(workload.Micros), most: 0.4, unit: workload.Micros},
		{work: "map", means: "time, old = 1", of: toOld(workload.Micros), most: 0.95, unit: workload.Micros},
		{work: "map", means: "calls", of: fresh(workload.Calls), most: 17, unit: workload.Calls},
		{work: "suspend", means: "time, plain Goexits = 1", of: within(workload.Micros, workload.Yardstick), most: 4, unit: workload.Micros},
		{work: "sqlite-input", means: "time, old = 1", of: toOld(workload.Micros), most: 0.38, unit: workload.Micros},
		{work: "sqlite-list", means: "time, old = 1", of: toOld(workload.Micros), most: 0.01, unit: workload.Micros},
		{work: "sqlite-64", means: "throughput, old = 1", of: ofOld(workload.Micros), most: 1.1, atLeast: true, unit: workload.Micros},
	}
}

// toOld is a number of the new version as a multiple of the old one's, ofOld the other way round.
func toOld(unit string) func(pair) float64 {
	return func(p pair) float64 { return p.fresh[unit] / p.old[unit] }
}

func ofOld(unit string) func(pair) float64 {
	return func(p pair) float64 { return p.old[unit] / p.fresh[unit] }
}

// within is a number of the new version as a multiple of another one that it has measured in the
// same turn.
func within(unit, yardstick string) func(pair) float64 {
	return func(p pair) float64 { return p.fresh[unit] / p.fresh[yardstick] }
}

func fresh(unit string) func(pair) float64 {
	return func(p pair) float64 { return p.fresh[unit] }
}

const header = "work          number                     goal     median   (quartiles)            old -> new, not judged         kept"

// judge returns the line of a goal, and whether the median keeps it.
func (g goal) judge(pairs []pair) (line string, held bool) {
	var values, olds, news []float64
	for _, p := range pairs {
		values, olds, news = append(values, g.of(p)), append(olds, p.old[g.unit]), append(news, p.fresh[g.unit])
	}
	low, middle, high := quartiles(values)
	_, before, _ := quartiles(olds)
	_, after, _ := quartiles(news)
	sign, word := "<=", "kept"
	held = middle <= g.most
	if g.atLeast {
		sign, held = ">=", middle >= g.most
	}
	if !held {
		word = "MISSED"
	}
	return fmt.Sprintf("%-13s %-25s %s %-5.4g %8.3g   (%.3g to %.3g)%-8s %10.4g -> %-10.4g %-15s %s",
		g.work, g.means, sign, g.most, middle, low, high, "", before, after, g.unit, word), held
}

// quartiles returns the lower quartile, the median and the upper quartile.
func quartiles(values []float64) (low, middle, high float64) {
	sorted := slices.Sorted(slices.Values(values))
	at := func(quarter int) float64 { return sorted[(len(sorted)-1)*quarter/4] } //nolint:mnd // quarters
	return at(1), at(2), at(3)                                                   //nolint:mnd // quarters
}
