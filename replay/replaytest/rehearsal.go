package replaytest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// errRehearsal ends the bodies that a rehearsal reaches.
var errRehearsal = errors.New("replaytest: no body is run to read a history")

// rehearse runs the handler in the test's process with what the history holds, to see paths,
// registered errors and codecs. No body is run, nothing is written, and how the handler ends
// does not matter.
func (w *watched) rehearse(ctx context.Context) *kit {
	k := emptyKit(w.cfg)
	k.seen = &sights{batches: make(map[string]*node.Batch), heads: make(map[string][]*node.Header)}
	defer func() {
		for id, path := range pathsOf(w.history.log, k.seen) {
			if k.paths[id] == "" {
				k.paths[id] = path
			}
		}
	}()
	k.body = func(context.Context, string, int, func(context.Context) (any, error)) (any, error) {
		return nil, retry.Permanent(errRehearsal)
	}
	event, err := checkpoint.EncodeInvocation(checkpoint.Invocation{ARN: w.arn, Token: "rehearsal", Operations: w.history.log})
	if err != nil {
		return k // the history is not that of the log: it was cut
	}
	const most = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	_, _ = w.f.Invoke(k.watch(checkpoint.WithClient(ctx, forbidden{})), event)
	return k
}

// forbidden is the client of a rehearsal. What it refuses ends the invocation and not the
// execution.
type forbidden struct{}

// Checkpoint implements [checkpoint.Client].
func (forbidden) Checkpoint(context.Context, checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	return checkpoint.CheckpointOutput{}, errForbidden("CheckpointDurableExecution")
}

// State implements [checkpoint.Client].
func (forbidden) State(context.Context, checkpoint.StateInput) (checkpoint.StateOutput, error) {
	return checkpoint.StateOutput{}, errForbidden("GetDurableExecutionState")
}

func errForbidden(call string) error {
	return &checkpoint.APIError{Call: call, HTTPStatus: http.StatusServiceUnavailable, Message: errRehearsal.Error()}
}
