package page

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// manyItems is how many executions are read at once where the last ones say enough.
const manyItems = 1000

// shelf is where executions on this machine are read: in a service, or in a store.
type shelf struct {
	list      func(q local.Query) ([]local.ExecutionRecord, error)
	record    func(arn string) (local.ExecutionRecord, error)
	timers    func(arn string) ([]local.Timer, error)
	events    func(arn string, after int) ([]local.Event, error)
	functions func() ([]Function, error)
	timeout   func(function string) time.Duration // of an invocation; nil if that is not known
	runs      bool                                // a service runs them
}

// FromService returns what a service runs and has run.
func FromService(s *local.Service) Source {
	return shelf{
		list: s.List, record: s.Record, timers: s.Timers, runs: true,
		timeout: func(function string) time.Duration {
			f, err := s.Function(function)
			if err != nil { // it is hosted no longer
				return 0
			}
			return f.FunctionTimeout
		},
		events: func(arn string, after int) (all []local.Event, err error) {
			for more := true; more; {
				var events []local.Event
				if events, more, err = s.Events(arn, after, 10*manyItems, false); err != nil {
					return nil, err
				}
				if all = append(all, events...); len(events) > 0 {
					after = events[len(events)-1].ID
				}
			}
			return all, nil
		},
		functions: func() ([]Function, error) {
			var out []Function
			for _, f := range s.Functions() {
				if !f.Plain {
					out = append(out, Function{Name: f.Name})
				}
			}
			return out, nil
		},
	}
}

// FromStore returns what a store keeps that no service of this program uses.
func FromStore(s local.Store) Source {
	return shelf{
		list: s.List,
		record: func(arn string) (local.ExecutionRecord, error) {
			kept, err := s.Load(arn)
			return kept.Execution, err
		},
		timers: func(arn string) ([]local.Timer, error) {
			kept, err := s.Load(arn)
			return kept.Timers, err
		},
		events: func(arn string, after int) ([]local.Event, error) { return s.Events(arn, after, 0) },
		functions: func() ([]Function, error) { // those of the last executions
			found, err := s.List(local.Query{Reverse: true, Limit: manyItems})
			var out []Function
			for i := range found {
				f := Function{Name: nameOf(found[i].Function)}
				if !slices.ContainsFunc(out, func(o Function) bool { return o.Name == f.Name }) {
					out = append(out, f)
				}
			}
			return out, err
		},
	}
}

