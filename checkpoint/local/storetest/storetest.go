// Package storetest checks that a [local.Store] does what the service relies on. A test of a store
// calls [Run].
package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// Run runs all checks as subtests. open returns an empty store; it closes it by the test's cleanup.
func Run(t *testing.T, open func(t *testing.T) local.Store) {
	t.Helper()
	for name, check := range map[string]func(t *testing.T, s local.Store){
		"transitions are kept":     keepsTransitions,
		"every field is kept":      keepsEveryField,
		"events come in pages":     pagesEvents,
		"executions are selected":  listsExecutions,
		"nothing is found":         findsNothing,
		"executions are deleted":   deletes,
		"commits at the same time": commitsTogether,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, open(t))
		})
	}
}

// start is the time at which everything begins.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func commit(t *testing.T, s local.Store, all ...local.Transition) {
	t.Helper()
	for _, tr := range all {
		if err := s.Commit(tr); err != nil {
			t.Fatal(err)
		}
	}
}

func record(id string, status checkpoint.Status) local.Record {
	return local.Record{Operation: checkpoint.Operation{ID: id, Kind: checkpoint.KindStep, Status: status, Start: start}}
}

func timer(id string, d time.Duration) local.Timer {
	return local.Timer{TimerKey: local.TimerKey{Operation: id, Purpose: local.PurposeWait}, At: start.Add(d)}
}

func event(id int) local.Event {
	return local.Event{ID: id, Type: local.EventStepStarted, Time: start, OperationID: "a"}
}

func execution(arn, name, function string, status local.Status, started time.Duration) local.ExecutionRecord {
	return local.ExecutionRecord{ARN: arn, Name: name, Function: function, Status: status, Start: start.Add(started)}
}

