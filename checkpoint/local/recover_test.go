package local_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
)

// mortalStore fails every commit after a number of them, as if the service had died.
type mortalStore struct {
	*local.MemoryStore

	mu   sync.Mutex
	left int
	made int
}

var errDead = errors.New("the service is dead")

func (m *mortalStore) Commit(t local.Transition) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		return errDead
	}
	m.left--
	m.made++
	return m.MemoryStore.Commit(t)
}

// tour uses every kind of operation: a step that is tried twice, a wait, a callback, a chained
// invocation, and a result that is checkpointed.
func tour(k *talk) (string, error) {
	retry := update(checkpoint.KindStep, checkpoint.ActionRetry, "step")
	retry.NextAttemptDelay, retry.Failure = 2*time.Second, &checkpoint.Failure{Type: "busy"}
	done := update(checkpoint.KindStep, checkpoint.ActionSucceed, "step")
	done.Payload = checkpoint.TextPayload(`"stepped"`)
	ask := update(checkpoint.KindCallback, checkpoint.ActionStart, "ask")
	ask.Heartbeat = time.Minute
	call := func(id, function string) checkpoint.Update {
		u := update(checkpoint.KindChainedInvoke, checkpoint.ActionStart, id)
		u.Function, u.Payload = function, checkpoint.TextPayload(`7`)
		return u
	}
	result := update(checkpoint.KindExecution, checkpoint.ActionSucceed, checkpoint.ExecutionID(k.event.DurableExecutionArn))
	result.Name, result.Payload = "", checkpoint.TextPayload(`"toured"`)

	stages := []struct {
		id    string
		start []checkpoint.Update
	}{
		{"step", []checkpoint.Update{update(checkpoint.KindStep, checkpoint.ActionStart, "step"), retry}},
		{"pause", []checkpoint.Update{waitStart("pause", 3*time.Second)}},
		{"ask", []checkpoint.Update{ask}},
		{"durable", []checkpoint.Update{call("durable", "child")}},
	}
	for _, s := range stages {
		switch status := k.status(s.id); status {
		case "":
			if _, err := k.send(s.start...); err != nil {
				return "", err
			}
			return pending, nil
		case "READY":
			if _, err := k.send(update(checkpoint.KindStep, checkpoint.ActionStart, "step")); err != nil || k.token == "" {
				return pending, err
			}
			if _, err := k.send(done); err != nil || k.token == "" {
				return pending, err
			}
		case "STARTED":
			if s.id != "step" {
				return pending, nil
			}
			if _, err := k.send(done); err != nil || k.token == "" { // the attempt was cut off
				return pending, err
			}
		case "PENDING":
			return pending, nil
		}
	}
	if _, err := k.send(result); err != nil {
		return "", err
	}
	return `{"Status":"SUCCEEDED","Result":""}`, nil
}

// child waits a second.
func child(k *talk) (string, error) {
	switch k.status("nap") {
	case "":
		if _, err := k.send(waitStart("nap", time.Second)); err != nil {
			return "", err
		}
		return pending, nil
	case "STARTED":
		return pending, nil
	}
	return succeed(`"grown"`), nil
}

// touring is a service with a tour on it, which may be dead before it has got anywhere.
type touring struct {
	s     *local.Service
	clock *local.VirtualClock
	e     *local.Execution
}

