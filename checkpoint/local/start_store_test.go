package local_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

// gateStore lets go of the first commit when someone says so, and fails it.
type gateStore struct {
	*local.MemoryStore

	first         sync.Once
	entered, open chan struct{}
}

var errDiskFull = errors.New("the disk is full")

func (g *gateStore) Commit(t local.Transition) error {
	refused := false
	g.first.Do(func() {
		close(g.entered)
		<-g.open
		refused = true
	})
	if refused {
		return errDiskFull
	}
	return g.MemoryStore.Commit(t)
}

// A start under a name that another start has just taken is answered when that one is stored: what
// is answered before is lost with the service, and if it cannot be stored there is nothing to wait
// for.
func TestStartIsNotAnsweredWithAnExecutionThatIsNotStored(t *testing.T) {
	t.Parallel()
	store := &gateStore{MemoryStore: local.NewMemoryStore(), entered: make(chan struct{}), open: make(chan struct{})}
	svc := local.New(local.WithStore(store))
	defer svc.Close()
	if err := svc.Host("f", local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte(`1`), nil }), local.WithPlainFunction()); err != nil {
		t.Fatal(err)
	}
	type started struct {
		e   *local.Execution
		err error
	}
	begin := func() <-chan started {
		out := make(chan started, 1)
		go func() {
			e, err := svc.Start(t.Context(), "f", "n", []byte(`1`))
			out <- started{e, err}
		}()
		return out
	}
	first := begin()
	<-store.entered
	second := begin()
	select {
	case s := <-second:
		t.Errorf("the second start is answered with %v, %v, before the first is stored", s.e, s.err)
		close(store.open)
		return
	case <-time.After(20 * time.Millisecond): // it has had the time to be wrong
	}
	if n := len(svc.Executions()); n != 0 {
		t.Errorf("%d executions are known before one is stored", n)
	}
	close(store.open)
	if s := <-first; !errors.Is(s.err, errDiskFull) {
		t.Errorf("the start that cannot be stored: %v, want %v", s.err, errDiskFull)
	}
	s := <-second
	if s.err != nil {
		t.Fatal(s.err)
	}
	if err := s.e.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(s.e.ARN()); err != nil {
		t.Errorf("the execution that was answered is not stored: %v", err)
	}
}
