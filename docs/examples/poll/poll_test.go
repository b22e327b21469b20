package main

import (
	"errors"
	"testing"
	"time"

	"github.com/perdure/perdure/replay/replaytest"

	"github.com/perdure/perdure/docs/examples/internal/golden"
	"github.com/perdure/perdure/docs/examples/internal/histories"
)

// soon is a deadline for tests.
const soon = 4 * time.Minute

func film(id string, seconds int) Film { return Film{ID: id, File: id + ".mov", Seconds: seconds} }

func TestTranscode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		down         [2]time.Duration // when the farm is down
		film         Film
		fails        error
		cancelled    int
		operations   int
	}{
		{name: "done", reason: "seven questions", film: film("f", 120), operations: 13},
		{
			name: "silent", reason: "questions without an answer are asked again",
			down: [2]time.Duration{10 * time.Second, time.Minute}, film: film("f", 120), operations: 13,
		},
		{
			name: "too-slow", reason: "the job is cancelled at the deadline", film: film("f", 3600), fails: ErrTooSlow, cancelled: 1, operations: 14,
		},
		{
			name: "just-done", reason: "the job ends between the last question and the deadline", film: film("f", 240), operations: 14,
		},
		{
			name: "refused", reason: "the farm gives up: there is nothing to cancel", film: Film{ID: "f", File: "f.raw", Seconds: 120}, fails: ErrRefused,
			operations: 10,
		},
		{
			name: "down", reason: "the farm is silent for too long, and answers again when the job is to be cancelled",
			down: [2]time.Duration{time.Second, 100 * time.Second}, film: film("f", 3600), fails: ErrTooSlow, cancelled: 1, operations: 13,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			farm := &Farm{DownFrom: tt.down[0], DownTo: tt.down[1]}
			r := replaytest.Run(t, NewFunction(farm, soon), tt.film, replaytest.WithBudget(replaytest.Budget{Operations: tt.operations}))
			if !errors.Is(r.Err, tt.fails) || (r.Err == nil) != (r.Value.URL != "") {
				t.Errorf("%s: got %+v, %v, want %v", tt.reason, r.Value, r.Err, tt.fails)
			}
			if jobs, cancelled := farm.Jobs(); jobs != 1 || cancelled != tt.cancelled {
				t.Errorf("%s: there are %d jobs, of which %d were cancelled, want 1 and %d", tt.reason, jobs, cancelled, tt.cancelled)
			}
			histories.Keep(t, tt.name, r)
		})
	}
}

// TestEveryCrash: wherever the function is lost, there is one job, and it is cancelled if it is not
// waited for.
func TestEveryCrash(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]Film{"done": film("f", 20), "too slow": film("f", 3600)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			farm := new(Farm)
			reset := func() { // before each execution, and so after the one before
				if jobs, cancelled := farm.Jobs(); jobs > 1 || jobs == 1 && (cancelled == 1) != (name == "too slow") {
					t.Errorf("there were %d jobs, of which %d were cancelled", jobs, cancelled)
				}
				farm.forget()
			}
			replaytest.Explore(t, NewFunction(farm, 40*time.Second), f,
				replaytest.WithReset(reset), replaytest.WithSchedules(5))
			reset()
		})
	}
}

func (f *Farm) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.jobs = nil
}

// TestCompatible: films that were begun with the code whose histories are kept go on with this one.
func TestCompatible(t *testing.T) {
	t.Parallel()
	histories.Check(t, NewFunction(new(Farm), soon))
}

func TestShape(t *testing.T) {
	t.Parallel()
	replaytest.Shape(t, "poll.shape", NewFunction(new(Farm), soon), []Film{film("f", 20), film("g", 3600)})
}

func TestOutput(t *testing.T) {
	t.Parallel()
	golden.Output(t, show)
}
