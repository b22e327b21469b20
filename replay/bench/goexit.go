package bench

import (
	"runtime"
	"sync"
	"time"
)

// goexits is a number of goroutines that wait for one channel and end by Goexit.
type goexits struct {
	goroutines int
	// frames is how many functions each of them is inside of, and guards how many of these recover
	// from a panic. Goexit goes through all of them.
	frames, guards int
	// cold says that other memory is used between the start of the goroutines and their end, as it
	// is when each of them has done something.
	cold bool
}

// branchFrames and branchGuards are those that the end of a branch that waits goes through: the
// goroutine, the fiber, the branch, its guard, the user's function with its dictionary, and Run.
// The others have returned by then.
const (
	branchFrames = 8
	branchGuards = 2
	// branchBytes is about what a branch allocates, its stack aside.
	branchBytes = 5 << 10
)

// measure closes the channel and returns how long it takes until all have ended.
func (g goexits) measure() (time.Duration, error) {
	gate := make(chan struct{})
	var ready, group sync.WaitGroup
	ready.Add(g.goroutines)
	for range g.goroutines {
		group.Go(func() {
			descend(g.frames, g.guards, func() {
				ready.Done()
				<-gate
				runtime.Goexit()
			})
		})
	}
	ready.Wait()
	for range 10 {
		runtime.Gosched() // so that they have parked
	}
	if g.cold {
		other := make([]byte, g.goroutines*branchBytes)
		for i := 0; i < len(other); i += 64 {
			other[i]++
		}
		runtime.KeepAlive(other)
	}
	began := time.Now()
	close(gate)
	group.Wait()
	return time.Since(began), nil
}

// descend calls itself, and at the bottom park. Its frames are as large as those of the
// interpreter.
//
//go:noinline
func descend(frames, guards int, park func()) byte {
	var locals [192]byte
	switch {
	case frames == 0:
		park()
	case guards > 0:
		return guarded(frames-1, guards-1, park) + locals[frames]
	default:
		return descend(frames-1, guards, park) + locals[frames]
	}
	return locals[0]
}

//go:noinline
func guarded(frames, guards int, park func()) (b byte) {
	defer func() {
		if recover() != nil {
			b = 0
		}
	}()
	return descend(frames, guards, park)
}
