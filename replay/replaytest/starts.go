package replaytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op"
)

// errNotExplored is what a successor fails with that was invoked all the same.
var errNotExplored = errors.New("replaytest: Explore runs the first execution of a chain alone")

// starts are the executions that operations have started: their ARNs by path.
type starts map[string]map[string]bool

var _ checkpoint.Starter = (*tardy)(nil)

// StartExecution implements checkpoint.Starter. A successor of the function under test does not
// run: it is paused before it is invoked.
func (c *tardy) StartExecution(ctx context.Context, in checkpoint.StartInput) (checkpoint.StartOutput, error) {
	starter, ok := checkpoint.ClientAs[checkpoint.Starter](c.Client)
	if !ok {
		return checkpoint.StartOutput{}, errors.New("replaytest: the client starts no executions")
	}
	out, err := starter.StartExecution(ctx, in)
	if err != nil {
		return out, err
	}
	info, _ := op.InfoFrom(ctx)
	c.t.note(func() {
		if c.t.started[info.Path] == nil {
			c.t.started[info.Path] = make(map[string]bool)
		}
		c.t.started[info.Path][out.ARN] = true
	})
	if e, ok := c.t.k.svc.Execution(out.ARN); !ok || !c.t.k.cfg.hostsAs(e.Record().Function) {
		return out, nil
	}
	err = c.t.k.svc.Pause(ctx, checkpoint.PauseInput{ARN: out.ARN, Reason: errNotExplored.Error()})
	if refused, ok := errors.AsType[*checkpoint.APIError](err); ok && refused.Conflict() {
		err = nil // an earlier attempt has paused it
	}
	return out, err
}

// hostsAs reports whether a function is the one under test.
func (c *config) hostsAs(function string) bool {
	_, name, _ := strings.Cut(function, ":function:")
	name, _, _ = strings.Cut(name, ":")
	return name == c.function()
}

// mine reports whether an event is one of the execution that is explored.
func (t *trial) mine(event []byte) bool {
	var e struct {
		ARN string `json:"DurableExecutionArn"`
	}
	return t.k.exec == nil || json.Unmarshal(event, &e) != nil || e.ARN == t.k.exec.ARN()
}

// startsProblem says what is wrong with the executions that were started; empty for nothing.
//
//  1. An operation starts one execution, however often its body runs.
//  2. What an operation, and the result of an execution that continues, says was started is there.
//  3. What an undisturbed execution has started is started, unless operations ran beside each
//     other, so that one may have been left behind before it began.
func (x *explorer) startsProblem(want, t *trial) string {
	var made, wanted starts
	t.note(func() { made = maps.Clone(t.started) })
	want.note(func() { wanted = maps.Clone(want.started) })
	for _, path := range sortedKeys(made) {
		if n := len(made[path]); n > 1 {
			return fmt.Sprintf("%q has started %d executions, of one: %s", path, n, strings.Join(names(made[path]), ", "))
		}
	}
	for _, o := range t.k.operations() {
		var arn string
		if o.SubType != subtype.Start || o.Status != checkpoint.StatusSucceeded || made[o.Path] == nil || json.Unmarshal([]byte(o.Result), &arn) != nil {
			continue
		}
		if !made[o.Path][arn] {
			return fmt.Sprintf("%q says that it has started %s, and what it has started is %s", o.Path, arn, strings.Join(names(made[o.Path]), ", "))
		}
	}
	if next, ok := checkpoint.ContinuedAs(t.result); ok && t.status == local.StatusSucceeded {
		if _, there := t.k.svc.Execution(next); !there {
			return fmt.Sprintf("the execution says that it continues as %s, which was not started", next)
		}
	}
	if t.interrupted || t.k.beside || want.k.beside {
		return ""
	}
	for _, path := range sortedKeys(wanted) {
		if !slices.Equal(names(wanted[path]), names(made[path])) {
			return fmt.Sprintf("%q has started %q, undisturbed it starts %q", path, names(made[path]), names(wanted[path]))
		}
	}
	return ""
}

// names lists executions.
func names(arns map[string]bool) (list []string) {
	for _, arn := range sortedKeys(arns) {
		list = append(list, checkpoint.ExecutionName(arn))
	}
	return list
}