// openTour makes a service on a store, hosts the functions and starts the execution, if it is not
// there yet.
func openTour(t *testing.T, store local.Store, clock *local.VirtualClock) *touring {
	t.Helper()
	g := &touring{s: local.New(local.WithStore(store), local.WithClock(clock)), clock: clock}
	for _, err := range []error{g.s.Host("tour", function(tour)), g.s.Host("child", function(child))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if g.e, err = g.s.Start(t.Context(), "tour", "one", []byte(`{}`)); err != nil && !errors.Is(err, errDead) {
		t.Fatal(err)
	}
	return g
}

// drive runs the execution to its end, or to the death of its service, and answers its callback.
func (g *touring) drive(t *testing.T) (dead bool) {
	t.Helper()
	for g.s.Err() == nil && g.e != nil {
		if err := g.e.RunUntilSuspended(t.Context()); err != nil || g.s.Err() != nil {
			break
		}
		if g.e.Status().Terminal() {
			return g.s.Err() != nil
		}
		if ask, ok := g.e.Operation("ask"); ok && ask.Status == checkpoint.StatusStarted {
			if err := g.s.CompleteCallback(ask.CallbackID, []byte(`"yes"`)); err != nil {
				break
			}
			continue
		}
		at, ok := g.clock.Next()
		if !ok {
			t.Fatalf("nothing will happen any more: %v", outlineOf(g.e))
		}
		g.clock.AdvanceTo(at)
	}
	return true
}

// outlineOf returns the history without what invocations leave in it.
func outlineOf(e *local.Execution) (lines []string) {
	for _, ev := range e.History() {
		if ev.Type != local.EventInvocationCompleted {
			lines = append(lines, fmt.Sprintf("%s %s %s %s attempt %d after %v", ev.Type, ev.OperationID, ev.Result.String(),
				ev.Target, ev.Attempt, ev.Time.Sub(start)))
		}
	}
	return lines
}

func logOf(e *local.Execution) (lines []string) {
	for _, o := range e.Operations() {
		lines = append(lines, fmt.Sprintf("%s %s %s attempt %d, %v", o.ID, o.Status, o.Payload.String(), o.Attempt, o.End.Sub(start)))
	}
	return lines
}

// TestServiceDiesAfterEveryTransition: whenever the service dies, the next one on the same store
// brings every execution to the same end, at the same times. It dies up to twice.
func TestServiceDiesAfterEveryTransition(t *testing.T) {
	t.Parallel()
	store := &mortalStore{MemoryStore: local.NewMemoryStore(), left: -1}
	undisturbed := openTour(t, store, local.NewVirtualClock(start))
	if undisturbed.drive(t) {
		t.Fatal(undisturbed.s.Err())
	}
	wantOutline, wantLog, transitions := outlineOf(undisturbed.e), logOf(undisturbed.e), store.made
	if got := string(undisturbed.e.Result()); got != `"toured"` || transitions < 20 {
		t.Fatalf("got %s after %d transitions", got, transitions)
	}
	deaths := 0
	for first := range transitions {
		for second := -1; second < min(transitions, draws.Count(6)); second++ { // -1: it does not die again
			deaths += dieTwice(t, first, second, wantOutline, wantLog)
		}
	}
	t.Logf("%d transitions, %d deaths of the service", transitions, deaths)
}

func dieTwice(t *testing.T, first, second int, wantOutline, wantLog []string) (deaths int) {
	t.Helper()
	memory, clock := local.NewMemoryStore(), local.NewVirtualClock(start)
	for _, left := range []int{first, second, -1} {
		g := openTour(t, &mortalStore{MemoryStore: memory, left: left}, clock)
		dead := g.drive(t)
		if err := g.s.Close(); err != nil && !errors.Is(err, errDead) {
			t.Fatal(err)
		}
		if dead {
			deaths++
			continue
		}
		if diff := cmp.Diff(wantOutline, outlineOf(g.e)); diff != "" {
			t.Fatalf("died after %d and %d transitions: history (-want +got):\n%s", first, second, diff)
		}
		if diff := cmp.Diff(wantLog, logOf(g.e)); diff != "" {
			t.Fatalf("died after %d and %d transitions: log (-want +got):\n%s", first, second, diff)
		}
		all, err := memory.List(local.Query{})
		if err != nil || len(all) != 2 || slices.ContainsFunc(all, func(r local.ExecutionRecord) bool { return r.Status != local.StatusSucceeded }) {
			t.Fatalf("died after %d and %d transitions: %d executions, %v: %+v", first, second, len(all), err, all)
		}
		return deaths
	}
	t.Fatal("the last service has died, too")
	return deaths
}

// TestInvocationIsInterrupted says what the history shows of an invocation that ran when the
// service ended, and that its tokens are of no use any more.
func TestInvocationIsInterrupted(t *testing.T) {
	t.Parallel()
	memory, clock := local.NewMemoryStore(), local.NewVirtualClock(start)
	old := &mortalStore{MemoryStore: memory, left: 3} // start, invocation, one call
	s := local.New(local.WithStore(old), local.WithClock(clock))
	var token string
	e := begin(t, s, function(func(k *talk) (string, error) {
		k.must(t, stepSucceed("a", "1"))
		token = k.token
		return succeed(`1`), nil
	}), `{}`)
	if err := e.RunUntilSuspended(t.Context()); err != nil && !errors.Is(err, errDead) || !errors.Is(s.Err(), errDead) {
		t.Fatal(err, s.Err())
	}

	s, e = reopen(t, memory, clock, e.ARN())
	if err := e.RunUntilSuspended(t.Context()); err != nil || e.Invocations() != 1 {
		t.Fatalf("the function is not hosted: %d invocations, %v", e.Invocations(), err)
	}
	_, err := s.Checkpoint(t.Context(), checkpoint.CheckpointInput{ARN: e.ARN(), Token: token})
	if api, ok := errors.AsType[*checkpoint.APIError](err); !ok || !strings.Contains(api.Message, "token") {
		t.Errorf("the token of the interrupted invocation: %v", err)
	}
	if err := s.Host("order", function(func(k *talk) (string, error) {
		if k.status("a") != "SUCCEEDED" {
			t.Errorf("a call was acknowledged and is lost: %s", k.payload)
		}
		return succeed(`2`), nil
	})); err != nil {
		t.Fatal(err)
	}
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	var ends []string
	for _, ev := range e.History() {
		if ev.Type == local.EventInvocationCompleted {
			kind := "answered"
			if ev.Failure != nil {
				kind = ev.Failure.Type
			}
			ends = append(ends, kind)
		}
	}
	if diff := cmp.Diff([]string{"Service.Interrupted", "answered"}, ends); diff != "" || string(e.Result()) != "2" {
		t.Errorf("result %s, invocations (-want +got):\n%s", e.Result(), diff)
	}
}

// TestPlainFunctionIsNotRepeated: what it has done before the service ended is not known.
func TestPlainFunctionIsNotRepeated(t *testing.T) {
	t.Parallel()
	memory, clock := local.NewMemoryStore(), local.NewVirtualClock(start)
	runs := 0
	plain := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) {
		runs++
		return []byte(`1`), nil
	})
	s := local.New(local.WithStore(&mortalStore{MemoryStore: memory, left: 2}), local.WithClock(clock)) // start, invocation
	if err := s.Host("order", plain, local.WithPlainFunction()); err != nil {
		t.Fatal(err)
	}
	e, err := s.Start(t.Context(), "order", "one", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = e.RunUntilSuspended(t.Context()) // the service dies
	next, e := reopen(t, memory, clock, e.ARN())
	if err := next.Host("order", plain, local.WithPlainFunction()); err != nil {
		t.Fatal(err)
	}
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Status() != local.StatusFailed || e.Failure().Type != "Service.Interrupted" || runs != 1 {
		t.Errorf("got %s, %+v after %d runs", e.Status(), e.Failure(), runs)
	}
}

