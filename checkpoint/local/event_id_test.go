package local_test

import (
	"strconv"
	"testing"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestEventsAreNumbered: the events of an execution are numbered from one without gaps, however many updates a
// call has and however many calls there are.
func TestEventsAreNumbered(t *testing.T) {
	t.Parallel()
	for _, sizes := range [][]int{{1}, {2, 1}, {63}, {64, 1}, {65}, {99, 101}, {128, 129}, {249}, {250, 250}, {1, 250, 2}} {
		events := 1 // the execution starts
		e := inside(t, func(k *talk) string {
			for call, size := range sizes {
				updates := make([]checkpoint.Update, 0, size)
				for i := range size {
					id := strconv.Itoa(call) + "-" + strconv.Itoa(i/2)
					if i%2 == 0 {
						updates = append(updates, stepStart(id))
					} else {
						updates = append(updates, stepSucceed(id, "1"))
					}
				}
				k.must(t, updates...)
				events += size
			}
			return ""
		})
		history := e.History()
		if len(history) < events {
			t.Errorf("calls of %v updates: %d events, want at least %d", sizes, len(history), events)
		}
		seen := make(map[int]local.Event)
		for i, ev := range history {
			if before, twice := seen[ev.ID]; ev.ID != i+1 {
				t.Errorf("calls of %v updates: event %d, %s of %q, has the number %d (twice: %t, %s of %q)",
					sizes, i+1, ev.Type, ev.Name, ev.ID, twice, before.Type, before.Name)
				break
			}
			seen[ev.ID] = ev
		}
	}
}
