package conformance

import (
	"context"
	"slices"

	"github.com/perdure/perdure/replay/conformance/handlers"
)

// Host runs functions: in this process, or wherever else there is one.
type Host interface {
	// Run runs the function with the ID of the requirement until its execution has ended, or, if
	// the requirement does not say how it ends, until the last listed event has happened. vars are
	// the variables of input and callbacks.
	Run(ctx context.Context, q *Requirement, vars *Vars) (*Observation, error)
}

// Observation is what was seen of an execution.
type Observation struct {
	// ARN names it.
	ARN string
	// Status is that of the execution, as the API spells it.
	Status string
	// Result is the text that it returned, nil if there is none.
	Result []byte
	// History are its events as the API gives them, Logs the lines that the function has written.
	History []Object
	Logs    []Record
	// Spans are those that were exported, in this order.
	Spans []*Span
	// Exits is how often the function has ended its own process.
	Exits int
	// Problems are what went wrong outside of the function: answers to callbacks that were refused.
	Problems []string
}

// Judge runs the function of a requirement on a host and returns a sentence for each demand that
// is not met. Random variables are drawn from seed. The error says that there was nothing to judge.
func Judge(ctx context.Context, h Host, q *Requirement, seed uint64) (problems []string, o *Observation, err error) {
	vars, err := NewVars(q.Variables, seed)
	if err != nil {
		return nil, nil, err
	}
	o, err = h.Run(ctx, q, vars)
	if err != nil {
		return nil, nil, err
	}
	problems = vars.Compare(q, o)
	if q.ExecutionTelemetry == nil {
		return problems, o, nil
	}
	other := *q // in the other view, as a function of its own
	other.ID, other.Telemetry, other.ExecutionTelemetry = q.ID+handlers.ExecutionsSuffix, q.ExecutionTelemetry, nil
	more, _, err := Judge(ctx, h, &other, seed)
	for _, p := range more {
		problems = append(problems, "in the view Executions: "+p)
	}
	return problems, o, err
}

// Compare compares what was seen of an execution with a requirement and returns a sentence for each
// demand that is not met. What the history binds is known to the result and the log.
func (v *Vars) Compare(q *Requirement, o *Observation) []string {
	problems := slices.Clone(o.Problems)
	problems = append(problems, v.History(q.History, o.History)...)
	problems = append(problems, v.Outcome(q.Result, o.Status, o.Result)...)
	problems = append(problems, v.Logs(q.Logs, o.Logs)...)
	if len(problems) > 0 {
		return problems // what was exported is judged of an execution that is as it should be
	}
	return append(v.Records(q.Telemetry, o.ARN, o.Logs), v.Spans(q.Telemetry, o.ARN, o.Spans)...)
}