// reopen makes the next service on a store and finds an execution there.
func reopen(t *testing.T, store local.Store, clock *local.VirtualClock, arn string) (*local.Service, *local.Execution) {
	t.Helper()
	s := local.New(local.WithStore(store), local.WithClock(clock))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	e, ok := s.Execution(arn)
	if !ok {
		t.Fatalf("the next service does not know %s: %v", arn, s.Err())
	}
	return s, e
}

// TestEndedExecutionsAreRemembered: their names are taken, and their results are there.
func TestEndedExecutionsAreRemembered(t *testing.T) {
	t.Parallel()
	store := &mortalStore{MemoryStore: local.NewMemoryStore(), left: -1} // not a *MemoryStore: ended executions leave memory
	clock := local.NewVirtualClock(start)
	s := local.New(local.WithStore(store), local.WithClock(clock))
	e := begin(t, s, function(func(*talk) (string, error) { return succeed(`1`), nil }), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Executions()); n != 0 {
		t.Errorf("%d executions that have ended are in memory", n)
	}
	for _, svc := range []*local.Service{s, local.New(local.WithStore(store), local.WithClock(clock))} {
		if err := svc.Host("order", function(func(*talk) (string, error) { return succeed(`2`), nil })); err != nil {
			t.Fatal(err)
		}
		same, err := svc.Start(t.Context(), "order", e.Name(), []byte(`{}`))
		if err != nil || same.ARN() != e.ARN() || string(same.Result()) != "1" || same.Wait(t.Context()) != nil {
			t.Errorf("the same name and payload: got %v, %v", same, err)
		}
		_, err = svc.Start(t.Context(), "order", e.Name(), []byte(`{"other":1}`))
		if taken, ok := errors.AsType[*local.AlreadyStartedError](err); !ok || taken.ARN != e.ARN() {
			t.Errorf("another payload: %v", err)
		}
		other, err := svc.Start(t.Context(), "order", "", []byte(`{}`))
		if err != nil || other.ARN() == e.ARN() {
			t.Errorf("a name is made up: %v, %v", other, err)
		}
		if err := other.Drive(t.Context()); err != nil {
			t.Error(err)
		}
	}
	all, err := store.List(local.Query{})
	if err != nil || len(all) != 3 {
		t.Errorf("there are %d executions, %v", len(all), err)
	}
}

// unreadableStore is damaged.
type unreadableStore struct{ *local.MemoryStore }

func (unreadableStore) List(local.Query) ([]local.ExecutionRecord, error) { return nil, errDisk }

func TestServiceOnAnUnreadableStore(t *testing.T) {
	t.Parallel()
	s := local.New(local.WithStore(unreadableStore{local.NewMemoryStore()}))
	if !errors.Is(s.Err(), errDisk) {
		t.Errorf("Err: %v", s.Err())
	}
	if err := s.Host("order", function(child)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Start(t.Context(), "order", "", nil); !errors.Is(err, errDisk) {
		t.Errorf("Start: %v", err)
	}
	if err := s.Close(); !errors.Is(err, errDisk) {
		t.Errorf("Close: %v", err)
	}
}