// Functions implements [Source].
func (s shelf) Functions(context.Context) ([]Function, error) {
	out, err := s.functions()
	slices.SortFunc(out, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// List implements [Source].
func (s shelf) List(_ context.Context, q Query) (found []Execution, next string, err error) {
	query := local.Query{Reverse: true, After: q.Marker, Limit: q.Limit + 1}
	if q.Function != "" {
		query.Function = q.Function
		if !strings.HasPrefix(q.Function, "arn:") {
			if query.Function, err = s.arnOf(q.Function); err != nil || query.Function == "" {
				return nil, "", err
			}
		}
	}
	records, err := s.list(query)
	if err != nil {
		return nil, "", known(err)
	}
	if len(records) > q.Limit {
		records = records[:q.Limit]
		next = records[len(records)-1].ARN
	}
	for i := range records {
		found = append(found, executionOf(&records[i]))
	}
	return found, next, nil
}

// arnOf returns the ARN of a function without a qualifier, empty if there is no execution of it.
func (s shelf) arnOf(function string) (string, error) {
	found, err := s.list(local.Query{Reverse: true, Limit: manyItems})
	for i := range found {
		if nameOf(found[i].Function) == function {
			before, _, _ := strings.Cut(found[i].Function, ":function:")
			return before + ":function:" + function, err
		}
	}
	return "", err
}

// Execution implements [Source].
func (s shelf) Execution(_ context.Context, arn string) (*Execution, error) {
	r, err := s.record(arn)
	if err != nil {
		return nil, known(err)
	}
	e := executionOf(&r)
	if s.timeout != nil {
		e.FunctionTimeout = s.timeout(r.Function)
	}
	if s.runs && !r.Status.Terminal() { // what a service left behind that has ended runs no more
		e.Invoked = r.InvocationStart
	}
	if r.Unfinished() {
		timers, err := s.timers(arn)
		if err != nil {
			return nil, known(err)
		}
		e.Due = make(map[string]time.Time)
		for _, t := range timers {
			if t.Purpose != local.PurposeHeartbeat && t.Operation != "" {
				e.Due[t.Operation] = t.At
			}
		}
	}
	return &e, nil
}

// Events implements [Source].
func (s shelf) Events(_ context.Context, arn string, after int) ([]local.Event, error) {
	events, err := s.events(arn, after)
	return events, known(err)
}

// Forks implements [Source].
func (s shelf) Forks(_ context.Context, e *Execution) (found []Execution, err error) {
	function := e.Function
	if before, after, ok := strings.Cut(function, ":function:"); ok {
		name, _, _ := strings.Cut(after, ":")
		function = before + ":function:" + name
	}
	records, err := s.list(local.Query{Function: function, StartedAfter: e.Start, Reverse: true, Limit: manyItems})
	for i := range records {
		if from := records[i].ForkedFrom; len(from) > 0 && from[0] == e.ARN {
			found = append(found, executionOf(&records[i]))
		}
	}
	return found, known(err)
}

// known returns an error as the page knows it.
func known(err error) error {
	if errors.Is(err, local.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

func executionOf(r *local.ExecutionRecord) Execution {
	e := Execution{
		ARN: r.ARN, Name: r.Name, Function: r.Function, Status: string(r.Status), Start: r.Start, End: r.End,
		Failing: r.FailedInRow, Failure: r.Failure, Deadline: r.Deadline(), Parent: r.ParentARN,
		Pause: Pause{Since: r.Pause.Requested, Reason: r.Pause.Reason},
	}
	if r.Input.Present() {
		text := r.Input.String()
		e.Input = &text
	}
	if r.Result.Present() {
		text := r.Result.String()
		e.Result = &text
	}
	return e
}

// Announce returns a store that says on a bus which executions have changed.
func Announce(s local.Store, b *Bus) local.Store { return &announcer{s, b} }

type announcer struct {
	local.Store

	bus *Bus
}

// Commit keeps a transition, and says so.
func (a *announcer) Commit(t local.Transition) error {
	if err := a.Store.Commit(t); err != nil {
		return err
	}
	if len(t.Events) > 0 || len(t.Records) > 0 || len(t.Set) > 0 {
		e := executionOf(&t.Execution)
		e.Input, e.Result = nil, nil // rows do not have them
		a.bus.Publish(e)
	}
	return nil
}

// Close closes the store.
func (a *announcer) Close() error {
	if c, ok := a.Store.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

// nameOf returns the name of a function without its qualifier.
func nameOf(arn string) string {
	name, _ := functionOf(arn)
	return name
}

// ActionsOn returns what can be done to the executions of a service.
func ActionsOn(s *local.Service) Actions {
	return Actions{
		Succeed:   func(_ context.Context, id string, result []byte) error { return s.CompleteCallback(id, result) },
		Fail:      func(_ context.Context, id string, f checkpoint.Failure) error { return s.FailCallback(id, f) },
		Heartbeat: func(_ context.Context, id string) error { return s.Heartbeat(id) },
		Pause: func(ctx context.Context, arn, reason string) error {
			return s.Pause(ctx, checkpoint.PauseInput{ARN: arn, Reason: reason})
		},
		Resume: func(ctx context.Context, arn, reason string) error {
			return s.Resume(ctx, checkpoint.ResumeInput{ARN: arn, Reason: reason})
		},
		Stop: func(_ context.Context, arn string, f checkpoint.Failure) error {
			e, ok := s.Execution(arn)
			if !ok {
				return ErrNotFound
			}
			if f.Type == "" && f.Message == "" && f.Data == "" {
				return e.Stop(nil)
			}
			return e.Stop(&f)
		},
		Skip: func(ctx context.Context, arn, operation string, by time.Duration) error {
			return s.Skip(ctx, local.SkipInput{ARN: arn, Operation: operation, By: by})
		},
		Redrive: func(ctx context.Context, arn, name string) (string, error) {
			return arnOf(s.Redrive(ctx, local.ForkInput{ARN: arn, Name: name}))
		},
		Fork: func(ctx context.Context, arn, before, name string) (string, error) {
			return arnOf(s.Fork(ctx, local.ForkInput{ARN: arn, Before: before, Name: name}))
		},
		Start: func(_ context.Context, function, name string, input []byte) (string, error) {
			in := local.StartInput{Function: function, Name: name, Async: true}
			if input != nil {
				in.Input = checkpoint.NewPayload(input)
			}
			return arnOf(s.StartWith(in))
		},
	}
}

// arnOf returns the ARN of an execution that has been started.
func arnOf(e *local.Execution, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return e.ARN(), nil
}
