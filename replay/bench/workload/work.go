// Package workload has kinds of work that two versions of the library can be compared by.
//
// It is compiled against both, so it keeps to what users have: it imports no internal package, and
// an event that is replayed is made of what a handler has sent when it ran for the first time.
package workload

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Work is one kind of work.
type Work struct {
	Name string
	// Means is what the work stands for.
	Means string
	// Prepare makes what is measured and returns what measures it once. Files go into folder, which
	// is empty.
	Prepare func(ctx context.Context, folder string) (Measure, error)
}

// Measure does the work once.
type Measure func(ctx context.Context) (Sample, error)

// Sample is what one measurement found, by unit.
type Sample map[string]float64

// The units that several kinds of work have.
const (
	// Micros is how long the work took.
	Micros = "µs"
	// Yardstick is how long something took that does not depend on the version, in microseconds.
	Yardstick = "yardstick-µs"
	// Allocs is how often each step allocates.
	Allocs = "allocs/step"
	// Heap is how much lives when results that are not used were replayed, as a multiple of the
	// event.
	Heap = "live-heap/event"
	// Calls is how many checkpoint calls were made.
	Calls = "calls"
	// Few is how long a fifth of the work took, in microseconds.
	Few = "fifth-µs"
)

// All returns all kinds of work.
func All() []Work {
	return slices.Concat(replayed(), first(), suspended(), stored())
}

// Find returns the work of this name.
func Find(name string) (Work, error) {
	for _, w := range All() {
		if w.Name == name {
			return w, nil
		}
	}
	return Work{}, fmt.Errorf("work: there is no work of the name %q", name)
}

// micros returns how long f takes, in microseconds.
func micros(f func() error) (float64, error) {
	began := time.Now()
	err := f()
	return float64(time.Since(began)) / float64(time.Microsecond), err
}

// tries is how often a measurement is repeated: the best of them is the one that other programs
// held up least.
const tries = 3

// best returns the shortest time that f takes of some tries, in microseconds.
func best(f func() error) (shortest float64, err error) {
	for i := range tries {
		took, err := micros(f)
		if err != nil {
			return 0, err
		}
		if i == 0 || took < shortest {
			shortest = took
		}
	}
	return shortest, nil
}

// The answers of a handler that goes to its end, and of one that waits.
const (
	pending   = `{"Status":"PENDING"}`
	succeeded = `{"Status":"SUCCEEDED"`
)

// invoke runs an invocation and checks its answer.
func invoke[Out any](
	ctx context.Context, c checkpoint.Client, f *replay.Function[op.None, Out], event []byte, want string,
) error {
	out, err := f.Invoke(checkpoint.WithClient(ctx, c), event)
	if err == nil && !strings.HasPrefix(string(out), want) {
		err = fmt.Errorf("work: the answer is %.200s, want %s", out, want)
	}
	return err
}
