package local_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/storetest"
)

func TestMemoryStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) local.Store { return local.NewMemoryStore() })
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

// A service with a durable store runs for weeks: it does not keep the calls of functions that poll.
func TestCallsAreKeptInMemoryOnly(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		store local.Store
		kept  bool
	}{
		{"memory", local.NewMemoryStore(), true},
		{"file", struct{ local.Store }{local.NewMemoryStore()}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			svc := local.New(local.WithStore(tc.store))
			defer svc.Close()
			if err := svc.Host("f", function(func(k *talk) (string, error) {
				_, err := k.send(stepSucceed("step", `1`))
				return succeed(`1`), err
			})); err != nil {
				t.Fatal(err)
			}
			e, err := svc.Start(t.Context(), "f", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := svc.Checkpoint(t.Context(), checkpoint.CheckpointInput{ARN: e.ARN(), Token: "stale"}); err == nil {
				t.Error("a stale token is accepted")
			}
			if kept := len(e.CheckpointCalls()) > 0; kept != tc.kept {
				t.Errorf("calls are kept: %v, want %v", kept, tc.kept)
			}
		})
	}
}
