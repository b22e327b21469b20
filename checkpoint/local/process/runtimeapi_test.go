//go:build unix

package process_test

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local/process"
)

// No one is authenticated at the Runtime API: it is for the process alone, on this machine, and no
// web page takes an event away from it.
func TestRuntimeAPIListensOnLoopback(t *testing.T) {
	t.Parallel()
	got, err := invoke(t.Context(), run(t, "visited"), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var seen struct {
		Address   string
		Pages     []int
		Elsewhere []string
	}
	if err := json.Unmarshal([]byte(got), &seen); err != nil {
		t.Fatal(err)
	}
	if seen.Address == "" || len(seen.Elsewhere) > 0 {
		t.Errorf("the Runtime API at %q answers at %v, too", seen.Address, seen.Elsewhere)
	}
	if diff := cmp.Diff([]int{403, 403}, seen.Pages); diff != "" {
		t.Errorf("requests of web pages (-want +got):\n%s", diff)
	}
}

// Lines come one at a time, whichever process and stream they are from.
func TestLinesComeOneAtATime(t *testing.T) {
	t.Parallel()
	var inside, overlaps atomic.Int64
	lines := 0 // not guarded: the race detector looks
	f := run(t, "function", process.WithMaxProcesses(4), process.WithOutput(func(process.Line) {
		if inside.Add(1) > 1 {
			overlaps.Add(1)
		}
		lines++
		inside.Add(-1)
	}))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				if _, err := invoke(t.Context(), f, "write", 100); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if n := overlaps.Load(); n > 0 {
		t.Errorf("%d lines came while another one was taken", n)
	}
	if least := 4 * 10 * 5; lines < least { // what has no line break may be read with the next line
		t.Errorf("%d lines came, want at least %d", lines, least)
	}
}
