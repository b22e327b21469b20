package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/local/process"
	"github.com/perdure/perdure/replay/replayotel"

	"github.com/perdure/perdure/replay/conformance/handlers"
)

// The variables that make a program of this module a function: see [Main].
const (
	functionKey = "CONFORMANCE_FUNCTION"
	countersKey = "CONFORMANCE_COUNTERS"
	spansKey    = "CONFORMANCE_SPANS" // the URL that spans are exported to
	viewKey     = "CONFORMANCE_VIEW"  // of a target: that of who calls it
)

// Processes is a [Host] that runs each function in a process of its own, in real time. The
// processes talk to the service by HTTP, with the client of the AWS SDK; a function that ends its
// process really does.
type Processes struct {
	// Program is the path of a program whose main function calls [Main].
	Program string
}

var _ Host = Processes{}

// Main runs a function, if the environment says that this process is one, and then does not
// return. A main function that is to serve [Processes] calls it first.
func Main() {
	id := os.Getenv(functionKey)
	if id == "" {
		return
	}
	world := handlers.World{
		Out:  os.Stdout,
		Exit: func(context.Context) { os.Exit(1) },
		Sleep: func(ctx context.Context, d time.Duration) {
			ctx, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			<-ctx.Done()
		},
		Count: func(key string) int { return countInFile(os.Getenv(countersKey), key) },
		Trace: tracing(httpSpans{os.Getenv(spansKey)}),
	}
	function, ok := handlers.Table(world)[id]
	if !ok {
		function, ok = handlers.Targets()[id]
	}
	if !ok {
		view := replayotel.Invocations
		if os.Getenv(viewKey) == replayotel.Executions.String() {
			view = replayotel.Executions
		}
		function, ok = handlers.TracedTargets(world, view)[id]
	}
	if !ok {
		fmt.Fprintf(os.Stderr, "conformance: there is no function %s\n", id)
		os.Exit(2)
	}
	lambda.Start(function)
}

// countInFile adds one to a counter that is the length of a file in dir, and returns it.
func countInFile(dir, key string) int {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0
	}
	defer func() { _ = root.Close() }() // nothing was written through it alone
	f, err := root.OpenFile(key, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0
	}
	_, err = f.WriteString("x")
	info, statErr := f.Stat()
	if errors.Join(err, statErr, f.Close()) != nil {
		return 0
	}
	return int(info.Size())
}

// Run implements [Host].
func (h Processes) Run(ctx context.Context, q *Requirement, vars *Vars) (o *Observation, err error) {
	m := &mill{clock: checkpoint.ClockFrom(ctx), service: local.New()}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.open(ctx, h.Program, q); err != nil {
		return nil, err
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
	if err := m.await(ctx, e, q, a); err != nil {
		return nil, err
	}
	o = &Observation{ARN: e.ARN(), Status: string(e.Status()), Result: e.Result(), Problems: a.seen()}
	for _, ev := range e.History() {
		if ev.Type == local.EventInvocationCompleted && ev.Failure != nil && ev.Failure.Type == "Runtime.ExitError" {
			o.Exits++
		}
	}
	if o.History, err = events(e.History()); err != nil {
		return nil, err
	}
	// An execution may have ended before the last lines of its function have been read.
	err = m.stop()
	o.Logs, o.Spans = m.logs(), m.spans.seen()
	return o, err
}

// mill is where the processes of one execution run.
type mill struct {
	clock     checkpoint.Clock
	service   *local.Service
	server    *http.Server
	functions []*process.Function
	counters  string
	spans     spanSink

	mu    sync.Mutex
	lines []Record
}

// open starts the front of the service and hosts the function of a requirement, and its targets.
func (m *mill) open(ctx context.Context, program string, q *Requirement) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", lambdaapi.Handler(m.service))
	mux.Handle("POST "+spansPath, &m.spans)
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = m.server.Serve(listener) }() // it ends when the server is closed
	if m.counters, err = os.MkdirTemp("", "conformance-"); err != nil {
		return err
	}
	endpoint := "http://" + listener.Addr().String()
	view, traced := handlers.IsTraced(q.ID)
	f, err := m.function(program, q.ID, endpoint, view)
	if err != nil {
		return err
	}
	if err := m.service.Host("requirement", f, hosting(q)...); err != nil {
		return err
	}
	targets := handlers.Targets()
	if traced {
		targets = handlers.TracedTargets(handlers.World{}, view)
	}
	for name := range targets {
		f, err := m.function(program, name, endpoint, view)
		if err != nil {
			return err
		}
		if err := m.service.Host(name, target{f}); err != nil {
			return err
		}
	}
	return nil
}

func (m *mill) function(program, id, endpoint string, view replayotel.View) (*process.Function, error) {
	f, err := process.New(program, process.WithEndpoint(endpoint), process.WithOutput(m.take), process.WithEnv(
		functionKey+"="+id, countersKey+"="+m.counters, spansKey+"="+endpoint+spansPath, viewKey+"="+view.String()))
	if err == nil {
		m.functions = append(m.functions, f)
	}
	return f, err
}

// targetStart is how much later than here a target starts on Lambda, at least: the requirements
// count on a caller that has suspended before its target answers.
const targetStart = 200 * time.Millisecond

// target is a function that others invoke.
type target struct{ function *process.Function }

// Invoke implements [lambda.Handler].
func (t target) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	later, cancel := context.WithTimeout(ctx, targetStart)
	<-later.Done()
	cancel()
	if header := checkpoint.TraceHeaderFrom(ctx); header != "" {
		ctx = checkpoint.WithTraceHeader(ctx, behindSegment(header))
	}
	return t.function.Invoke(ctx, payload)
}

// stop ends the processes, and waits until all that they have written is taken in.
func (m *mill) stop() (err error) {
	for _, f := range m.functions {
		err = errors.Join(err, f.Close())
	}
	return err
}

func (m *mill) close() error {
	err := errors.Join(m.service.Close(), m.stop())
	if m.server != nil {
		err = errors.Join(err, m.server.Close())
	}
	if m.counters != "" {
		err = errors.Join(err, os.RemoveAll(m.counters))
	}
	return err
}

// take takes in a line that a function writes to its standard output.
func (m *mill) take(l process.Line) {
	if l.Stream != process.Stdout {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, NewRecord(l.Time.UnixMilli(), int64(len(m.lines)), l.Text))
}

func (m *mill) logs() []Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.lines)
}

// glance is how often the history is looked at.
const glance = 10 * time.Millisecond

// await waits until an execution has ended, or has come as far as the requirement goes.
func (m *mill) await(ctx context.Context, e *local.Execution, q *Requirement, a *actor) error {
	tick := time.NewTicker(glance) //nolint:forbidigo // processes run in real time
	defer tick.Stop()
	for {
		history := e.History()
		if e.Status() != local.StatusRunning && len(history) > 0 && history[len(history)-1].Type != local.EventInvocationCompleted ||
			q.Result == nil && len(history) >= q.lastEvent() {
			return nil
		}
		a.look(history)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("conformance: %s: %w while the execution was %s", q.ID, context.Cause(ctx), e.Status())
		}
	}
}
