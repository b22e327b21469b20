package outbox_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/outbox"
)

// TestQueueKeepsTheOrderWhileItMoves: what waits stays in its order, whatever was taken from the
// front, and whether or not there is room for all of it. Each round adds some updates and makes a
// call, which takes 250 of them at most.
func TestQueueKeepsTheOrderWhileItMoves(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		reserve, rounds int
		adds            int
	}{
		{"a call takes all, so that the memory is used from its beginning again", 0, 20, 3},
		{"never empty, and as many come as leave", 0, 20, outbox.MaxUpdates},
		{"never empty, and more come than leave", 0, 20, 2 * outbox.MaxUpdates},
		{"room for all of a batch", 4 * outbox.MaxUpdates, 4, 2 * outbox.MaxUpdates},
		{"room for less than comes", 10, 4, 2 * outbox.MaxUpdates},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var q outbox.Queue
			q.Add(startOf("0"), time.Time{})
			q.Reserve(tt.reserve)
			added, taken := 1, 0
			take := func() {
				for _, u := range q.Cut() {
					if want := strconv.Itoa(taken); u.ID != want {
						t.Fatalf("a call has %s, want %s", u.ID, want)
					}
					taken++
				}
				q.Answered(true)
			}
			for range tt.rounds {
				for range tt.adds {
					q.Add(startOf(strconv.Itoa(added)), time.Time{})
					added++
				}
				take()
			}
			for q.Len() > 0 {
				take()
			}
			if taken != added || q.Size() != 0 {
				t.Errorf("%d of %d updates were taken, and %d bytes are left", taken, added, q.Size())
			}
		})
	}
}

// TestReservedRoomIsUsed: updates for which there is room take no other memory.
func TestReservedRoomIsUsed(t *testing.T) { //nolint:paralleltest // it counts allocations
	const n = 1000
	updates := startOf("a")
	if got := testing.AllocsPerRun(10, func() {
		var q outbox.Queue
		q.Reserve(n)
		for range n {
			q.Add(updates, time.Time{})
		}
	}); got > 2 { // with the race detector, making room takes two; growing to it takes ten
		t.Errorf("%v allocations, want two at most", got)
	}
}
