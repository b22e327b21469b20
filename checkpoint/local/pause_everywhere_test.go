package local_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestPauseAtEveryPoint pauses the tour at each point of its calls and invocations, and resumes it
// an hour later: it ends as it does undisturbed, and no update is refused or sent twice.
func TestPauseAtEveryPoint(t *testing.T) {
	t.Parallel()
	undisturbed, _, _ := pausedTour(t, -1)
	points := 0
	for n := 0; ; n++ {
		e, paused, refused := pausedTour(t, n)
		if !paused {
			break
		}
		points++
		if got, want := logOf(e), logOf(undisturbed); len(got) != len(want) || refused > 0 {
			t.Fatalf("paused at point %d: %d calls were refused, and the log is\n%s", n, refused, strings.Join(got, "\n"))
		}
		if string(e.Result()) != `"toured"` {
			t.Fatalf("paused at point %d: the result is %s, %v", n, e.Result(), e.Err())
		}
	}
	if points < 20 {
		t.Errorf("only %d points", points)
	}
}

func pausedTour(t *testing.T, at int) (e *local.Execution, paused bool, refused int) {
	t.Helper()
	clock, n := local.NewVirtualClock(start), 0
	var s *local.Service
	hit := func(p local.Point) {
		if n++; n-1 != at {
			return
		}
		err := s.Pause(t.Context(), checkpoint.PauseInput{ARN: p.ARN})
		paused = !errors.Is(err, local.ErrEnded)
	}
	s = local.New(local.WithClock(clock), local.WithFaults(local.Faults{
		Lose: func(p local.Point) bool { hit(p); return false },
	}))
	defer func() { _ = s.Close() }()
	for _, err := range []error{s.Host("tour", function(tour)), s.Host("child", function(child))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if e, err = s.Start(t.Context(), "tour", "one", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	for !e.Status().Terminal() {
		settle(t, e)
		for _, one := range s.Executions() {
			if one.Status() == local.StatusPaused {
				clock.Advance(time.Hour)
				settle(t, e)
				resumeIt(t, s, one.ARN())
			}
		}
		if ask, ok := e.Operation("ask"); ok && ask.Status == checkpoint.StatusStarted {
			if err := s.CompleteCallback(ask.CallbackID, []byte(`"yes"`)); err != nil {
				t.Fatal(err)
			}
		}
		settle(t, e)
		if next, ok := clock.Next(); ok && !e.Status().Terminal() {
			clock.AdvanceTo(next)
		}
	}
	for _, c := range e.CheckpointCalls() {
		if c.Err != nil {
			refused++
		}
	}
	return e, paused, refused
}
