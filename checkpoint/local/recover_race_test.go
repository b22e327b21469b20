package local_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

// readTime is how long a slowStore reads an execution.
const readTime = 2 * time.Millisecond

// slowStore reads as slowly as a file does: timers that are due soon become due while the store is
// read.
type slowStore struct{ *local.MemoryStore }

func (s slowStore) Load(arn string) (local.Snapshot, error) {
	time.Sleep(readTime)
	return s.MemoryStore.Load(arn)
}

// Timers of executions that a service takes over fire when it has taken over all of them: before,
// it does not know who waits for what ends, and an invocation that the last service has left would
// end after its execution.
func TestTimersWaitUntilTheStoreIsRead(t *testing.T) {
	t.Parallel()
	store := slowStore{local.NewMemoryStore()}
	const many = 20
	first := local.New(local.WithStore(store.MemoryStore))
	began := make(chan struct{}, many)
	hang := local.HandlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		began <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err := first.Host("f", hang, local.WithExecutionTimeout(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for i := range many {
		if _, err := first.Start(t.Context(), "f", "n"+strconv.Itoa(i), nil); err != nil {
			t.Fatal(err)
		}
		<-began
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := store.List(local.Query{})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(many / 2 * readTime) // when half of them have been read
	for _, rec := range all {
		key := local.TimerKey{Purpose: local.PurposeExecutionTimeout}
		if err := store.Commit(local.Transition{Execution: rec, Set: []local.Timer{{TimerKey: key, At: at}}}); err != nil {
			t.Fatal(err)
		}
	}

	second := local.New(local.WithStore(store))
	defer second.Close()
	if err := second.Err(); err != nil {
		t.Fatal(err)
	}
	for _, e := range second.Executions() {
		if err := e.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, rec := range all {
		events, err := store.Events(rec.ARN, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if last := events[len(events)-1].Type; last != local.EventExecutionTimedOut {
			t.Errorf("%s: the last event is %s, want %s", rec.Name, last, local.EventExecutionTimedOut)
		}
	}
	if n := len(second.Executions()); n != 0 {
		t.Errorf("%d executions that have ended are still in memory", n)
	}
}
