package conformance

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"

	"github.com/perdure/perdure/replay/conformance/handlers"
)

// InProcess is a [Host] that runs functions in this process, under a virtual clock. A function
// that ends its process is lost, as if it had: see [local.Kill].
type InProcess struct {
	// Faults break things on purpose.
	Faults []local.Faults
	// Functions are the functions by the IDs of their requirements; nil stands for
	// [handlers.Table].
	Functions func(w handlers.World) map[string]lambda.Handler
}

var _ Host = InProcess{}

// maxMoves bounds how often the clock moves in one execution: one that goes on forever is a bug.
const maxMoves = 2000

// Run implements [Host].
func (h InProcess) Run(ctx context.Context, q *Requirement, vars *Vars) (*Observation, error) {
	clock := local.NewVirtualClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	opts := []local.Option{local.WithClock(clock)}
	for _, f := range h.Faults {
		opts = append(opts, local.WithFaults(f))
	}
	service := local.New(opts...)
	m := &machine{service: service, clock: clock, functions: h.Functions, counters: make(map[string]int)}
	if m.functions == nil {
		m.functions = handlers.Table
	}
	o, err := m.run(ctx, q, vars)
	if closing := service.Close(); err == nil {
		err = closing
	}
	return o, err
}

// machine is where functions run: their standard output, their clock, the end of their process.
type machine struct {
	service *local.Service
	clock   *local.VirtualClock

	functions func(w handlers.World) map[string]lambda.Handler
	spans     spanSink

	mu       sync.Mutex
	lines    []Record
	partial  []byte // the last line, as far as it was written
	counters map[string]int
	exits    int
}

func (m *machine) run(ctx context.Context, q *Requirement, vars *Vars) (*Observation, error) {
	world := handlers.World{Out: m, Exit: m.exit, Sleep: m.sleep, Count: m.count, Trace: tracing(&m.spans)}
	view, traced := handlers.IsTraced(q.ID)
	function, ok := m.functions(world)[q.ID]
	if !ok {
		return nil, fmt.Errorf("conformance: no handler has the ID %s", q.ID)
	}
	if err := m.service.Host("requirement", function, hosting(q)...); err != nil {
		return nil, err
	}
	targets := handlers.Targets()
	if traced {
		maps.Copy(targets, handlers.TracedTargets(world, view))
	}
	for name, f := range targets {
		if traced {
			f = m.later(f)
		}
		if err := m.service.Host(name, f); err != nil {
			return nil, err
		}
	}
	input, err := dump(&q.Input, vars)
	if err != nil {
		return nil, err
	}
	e, err := m.service.StartWith(startOf(q, input))
	if err != nil {
		return nil, err
	}
	a := newActor(m.service, m.clock, vars, q.Actions)
	if err := m.drive(ctx, e, q, a); err != nil {
		return nil, err
	}
	o := &Observation{ARN: e.ARN(), Status: string(e.Status()), Result: e.Result(), Problems: a.seen(), Spans: m.spans.seen()}
	o.Logs, o.Exits = m.seen()
	o.History, err = events(e.History())
	return o, err
}

// drive runs an execution to its end, or as far as the requirement goes.
func (m *machine) drive(ctx context.Context, e *local.Execution, q *Requirement, a *actor) error {
	last := q.lastEvent()
	for range maxMoves {
		if err := e.RunUntilSuspended(ctx); err != nil {
			return err
		}
		history := e.History()
		if e.Status() != local.StatusRunning || q.Result == nil && len(history) >= last {
			return nil
		}
		a.look(history)
		at, ok := m.clock.Next()
		if !ok {
			return nil // nothing will happen any more: the status says so
		}
		m.clock.AdvanceTo(at)
	}
	return fmt.Errorf("conformance: the execution of %s does not end: the clock has moved %d times", q.ID, maxMoves)
}

// Write takes in what functions write to their standard output.
func (m *machine) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.partial = append(m.partial, p...)
	for {
		line, rest, ok := bytes.Cut(m.partial, []byte{'\n'})
		if !ok {
			return len(p), nil
		}
		m.lines = append(m.lines, NewRecord(m.clock.Now().UnixMilli(), int64(len(m.lines)), string(line)))
		m.partial = rest
	}
}

// seen returns what functions have written, and how often they have ended their process.
func (m *machine) seen() (lines []Record, exits int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.lines), m.exits
}

// count counts outside of the function's process.
func (m *machine) count(key string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counters[key]++
	return m.counters[key]
}

// patience is how long, in real time, a body that sleeps waits for the record of its start.
const patience = 5 * time.Second

// sleep lets time pass. What the interpreter does meanwhile, on other goroutines, has real time
// to happen: it sends the start of the operation.
func (m *machine) sleep(ctx context.Context, d time.Duration) {
	m.clock.Advance(d)
	info, _ := op.InfoFrom(ctx)
	e, ok := m.service.Execution(info.ExecutionARN)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond) //nolint:forbidigo // real time, for other goroutines
	defer tick.Stop()
	for ok && ctx.Err() == nil {
		if _, started := e.Operation(info.ID); started {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// exit ends the function that ctx belongs to as if its process had ended.
func (m *machine) exit(ctx context.Context) {
	m.mu.Lock()
	m.exits++
	m.mu.Unlock()
	local.Kill(ctx)
	runtime.Goexit()
}