func keepsTransitions(t *testing.T, s local.Store) {
	t.Helper()
	one := execution("one", "n", "f:1", local.StatusRunning, 0)
	commit(t, s, local.Transition{
		Execution: one,
		Records:   []local.Record{record("a", checkpoint.StatusStarted), record("b", checkpoint.StatusStarted)},
		Events:    []local.Event{event(1), event(2)},
		Set:       []local.Timer{timer("a", time.Second), timer("b", 2*time.Second)},
	})
	one.Invocations = 2
	commit(t, s, local.Transition{
		Execution: one,
		Records:   []local.Record{record("b", checkpoint.StatusSucceeded), record("c", checkpoint.StatusStarted)},
		Events:    []local.Event{event(3)},
		Clear:     []local.TimerKey{timer("b", 0).TimerKey, timer("none", 0).TimerKey},
		Set:       []local.Timer{timer("a", 9*time.Second)},
	})
	got, err := s.Load("one")
	if err != nil {
		t.Fatal(err)
	}
	want := local.Snapshot{
		Execution: one,
		Records: []local.Record{
			record("a", checkpoint.StatusStarted), record("b", checkpoint.StatusSucceeded), record("c", checkpoint.StatusStarted),
		},
		Timers: []local.Timer{timer("a", 9*time.Second)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a changed record keeps its place, a timer has one time (-want +got):\n%s", diff)
	}
}

func keepsEveryField(t *testing.T, s local.Store) {
	t.Helper()
	text := checkpoint.TextPayload("{\"é\": \"\\u0000\"}")
	failure := &checkpoint.Failure{Type: "T", Message: "m", Data: "d", Stack: []string{"a", "b"}}
	want := local.Snapshot{
		Execution: local.ExecutionRecord{
			ARN: "one", Name: "n", Function: "f:1", Alias: "live", Plain: true, Async: true, Tenant: "blue", TraceHeader: "Root=1", ParentARN: "p", ParentOperation: "o", ForkedFrom: []string{"zero"},
			Input: text, Status: local.StatusFailed, Result: checkpoint.TextPayload(""), Failure: failure, Closing: true,
			Start: start, End: start.Add(time.Millisecond), Timeout: time.Hour, Invocations: 3,
			Extended: time.Minute, Pause: local.Pause{
				Requested: start.Add(3 * time.Millisecond), At: start.Add(4 * time.Millisecond), Reason: "r", TimeoutPaused: true,
			},
			InvocationStart: start.Add(2 * time.Millisecond), Due: true, Updated: []string{"a"}, FailedInRow: 1,
			InvalidInRow: 2, Metered: 4, DataBytes: 5,
		},
		Records: []local.Record{{
			Operation: checkpoint.Operation{
				ID: "a", ParentID: "b", Name: "c", SubType: "Step", Kind: checkpoint.KindStep, Status: checkpoint.StatusPending,
				Start: start, End: start.Add(time.Second), Payload: text, Failure: failure, Attempt: 2,
				Due: start.Add(time.Minute), CallbackID: "cb", ReplayChildren: true,
			},
			Wait: time.Second, Heartbeat: time.Minute, Function: "g", Tenant: "red", TraceHeader: "Root=2", Input: text, Target: "arn",
		}},
		Timers: []local.Timer{{TimerKey: local.TimerKey{Operation: "a", Purpose: local.PurposeHeartbeat}, At: start.Add(time.Hour)}},
	}
	commit(t, s, local.Transition{Execution: want.Execution, Records: want.Records, Set: want.Timers})
	got, err := s.Load("one")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, problem := range zeroFields(want) {
		t.Errorf("the check does not set %s: it would not notice that the field is not kept", problem)
	}
}

func pagesEvents(t *testing.T, s local.Store) {
	t.Helper()
	commit(t, s, local.Transition{
		Execution: execution("one", "n", "f:1", local.StatusRunning, 0), Events: []local.Event{event(1), event(2), event(3)},
	})
	for _, tt := range []struct {
		after, limit int
		want         []local.Event
	}{
		{0, 0, []local.Event{event(1), event(2), event(3)}},
		{1, 0, []local.Event{event(2), event(3)}},
		{1, 1, []local.Event{event(2)}},
		{3, 0, nil},
		{9, 5, nil},
	} {
		got, err := s.Events("one", tt.after, tt.limit)
		if err != nil || len(got) != len(tt.want) || len(got) > 0 && !cmp.Equal(tt.want, got) {
			t.Errorf("events after %d, at most %d: got %+v, %v", tt.after, tt.limit, got, err)
		}
	}
}

func listsExecutions(t *testing.T, s local.Store) {
	t.Helper()
	closing := execution("4", "d", "f:2", local.StatusSucceeded, 3*time.Hour)
	closing.Closing, closing.Input = true, checkpoint.TextPayload(`"large"`)
	closing.Result = closing.Input
	for _, r := range []local.ExecutionRecord{
		execution("1", "a", "f:1", local.StatusRunning, 0),
		execution("2", "b", "f:1", local.StatusFailed, time.Hour),
		execution("3", "a", "ff:1", local.StatusSucceeded, 2*time.Hour),
		closing,
	} {
		commit(t, s, local.Transition{Execution: r}, local.Transition{Execution: r}) // the second changes nothing
	}
	for _, tt := range []struct {
		reason string
		query  local.Query
		want   []string
	}{
		{"all", local.Query{}, []string{"1", "2", "3", "4"}},
		{"of a version", local.Query{Function: "f:1"}, []string{"1", "2"}},
		{"of a function", local.Query{Function: "f"}, []string{"1", "2", "4"}},
		{"of a name", local.Query{Name: "a"}, []string{"1", "3"}},
		{"of a name of a function", local.Query{Name: "a", Function: "f"}, []string{"1"}},
		{"of some statuses", local.Query{Status: []local.Status{local.StatusFailed, local.StatusSucceeded}}, []string{"2", "3", "4"}},
		{"whose history is not complete", local.Query{Unfinished: true}, []string{"1", "4"}},
		{"started after one", local.Query{StartedAfter: start}, []string{"2", "3", "4"}},
		{"started between", local.Query{StartedAfter: start, StartedBefore: start.Add(3 * time.Hour)}, []string{"2", "3"}},
		{"a page", local.Query{Limit: 2}, []string{"1", "2"}},
		{"the next page", local.Query{After: "2", Limit: 2}, []string{"3", "4"}},
		{"the last first", local.Query{Reverse: true, Limit: 3}, []string{"4", "3", "2"}},
		{"and on", local.Query{Reverse: true, After: "2"}, []string{"1"}},
		{"none", local.Query{Function: "h"}, nil},
	} {
		got, err := s.List(tt.query)
		var arns []string
		for _, r := range got {
			arns = append(arns, r.ARN)
			if r.Input.Present() || r.Result.Present() {
				t.Errorf("%s: %s is listed with its input or result, which are large and which Load returns", tt.reason, r.ARN)
			}
		}
		if err != nil || !slices.Equal(arns, tt.want) {
			t.Errorf("%s: got %v, %v, want %v", tt.reason, arns, err, tt.want)
		}
	}
}

// deletes checks that all of an execution goes, and nothing of another one.
func deletes(t *testing.T, s local.Store) {
	t.Helper()
	of := func(arn string) local.Transition {
		return local.Transition{
			Execution: execution(arn, "n", "f:1", local.StatusRunning, 0), Records: []local.Record{record("a", checkpoint.StatusStarted)},
			Events: []local.Event{event(1)}, Set: []local.Timer{timer("a", time.Hour)},
		}
	}
	commit(t, s, of("one"), of("two"))
	if err := s.Delete("one"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete("one"); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("a second time: %v", err)
	}
	if _, err := s.Load("one"); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("Load: %v", err)
	}
	if _, err := s.Events("one", 0, 0); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("Events: %v", err)
	}
	if all, err := s.List(local.Query{Name: "n"}); err != nil || len(all) != 1 || all[0].ARN != "two" {
		t.Errorf("List: %v, %v", all, err)
	}
	two := of("two")
	if got, err := s.Load("two"); err != nil || !cmp.Equal(two.Records, got.Records) || !cmp.Equal(two.Set, got.Timers) {
		t.Errorf("the other one is %+v, %v", got, err)
	}
	commit(t, s, of("one"))
	if got, err := s.Load("one"); err != nil || len(got.Records) != 1 || len(got.Timers) != 1 {
		t.Errorf("the next one under its ARN is %+v, %v", got, err)
	}
}

func findsNothing(t *testing.T, s local.Store) {
	t.Helper()
	if _, err := s.Load("two"); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("Load: %v", err)
	}
	if _, err := s.Events("two", 0, 0); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("Events: %v", err)
	}
	if got, err := s.List(local.Query{After: "two"}); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("List: %v, %v", got, err)
	}
}

func commitsTogether(t *testing.T, s local.Store) {
	t.Helper()
	const executions, transitions = 16, 20
	var all sync.WaitGroup
	for i := range executions {
		all.Go(func() {
			arn := fmt.Sprint("arn-", i)
			for n := range transitions {
				if err := s.Commit(local.Transition{
					Execution: execution(arn, arn, "f:1", local.StatusRunning, 0),
					Records:   []local.Record{record(fmt.Sprint("op-", n), checkpoint.StatusSucceeded)},
					Events:    []local.Event{event(n + 1)},
				}); err != nil {
					t.Error(err)
					return
				}
				if kept, err := s.Load(arn); err != nil || len(kept.Records) != n+1 {
					t.Errorf("%s: after commit %d there are %d records, %v", arn, n+1, len(kept.Records), err)
					return
				}
			}
		})
	}
	all.Wait()
}
