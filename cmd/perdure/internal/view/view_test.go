package view_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden has what is drawn of executions in files.
func TestGolden(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		script       *script
		now          time.Duration
		whole        bool
	}{
		{"weeks", "an order that waits for weeks", weeks(), 20 * 24 * time.Hour, false},
		{"attempts", "attempts fail, and the next one is to come", attempts(), 4 * time.Minute, false},
		{"branches", "bodies run at once, one is cut off, and the execution has ended", branches(), time.Hour, false},
		{"many", "of a long scope the ends are shown, and what has not succeeded", many(), time.Minute, false},
		{"nothing", "an execution that has not begun anything", newScript(), 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := view.Read(tt.script.events)
			for form, got := range map[string]string{
				"timeline.txt": strings.Join(h.Timeline(begin.Add(tt.now), 100, tt.whole), "\n") + "\n",
				"mmd":          h.Mermaid(tt.whole),
				"dot":          h.DOT(tt.whole),
			} {
				golden(t, tt.name+"."+form, got, tt.reason)
			}
		})
	}
}

func golden(t *testing.T, file, got, reason string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s (-want +got):\n%s", file, reason, diff)
	}
}

// TestBars: what operations did when. A bar is written as kind, begin, end and what ended it.
func TestBars(t *testing.T) {
	t.Parallel()
	const s = time.Second
	tests := []struct {
		reason, operation string
		script            *script
		want              []string
	}{
		{"a body that has ended", "reserve", weeks(), []string{"attempt 1s-1h0m1s"}},
		{"a wait that is over", "cool-off", weeks(), []string{"wait 1h0m1s-337h0m1s"}},
		{"a callback goes on, and times out some time", "answer", weeks(), []string{"callback 337h0m1s- until 1057h0m1s"}},
		{"a group goes on", "collected", weeks(), []string{"group 337h0m1s-"}},
		{"a backoff lies between two attempts", "pack", attempts(), []string{
			"attempt 0s-30s Error", "backoff 30s-2m0s", "attempt 2m0s-2m30s Error", "backoff 2m30s- until 4m0s",
		}},
		{"the body is cut off, and begun again by the next invocation", "c", branches(), []string{
			"attempt 3s-30s Sandbox.Timedout cut", "attempt 40s-45s",
		}},
		{
			"an attempt without a START of its own begins when it is due", "a",
			newScript().op(local.EventStepStarted, "a", "").after(s).op(local.EventStepFailed, "a", "", failed(1, "x", 10*s)).
				after(30*s).op(local.EventStepSucceeded, "a", ""),
			[]string{"attempt 0s-1s Error", "backoff 1s-11s", "attempt 11s-31s"},
		},
		{
			"an outcome without any START", "a", newScript().after(s).op(local.EventStepSucceeded, "a", ""),
			[]string{"attempt 1s-1s"},
		},
		{
			"cut off by two invocations", "a",
			newScript().op(local.EventStepStarted, "a", "").after(10*s).invocation(10*s, "late").
				after(20*s).invocation(10*s, "late").after(5*s).op(local.EventStepSucceeded, "a", ""),
			[]string{"attempt 0s-10s Sandbox.Timedout cut", "attempt 20s-30s Sandbox.Timedout cut", "attempt 30s-35s"},
		},
		{
			"what runs is cut off by the end of the execution", "a",
			newScript().op(local.EventStepStarted, "a", "").after(s).end(local.EventExecutionStopped),
			[]string{"attempt 0s-1s cut"},
		},
	}
	for _, tt := range tests {
		var got []string
		for _, b := range view.Read(tt.script.events).Operation(tt.operation).Bars {
			text := fmt.Sprintf("%s %v-", b.Kind, b.Start.Sub(begin))
			if !b.Going() {
				text += b.End.Sub(begin).String()
			}
			if !b.Until.IsZero() {
				text += " until " + b.Until.Sub(begin).String()
			}
			if b.Failure != nil {
				text += " " + b.Failure.Type
			}
			if b.Cut {
				text += " cut"
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}

// TestConcurrency: how many bodies ran at once.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	levels, most := view.Read(branches().events).Concurrency(begin.Add(time.Hour))
	var got []string
	for _, l := range levels {
		got = append(got, fmt.Sprintf("%v: %d", l.At.Sub(begin), l.Bodies))
	}
	want := []string{"1s: 1", "2s: 2", "3s: 3", "10s: 1", "30s: 0", "40s: 1", "45s: 0"}
	if diff := cmp.Diff(want, got); diff != "" || most != 3 {
		t.Errorf("at most %d at once, want 3 (-want +got):\n%s", most, diff)
	}
	running := newScript().op(local.EventStepStarted, "a", "")
	if levels, most := view.Read(running.events).Concurrency(begin.Add(time.Minute)); most != 1 || len(levels) != 2 {
		t.Errorf("a body that runs now: %v, at most %d", levels, most)
	}
	if levels, most := view.New().Concurrency(begin); most != 0 || len(levels) != 0 {
		t.Errorf("no execution: %v, at most %d", levels, most)
	}
}

// TestMove: time was skipped, and the history does not say so.
func TestMove(t *testing.T) {
	t.Parallel()
	h := view.Read(weeks().events)
	at := begin.Add(340 * time.Hour)
	h.Move("answer", at)
	h.Move("reserve", at) // it has ended
	h.Move("nothing", at)
	if o := h.Operation("answer"); !o.Until.Equal(at) || !o.Moved || !o.Bars[0].Until.Equal(at) {
		t.Errorf("the callback times out at %v, moved %t, its bar ends at %v", o.Until, o.Moved, o.Bars[0].Until)
	}
	if o := h.Operation("reserve"); o.Until != nil || o.Moved {
		t.Errorf("the step that has ended: %v, %t", o.Until, o.Moved)
	}
	if got, want := h.Doing(begin.Add(338*time.Hour)), `waiting for callback "answer" (times out in 2h)`; got != want {
		t.Errorf("it is %s, want %s", got, want)
	}
}

// TestInvocations: which invocations failed, and how many in a row.
func TestInvocations(t *testing.T) {
	t.Parallel()
	s := newScript().op(local.EventStepStarted, "a", "")
	s.after(time.Second).invocation(time.Second, "late").after(time.Second).invocation(time.Second, "late")
	s.op(local.EventStepSucceeded, "a", "").invocation(time.Second, "late").invocation(time.Second, "")
	var got []int
	for _, i := range view.Read(s.events).Ended {
		got = append(got, i.InRow)
	}
	if diff := cmp.Diff([]int{1, 2, 1, 0}, got); diff != "" {
		t.Errorf("failed in a row (-want +got):\n%s", diff)
	}
}
