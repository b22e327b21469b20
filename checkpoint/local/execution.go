package local

import (
	"context"
	"slices"
	"sync"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// Execution is one execution of a function. Its methods show the state at the moment of the call;
// they are safe for concurrent use.
type Execution struct {
	svc           *Service
	arn, function string
	key           nameKey
	input         checkpoint.Payload

	done chan struct{} // closed when the history is complete

	mu      sync.Mutex // guards what follows
	rec     ExecutionRecord
	records []*record
	index   map[string]*record
	// changes are all changes of records, in order.
	changes []change
	events  []Event
	timers  map[TimerKey]*armed
	calls   []Call
	// last is the reply to the last accepted call.
	last namedReply
	// lastPause and lastResume are the last calls that paused and resumed the execution.
	lastPause, lastResume namedCall
	// inv is the last invocation, nil before the first.
	inv *invocation
	// queued: an invocation will begin. running: one has begun and not ended. resting: none begins
	// before the pause after one that failed is over.
	queued, running, resting bool
	// parked: no one hosts the function of an execution that an earlier service has begun; waiting:
	// an invocation is to begin when someone does. Both are guarded by the service's mutex.
	parked, waiting bool
	// known is how many changes the last invocation knows.
	known int
}

// record is an operation in the log.
type record struct {
	Record
	// revision is the number of its last change, sent that of the last one a function was sent.
	revision, sent int
}

// change is one change of a record. It is external if the function has not made it.
type change struct {
	r        *record
	external bool
}

// ARN returns the ARN of the execution.
func (e *Execution) ARN() string { return e.arn }

// Name returns the name of the execution, which is unique for its function.
func (e *Execution) Name() string { return checkpoint.ExecutionName(e.arn) }

// Status returns how far the execution has come.
func (e *Execution) Status() Status { return e.snapshot().Status }

// Result returns the result of an execution that has succeeded, nil if it has none.
func (e *Execution) Result() []byte { return e.snapshot().Result.Bytes() }

// Failure returns why the execution ended without a result, nil if no one said so.
func (e *Execution) Failure() *checkpoint.Failure { return e.snapshot().Failure }

// Err returns an [*ExecutionError] if the execution has ended without a result.
func (e *Execution) Err() error {
	rec := e.snapshot()
	if !rec.Status.Terminal() || rec.Status == StatusSucceeded {
		return nil
	}
	return &ExecutionError{ARN: rec.ARN, Status: rec.Status, Failure: rec.Failure}
}

// Invocations returns how many invocations have begun.
func (e *Execution) Invocations() int { return e.snapshot().Invocations }

// Record returns what is kept of the execution.
func (e *Execution) Record() ExecutionRecord { return e.snapshot() }

func (e *Execution) snapshot() ExecutionRecord {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rec
}

// Operations returns all records of the log in the order they were made, that of the execution
// first, also those that a state would leave out.
func (e *Execution) Operations() []checkpoint.Operation {
	e.mu.Lock()
	defer e.mu.Unlock()
	ops := make([]checkpoint.Operation, len(e.records))
	for i, r := range e.records {
		ops[i] = r.Operation
	}
	return ops
}

// Operation returns the record of one operation.
func (e *Execution) Operation(id string) (checkpoint.Operation, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.index[id]
	if !ok {
		return checkpoint.Operation{}, false
	}
	return r.Operation, true
}

// History returns the events so far.
func (e *Execution) History() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.events)
}

// Wait waits until the execution has ended and its history is complete. It drives nothing: under a
// virtual clock use [Execution.Drive]. The error is that of ctx, or says that the service is down.
func (e *Execution) Wait(ctx context.Context) error {
	select {
	case <-e.done:
		return nil
	default:
	}
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-e.svc.base.Done():
		return e.svc.down()
	}
}

// Stop ends an execution with STOPPED. Its running operations stay as they are; an invocation that
// runs finds its token refused. failure may be nil. The error is [ErrEnded] if the execution has
// ended already.
func (e *Execution) Stop(failure *checkpoint.Failure) error {
	if !e.svc.enter() {
		return e.svc.down()
	}
	defer e.svc.leave()
	if err := e.svc.limits.checkFailure(api.CallStop, failure); err != nil {
		return err
	}
	return e.transact(true, func(d *draft) error {
		if d.rec.Status.Terminal() {
			return ErrEnded
		}
		d.end(StatusStopped, checkpoint.Payload{}, clone(failure), false)
		return nil
	})
}

// ended reports whether the execution has ended and its history is complete.
func (e *Execution) ended() bool { return !e.rec.Unfinished() }

// retire drops an execution that has ended from memory if the store keeps it elsewhere.
func (e *Execution) retire() {
	if !e.svc.keepsAll() {
		e.svc.forget(e)
	}
}

// keepsAll reports whether all that was ever done stays in memory, as it does in the store.
func (s *Service) keepsAll() bool {
	_, inMemory := s.store.(*MemoryStore)
	return inMemory
}

func (e *Execution) closeDone() {
	select {
	case <-e.done:
	default:
		close(e.done)
	}
}

// wake has the execution invoked, unless an invocation or the pause after one is to end before, or
// the execution is paused: what is due then is due when it is resumed. The execution's mutex is
// held.
func (e *Execution) wake() {
	if e.rec.Status != StatusRunning || e.queued || e.running || e.resting {
		return
	}
	e.queued = true
	e.svc.enqueue(e)
}
