package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

// Start begins an execution of a function. The name is unique for the function; an empty one
// stands for a generated name. If an execution of that name was started with the same payload, it
// is returned, whether it has ended or not; with another payload, the error is an
// [*AlreadyStartedError]. The error is [ErrNoFunction] if no one hosts the function.
//
// ctx limits the call, not the execution.
func (s *Service) Start(ctx context.Context, function, name string, payload []byte) (*Execution, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.start(launchOrder{StartInput: StartInput{Function: function, Name: name, Input: payloadOrNone(payload)}})
}

// StartInput is what an execution is started with.
type StartInput struct {
	// Function is the name of the function: see [Service.Host].
	Function string
	// Name is the name of the execution, unique for the function. An empty one stands for a
	// generated name.
	Name string
	// Tenant is the tenant that the caller names; it may be empty.
	Tenant string
	// TraceHeader is the X-Ray trace header that all invocations of the execution have; it may be
	// empty.
	TraceHeader string
	// Input is what the function is given.
	Input checkpoint.Payload
	// Async says that no one waits for the result; other limits hold then: see [Limits].
	Async bool
}

// StartWith is [Service.Start] for everything that a start can say. Its errors are the same.
func (s *Service) StartWith(in StartInput) (*Execution, error) {
	return s.start(launchOrder{StartInput: in})
}

// Run hosts h under a throw-away name, starts an execution and waits until it has ended; under a
// virtual clock it drives it there, advancing the clock from timer to timer. It returns the
// result, or an [*ExecutionError] if there is none.
func (s *Service) Run(ctx context.Context, h Handler, payload []byte) ([]byte, error) {
	s.mu.Lock()
	s.generated++
	function := "run-" + strconv.Itoa(s.generated)
	s.mu.Unlock()
	if err := s.Host(function, h); err != nil {
		return nil, err
	}
	defer s.unhost(function)
	e, err := s.Start(ctx, function, "", payload)
	if err != nil {
		return nil, err
	}
	if err := e.Drive(ctx); err != nil {
		return nil, errors.Join(err, e.abandon())
	}
	return e.Result(), e.Err()
}

// abandon stops an execution whose function is not hosted any more.
func (e *Execution) abandon() error {
	err := e.Stop(&checkpoint.Failure{Message: "the caller has stopped waiting for the execution"})
	if !errors.Is(err, ErrEnded) && e.svc.down() == nil {
		return err
	}
	return nil
}

// payloadOrNone returns the payload with this text, none if it is nil.
func payloadOrNone(text []byte) checkpoint.Payload {
	if text == nil {
		return checkpoint.Payload{}
	}
	return checkpoint.TextPayload(string(text))
}

// launchOrder is a start by anybody, the service itself included.
type launchOrder struct {
	StartInput

	arn                        string // empty for a new one
	parentARN, parentOperation string
}

func (s *Service) start(o launchOrder) (*Execution, error) {
	if err := s.limits.checkOrder(o); err != nil {
		return nil, err
	}
	for {
		e := &Execution{
			svc: s, input: o.Input, done: make(chan struct{}),
			index: make(map[string]*record), timers: make(map[TimerKey]*armed),
		}
		e.mu.Lock() // no one sees the execution before it is stored
		first, err := s.reserve(e, o)
		if first == nil && err == nil {
			return s.begin(e, o)
		}
		e.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case first.begun():
			return first.again(o)
		}
		// The other one that had the name could not be stored.
	}
}

// begin stores an execution that has its name, unless an earlier one is kept under it. The
// execution's mutex is held, and is not any more afterwards.
func (s *Service) begin(e *Execution, o launchOrder) (*Execution, error) {
	if o.Name != "" { // one that was made up is new
		kept, err := s.named(e.key)
		if kept != nil || err != nil {
			s.forget(e)
			e.mu.Unlock()
			if err != nil {
				return nil, err
			}
			return kept.again(o)
		}
	}
	d := e.begin(false)
	d.open()
	err := d.commit()
	if err == nil {
		s.publish(e)
		e.wake()
	} else {
		s.forget(e)
	}
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	d.conclude()
	return e, nil
}

