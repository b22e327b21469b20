package local_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

func TestMemoryStoreKeepsTransitions(t *testing.T) {
	t.Parallel()
	m := local.NewMemoryStore()
	commit := func(tr local.Transition) {
		t.Helper()
		if err := m.Commit(tr); err != nil {
			t.Fatal(err)
		}
	}
	record := func(id string, status checkpoint.Status) local.Record {
		return local.Record{Operation: checkpoint.Operation{ID: id, Status: status}}
	}
	timer := func(id string, d time.Duration) local.Timer {
		return local.Timer{TimerKey: local.TimerKey{Operation: id, Purpose: local.PurposeWait}, At: start.Add(d)}
	}
	one := local.ExecutionRecord{ARN: "one", Name: "n", Function: "f", Status: local.StatusRunning}
	commit(local.Transition{
		Execution: one,
		Records:   []local.Record{record("a", checkpoint.StatusStarted), record("b", checkpoint.StatusStarted)},
		Events:    []local.Event{{ID: 1}, {ID: 2}},
		Set:       []local.Timer{timer("a", 1), timer("b", 2)},
	})
	one.Invocations = 2
	commit(local.Transition{
		Execution: one,
		Records:   []local.Record{record("b", checkpoint.StatusSucceeded), record("c", checkpoint.StatusStarted)},
		Events:    []local.Event{{ID: 3}},
		Clear:     []local.TimerKey{timer("b", 0).TimerKey},
		Set:       []local.Timer{timer("a", 9)},
	})
	got, err := m.Load("one")
	if err != nil {
		t.Fatal(err)
	}
	want := local.Snapshot{
		Execution: one,
		Records: []local.Record{
			record("a", checkpoint.StatusStarted), record("b", checkpoint.StatusSucceeded), record("c", checkpoint.StatusStarted),
		},
		Timers: []local.Timer{timer("a", 9)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		after, limit int
		want         []int
	}{{0, 0, []int{1, 2, 3}}, {1, 0, []int{2, 3}}, {1, 1, []int{2}}, {3, 0, nil}, {9, 5, nil}} {
		events, err := m.Events("one", tt.after, tt.limit)
		var ids []int
		for _, ev := range events {
			ids = append(ids, ev.ID)
		}
		if err != nil || !slices.Equal(ids, tt.want) {
			t.Errorf("events after %d, at most %d: %v, %v", tt.after, tt.limit, ids, err)
		}
	}
	if _, err := m.Load("two"); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("Load: %v", err)
	}
	if _, err := m.Events("two", 0, 0); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("Events: %v", err)
	}
}

func TestMemoryStoreListsExecutions(t *testing.T) {
	t.Parallel()
	m := local.NewMemoryStore()
	for _, r := range []local.ExecutionRecord{
		{ARN: "1", Name: "a", Function: "f", Status: local.StatusRunning},
		{ARN: "2", Name: "b", Function: "f", Status: local.StatusFailed},
		{ARN: "3", Name: "a", Function: "g", Status: local.StatusSucceeded},
	} {
		if err := m.Commit(local.Transition{Execution: r}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		reason string
		query  local.Query
		want   []string
	}{
		{"all", local.Query{}, []string{"1", "2", "3"}},
		{"of a function", local.Query{Function: "f"}, []string{"1", "2"}},
		{"of a name", local.Query{Name: "a"}, []string{"1", "3"}},
		{"of some statuses", local.Query{Status: []local.Status{local.StatusFailed, local.StatusSucceeded}}, []string{"2", "3"}},
		{"a page", local.Query{Limit: 2}, []string{"1", "2"}},
		{"the next page", local.Query{After: "2", Limit: 2}, []string{"3"}},
		{"none", local.Query{Function: "h"}, nil},
	} {
		got, err := m.List(tt.query)
		var arns []string
		for _, r := range got {
			arns = append(arns, r.ARN)
		}
		if err != nil || !slices.Equal(arns, tt.want) {
			t.Errorf("%s: %v, %v", tt.reason, arns, err)
		}
	}
}

// failingStore fails the commits that its function selects.
type failingStore struct {
	*local.MemoryStore
	mu   sync.Mutex
	fail func(local.Transition) bool
}

var errDisk = errors.New("the disk is full")

func (f *failingStore) Commit(t local.Transition) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil && f.fail(t) {
		return errDisk
	}
	return f.MemoryStore.Commit(t)
}

// TestNothingIsAcknowledgedThatIsNotStored says what happens when the store fails: a checkpoint
// call fails and can be repeated, a start fails, and what the service does by itself stops it.
func TestNothingIsAcknowledgedThatIsNotStored(t *testing.T) {
	t.Parallel()
	store := &failingStore{MemoryStore: local.NewMemoryStore()}
	clock := local.NewVirtualClock(start)
	s := local.New(local.WithClock(clock), local.WithStore(store))
	failing := func(f func(local.Transition) bool) {
		store.mu.Lock()
		defer store.mu.Unlock()
		store.fail = f
	}
	e := begin(t, s, function(func(k *talk) (string, error) {
		failing(func(local.Transition) bool { return true })
		_, err := k.send(waitStart("w", time.Second))
		api, ok := errors.AsType[*checkpoint.APIError](err)
		if !ok || api.HTTPStatus != 500 || api.Permanent() || !errors.Is(err, errDisk) {
			t.Errorf("the call: %v", err)
		}
		failing(nil)
		k.must(t, waitStart("w", time.Second))
		return pending, nil
	}), `{}`)
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	failing(func(local.Transition) bool { return true })
	if _, err := s.Start(t.Context(), "order", "second", nil); !errors.Is(err, errDisk) {
		t.Errorf("Start: %v", err)
	}
	if got := len(s.Executions()); got != 1 {
		t.Errorf("there are %d executions", got)
	}
	clock.Advance(time.Second)
	want(t, "the log", e.Operations(), "execution STARTED", "w STARTED")
	if err := e.Wait(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("Wait: %v", err)
	}
	if err := s.Close(); !errors.Is(err, errDisk) {
		t.Errorf("Close: %v", err)
	}
}

// TestEveryTransitionIsOneCommit counts the commits of an execution.
func TestEveryTransitionIsOneCommit(t *testing.T) {
	t.Parallel()
	var commits []string
	store := &failingStore{MemoryStore: local.NewMemoryStore()}
	store.fail = func(tr local.Transition) bool {
		var line []string
		for _, r := range tr.Records {
			line = append(line, r.ID[:1])
		}
		line = append(line, "/")
		for _, ev := range tr.Events {
			line = append(line, string(ev.Type))
		}
		commits = append(commits, strings.Join(line, " "))
		return false
	}
	s, clock := newVirtual(t, local.WithStore(store))
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.status("w") == "" {
			k.must(t, stepStart("a"), stepSucceed("a", "1"), waitStart("w", time.Second))
			k.must(t) // a poll is no transition
			return pending, nil
		}
		return succeed(`1`), nil
	}), `{}`)
	execution := checkpoint.ExecutionID(e.ARN())[:1]
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	want := []string{
		execution + " / ExecutionStarted",
		"/",
		"a w / StepStarted StepSucceeded WaitStarted",
		"/ InvocationCompleted",
		"w / WaitSucceeded",
		"/",
		execution + " / InvocationCompleted ExecutionSucceeded",
	}
	if diff := cmp.Diff(want, commits); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
}
