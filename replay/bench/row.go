package bench

import (
	"context"
	"slices"
	"time"
)

// Row is one kind of work that is measured.
type Row struct {
	Name string
	// Means is what the row says to a user.
	Means string
	// Measure does the work once and returns how it ended.
	Measure func(ctx context.Context, size Size) ([]Metric, error)
}

// Metric is a measured number. Most is the goal, zero if there is none.
type Metric struct {
	Unit  string
	Value float64
	Most  float64
	// Limit is what a later change must keep, with room for a busy machine; zero if it may be
	// anything. A count has its goal for a limit, a ratio about one and a half of what was reached.
	Limit float64
}

// Passes reports whether the metric keeps its limit.
func (m Metric) Passes() bool { return m.Limit == 0 || m.Value <= m.Limit }

// Held reports whether the metric keeps its goal.
func (m Metric) Held() bool { return m.Most == 0 || m.Value <= m.Most }

// Size says how much work a run does.
type Size struct {
	Steps   int // of an execution that is replayed
	Live    int // steps that run one after the other
	Turns   int // of work and yardstick
	Starts  int // of each program
	Nested  int // operations of the deep execution
	Payload int // bytes of the largest log
}

// Full is the size that figures are taken at.
func Full() Size {
	return Size{Steps: 2800, Live: 300, Turns: 9, Starts: 30, Nested: 25_000, Payload: 128 << 20}
}

// Quick is the size that shows that everything still runs.
func Quick() Size {
	return Size{Steps: 100, Live: 8, Turns: 1, Starts: 1, Nested: 2000, Payload: 1 << 20}
}

// Rows returns all rows.
func Rows() []Row {
	return slices.Concat(replayRows(), declaredRows(), rehearseRows(), depthRows(), sequentialRows(), relaxedRows(), longRows(), mapRows(), suspendRows(),
		workRows(), coldRows())
}

// turns measures work and yardstick one after the other, n times, and returns both medians.
func turns(n int, work, yardstick func() (time.Duration, error)) (worked, floor time.Duration, err error) {
	var ws, fs []time.Duration
	for range n {
		f, err := yardstick()
		if err != nil {
			return 0, 0, err
		}
		w, err := work()
		if err != nil {
			return 0, 0, err
		}
		ws, fs = append(ws, w), append(fs, f)
	}
	return median(ws), median(fs), nil
}

// timed returns how long f takes.
func timed(f func() error) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		began := time.Now()
		err := f()
		return time.Since(began), err
	}
}

func median(ds []time.Duration) time.Duration {
	ds = slices.Clone(ds)
	slices.Sort(ds)
	return ds[len(ds)/2]
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
