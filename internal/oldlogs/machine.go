package oldlogs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// The names are in the ARN, and the ARN is in what functions derive from it.
const (
	functionName  = "function"
	executionName = "old"
)

// start is when executions begin.
func start() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

const (
	// mostMoves is how often the clock moves in an execution before it counts as one that does not
	// end.
	mostMoves = 2000
	// mostInvocations is the same for its invocations.
	mostInvocations = 1000
	// patience is how long, in real time, an execution may take.
	patience = time.Minute
)

// machine runs one execution of a program.
type machine struct {
	clock   *local.VirtualClock
	service *local.Service
	exec    *local.Execution
	program Functions
	// invoke is the function that the service calls.
	invoke func(ctx context.Context, event []byte) ([]byte, error)
	// answer says what the outside does to a callback.
	answer Outside
	// haste is called before bodies and calls, to take some time; nil for none.
	haste func()

	mu       sync.Mutex // guards what follows
	answered map[string]int
	due      map[string]bool
	given    []answer // in order
	problems []string
}

func newMachine(p Program) (*machine, error) {
	m := &machine{
		clock: local.NewVirtualClock(start()), answered: make(map[string]int), due: make(map[string]bool),
	}
	// The pauses after failed invocations are those of the service that made the histories.
	m.service = local.New(local.WithClock(m.clock), local.WithLimits(local.Limits{RetryPause: time.Second, FailedInvocations: -1}))
	m.program = p.New(World{Service: m.service, Clock: m.clock})
	err := m.service.Host(functionName, local.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		return m.invoke(ctx, event)
	}))
	for name, h := range m.program.Hosts {
		err = errors.Join(err, m.service.Host(name, h))
	}
	return m, err
}

// run starts the execution and drives it to its end.
func (m *machine) run(ctx context.Context, input []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	e, err := m.service.Start(ctx, functionName, executionName, input)
	if err != nil {
		return err
	}
	m.exec = e
	for range mostMoves {
		if err := e.RunUntilSuspended(ctx); err != nil {
			return err
		}
		if e.Status().Terminal() {
			return nil
		}
		if e.Invocations() > mostInvocations {
			return fmt.Errorf("it makes no progress: it was invoked %d times", e.Invocations())
		}
		m.outside()
		at, ok := m.clock.Next()
		if !ok {
			return fmt.Errorf("it waits for something that does not come: %s", m.open())
		}
		m.clock.AdvanceTo(at)
	}
	return fmt.Errorf("it does not end: the clock has moved %d times", mostMoves)
}

// close ends the service.
func (m *machine) close() error { return m.service.Close() }

// open names what the execution waits for.
func (m *machine) open() string {
	var names []string
	for _, o := range m.exec.Operations() {
		if !o.Status.Terminal() && o.Kind != checkpoint.KindExecution && o.Kind != checkpoint.KindContext {
			names = append(names, fmt.Sprintf("%s %q is %s", o.Kind, o.Name, o.Status))
		}
	}
	if names == nil {
		return "nothing is pending"
	}
	return fmt.Sprint(names)
}

// outside acts whenever the function is suspended: it looks for open callbacks, and sets a timer
// for what is done to each.
func (m *machine) outside() {
	if m.answer == nil || m.exec == nil {
		return
	}
	for _, o := range m.exec.Operations() {
		if o.Kind != checkpoint.KindCallback || o.Status.Terminal() {
			continue
		}
		m.mu.Lock()
		number := m.answered[o.ID]
		var a Answer
		ok := !m.due[o.ID]
		if ok {
			a, ok = m.answer(o, number, m.clock.Now())
		}
		if ok {
			m.due[o.ID] = true
			m.answered[o.ID]++
		}
		m.mu.Unlock()
		if ok {
			m.clock.AfterFunc(a.At.Sub(m.clock.Now()), func() { m.give(o, a) })
		}
	}
}

// give does to a callback what the outside does.
func (m *machine) give(o checkpoint.Operation, a Answer) {
	if rec, _ := m.exec.Operation(o.ID); rec.Status.Terminal() || m.exec.Status().Terminal() {
		return // it has timed out
	}
	var err error
	given := answer{Callback: o.ID, After: span(m.clock.Now().Sub(o.Start)), Heartbeat: a.Heartbeat}
	switch {
	case a.Heartbeat:
		err = m.service.Heartbeat(o.CallbackID)
	case a.Failure != nil:
		given.Failure = newFailure(a.Failure)
		err = m.service.FailCallback(o.CallbackID, *a.Failure)
	default:
		if a.Result != nil {
			given.Result = textOf(checkpoint.NewPayload(a.Result))
		}
		err = m.service.CompleteCallback(o.CallbackID, a.Result)
	}
	m.note(func() {
		delete(m.due, o.ID)
		m.given = append(m.given, given)
	})
	if err != nil {
		m.complain("the answer to callback %q was refused: %v", o.Name, err)
	}
	if a.Heartbeat {
		m.outside()
	}
}

func (m *machine) note(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

func (m *machine) complain(format string, args ...any) {
	m.note(func() { m.problems = append(m.problems, fmt.Sprintf(format, args...)) })
}

func (m *machine) complaints() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.problems)
}

// since is the time from the beginning to t.
func since(t time.Time) span {
	if t.IsZero() {
		return 0
	}
	return span(t.Sub(start()))
}