// reserve names an execution, unless there is one of that name in memory. Whoever asks for the name
// from now on waits for the execution's mutex, which is held.
func (s *Service) reserve(e *Execution, o launchOrder) (first *Execution, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, s.down()
	}
	h, err := s.resolve(o.Function)
	if err != nil {
		return nil, err
	}
	if o.Name == "" {
		s.generated++
		o.Name = api.UniqueID(s.nameSeed, "name", strconv.Itoa(s.generated))
	}
	e.key = nameKey{h.Unqualified(), o.Name}
	if first, ok := s.byName[e.key]; ok {
		return first, nil
	}
	e.arn, e.function = o.arn, h.Qualified()
	if e.arn == "" {
		e.arn = s.executionARN(h, o.Name)
	}
	e.rec = ExecutionRecord{
		ARN: e.arn, Name: o.Name, Function: h.Executed(), Alias: h.Alias(), Plain: h.plain, Async: o.Async, Tenant: o.Tenant,
		TraceHeader: o.TraceHeader,
		ParentARN:   o.parentARN, ParentOperation: o.parentOperation,
		Input: o.Input, Status: StatusRunning, Timeout: h.executionTimeout,
	}
	s.byName[e.key] = e
	return nil, nil
}

// begun waits until an execution is stored, and reports whether it was.
func (e *Execution) begun() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.events) > 0
}

// again answers a start with the execution that has the name already.
func (e *Execution) again(o launchOrder) (*Execution, error) {
	if !e.input.Equal(o.Input) {
		return nil, &AlreadyStartedError{Name: e.key.name, ARN: e.arn}
	}
	return e, nil
}

// named returns the execution that the store keeps under a name, nil if there is none: one that has
// ended, since those that run are in memory. The service's mutex is not held: the store may be
// slow.
func (s *Service) named(key nameKey) (*Execution, error) {
	kept, err := s.store.List(Query{Function: key.function, Name: key.name, Limit: 1})
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	e, _, err := s.read(kept[0].ARN)
	return e, err
}

// publish makes an execution known that is stored.
func (s *Service) publish(e *Execution) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byARN[e.arn] = e
	s.all = append(s.all, e)
}

func (s *Service) forget(e *Execution) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName[e.key] == e {
		delete(s.byName, e.key)
	}
	if s.byARN[e.arn] == e {
		delete(s.byARN, e.arn)
	}
	s.all = slices.DeleteFunc(s.all, func(x *Execution) bool { return x == e })
}

// open writes the first record and the first event of an execution.
func (d *draft) open() {
	d.rec.Start, d.rec.Due = d.now, true
	d.put(&Record{Operation: checkpoint.Operation{
		ID: d.rec.ID(), Name: d.rec.Name, Kind: checkpoint.KindExecution,
		Status: checkpoint.StatusStarted, Start: d.now, Payload: d.rec.Input,
	}})
	shown := d.rec.Timeout
	if shown == 0 {
		shown = limits.Duration
	} else {
		d.arm(TimerKey{Purpose: PurposeExecutionTimeout}, d.rec.Timeout)
	}
	d.logOfExecution(Event{Type: EventExecutionStarted, Input: d.rec.Input, Timeout: shown})
}

// checkOrder refuses what an execution cannot be started with (Lambda API, Invoke).
func (l Limits) checkOrder(o launchOrder) error {
	if o.Name != "" && !api.Matches(o.Name, limits.ExecutionName, api.IsNameByte) {
		return fmt.Errorf("local: the name of an execution is 1 to 64 of [a-zA-Z0-9-_], not %q", o.Name)
	}
	if size := len(o.Input.Bytes()); size > l.InputBytes {
		return fmt.Errorf("local: the payload is %d bytes long, of at most %d", size, l.InputBytes)
	}
	if !validTraceHeader(o.TraceHeader) {
		return fmt.Errorf("local: the trace header is not text of at most %d printable characters", limits.TraceHeader)
	}
	if !utf8.Valid(o.Input.Bytes()) {
		return errors.New("local: the payload is not valid UTF-8")
	}
	return nil
}

// validTraceHeader reports whether a trace header can be that of an HTTP request, as it is where
// the function runs.
func validTraceHeader(header string) bool {
	return header == "" || api.Matches(header, limits.TraceHeader, api.IsPrintable)
}
