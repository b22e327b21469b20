package local

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// closeGrace is how long Close waits for functions that do not obey their context, in real time.
const closeGrace = 5 * time.Second

var _ checkpoint.Client = (*Service)(nil)

// Service is the durable execution service. It is a [checkpoint.Client], and safe for concurrent
// use. Make one with [New] and close it.
type Service struct {
	config
	limits  Limits
	virtual *VirtualClock // nil under any other clock
	real    bool
	// seed makes ARNs unique, nameSeed the names that are made up.
	seed, nameSeed string
	requests       atomic.Int64 // IDs made up for calls

	// base is the parent of the contexts of all invocations; it ends when the service is closed.
	base context.Context //nolint:containedctx // the lifetime of the service
	stop context.CancelCauseFunc
	// work are the goroutines of the service, functions those of the functions it invokes.
	work, functions sync.WaitGroup

	mu     sync.Mutex // guards what follows; taken after the mutex of an execution
	hosts  map[string]hosted
	byARN  map[string]*Execution
	byName map[nameKey]*Execution
	all    []*Execution
	queue  []*Execution // executions to invoke, under a virtual clock
	// orphans are chained invocations whose targets wait for someone to host them.
	orphans []orphan
	// deletions counts the executions of a name that were deleted.
	deletions map[nameKey]int
	// invoking is how many invocations run.
	invoking  int
	generated int // names made up
	closed    bool
	changed   chan struct{} // closed when something has changed; nil while no one waits
}

// nameKey is what the name of an execution is unique in.
type nameKey struct{ function, name string }

// New returns a service that hosts nothing. It takes over the executions that an earlier service
// has left unfinished in the store: they go on when their functions are hosted. If the store cannot
// be read, every call of the service fails; [Service.Err] says why.
func New(opts ...Option) *Service {
	s := &Service{
		hosts:  make(map[string]hosted),
		byARN:  make(map[string]*Execution),
		byName: make(map[nameKey]*Execution), deletions: make(map[nameKey]int),
	}
	for _, o := range opts {
		o.apply(&s.config)
	}
	s.limits = s.config.limits.withDefaults()
	if s.store == nil {
		s.store = NewMemoryStore()
	}
	if s.clock == nil {
		s.real = true
		s.clock = checkpoint.ClockFrom(context.Background()) //nolint:forbidigo // an empty context has the real clock
	}
	s.virtual, _ = s.clock.(*VirtualClock)
	if s.virtual == nil {
		s.seed = s.clock.Now().String()
		s.nameSeed = s.seed
		if s.functionTimeout == 0 {
			s.functionTimeout = 15 * time.Minute
		}
	}
	s.base, s.stop = context.WithCancelCause(context.Background()) //nolint:forbidigo // outlives the calls that start executions
	if err := s.recover(); err != nil {
		s.breakDown(err)
	}
	return s
}

// Close stops the service: the contexts of running invocations end, no timer fires any more, and
// every call fails with [ErrClosed]. It returns when all goroutines have ended; the error says
// that some functions have not obeyed their context for 5 seconds, or what had broken the service
// before. What runs is not ended: a store keeps it.
func (s *Service) Close() error {
	s.shut(ErrClosed)
	s.work.Wait()
	for _, e := range s.Executions() {
		e.stopTimers()
	}
	broken := s.down()
	if errors.Is(broken, ErrClosed) {
		broken = nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.base), closeGrace)
	defer cancel()
	if !wait(ctx, &s.functions) {
		return errors.Join(broken, fmt.Errorf("local: close: functions are still running %v after their contexts ended", closeGrace))
	}
	return broken
}

// Err returns why the service does not run: [ErrClosed], or that the store has failed. It is nil
// while it runs.
func (s *Service) Err() error { return s.down() }

// Limits returns the quotas of the service, with their defaults.
func (s *Service) Limits() Limits { return s.limits }

// RequestID returns an ID for a call: another one each time, and the same ones
// under a virtual clock.
func (s *Service) RequestID() string {
	return api.UniqueID(s.seed, "request", strconv.FormatInt(s.requests.Add(1), 10))
}

// executionARN returns the ARN of an execution (Lambda API, DurableExecutionArn). The service's
// mutex is held.
func (s *Service) executionARN(h hosted, name string) string {
	parts := []string{s.seed, h.Unqualified(), name}
	if n := s.deletions[nameKey{h.Unqualified(), name}]; n > 0 {
		parts = append(parts, strconv.Itoa(n))
	}
	return h.Executed() + "/durable-execution/" + name + "/" + api.UniqueID(parts...)
}

// targetARN returns the ARN of the execution that a chained invocation starts.
func (s *Service) targetARN(h hosted, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.executionARN(h, name)
}

// wait waits for the group, or for the end of ctx, and reports whether the group is done.
func wait(ctx context.Context, group *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		group.Wait()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// Advance moves the virtual clock by d and fires the timers that are due on the way. It runs no
// function: [Execution.RunUntilSuspended] does. Under another clock it does nothing.
func (s *Service) Advance(d time.Duration) {
	if s.virtual != nil {
		s.virtual.Advance(d)
	}
}

// Execution returns the execution with this ARN, also one that ended under an earlier service.
func (s *Service) Execution(arn string) (*Execution, bool) {
	s.mu.Lock()
	e, ok := s.byARN[arn]
	s.mu.Unlock()
	if ok {
		return e, true
	}
	e, _, err := s.read(arn)
	return e, err == nil && e.ended()
}

// Executions returns the executions that the service has in memory, in the order they were
// started: those that an earlier service has left unfinished and those that were started since.
// One that has ended stays if the store is a [MemoryStore]; otherwise the store has it, and
// [Service.Execution] finds it.
func (s *Service) Executions() []*Execution {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Execution(nil), s.all...)
}

// now returns the time that records show.
func (s *Service) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// enter reports whether the service is open, and keeps Close waiting until leave if so.
func (s *Service) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

func (s *Service) leave() { s.work.Done() }

// enqueue makes sure that an execution is invoked: now, or when someone drives the service.
func (s *Service) enqueue(e *Execution) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.parked {
		e.waiting = true
		return
	}
	s.schedule(e)
}

// schedule has an execution invoked. The service's mutex is held.
func (s *Service) schedule(e *Execution) {
	if s.virtual != nil {
		s.queue = append(s.queue, e)
		return
	}
	s.launch(e)
}

// launch invokes an execution on a goroutine of its own. The service's mutex is held.
func (s *Service) launch(e *Execution) {
	if s.closed {
		return
	}
	s.invoking++
	s.work.Go(func() {
		s.invoke(e)
		s.mu.Lock()
		s.invoking--
		s.mu.Unlock()
		s.notify()
	})
}

// notify wakes everybody who waits for a change.
func (s *Service) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// change returns a channel that is closed at the next change. The service's mutex is held.
func (s *Service) change() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// breakDown stops the service for good: what it cannot store it must not do.
func (s *Service) breakDown(err error) { s.shut(fmt.Errorf("local: the service has stopped: %w", err)) }

// shut keeps everything new from beginning and ends the contexts of what runs.
func (s *Service) shut(cause error) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop(cause)
	s.notify()
}

// down returns why the service does not run any more, nil if it does.
func (s *Service) down() error { return context.Cause(s.base) }
