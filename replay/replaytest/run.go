package replaytest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Run runs an execution of f to its end and returns how it ended. Waits, retries and timeouts
// take no time. That the execution fails is a result like any other. With [Cloud] it runs an
// execution of a deployed function.
//
// The test fails at once if the execution cannot end, because it waits for a callback that no one
// answers, or because each invocation fails. The test goes on, marked as failed, if a stub, a
// reply or a hosted function was not used, if an invocation ran operations in another order or
// with other inputs than an earlier one, if a name was repeated without a key, or if the budget
// was exceeded.
func Run[In, Out any](tb testing.TB, f *replay.Function[In, Out], in In, opts ...Option) *Result[Out] {
	tb.Helper()
	cfg := runConfig(opts)
	if cfg.cloud != nil {
		return runCloud(tb, f, in, cfg)
	}
	return start(tb, f, in, cfg).Result()
}

// Result is how an execution ended. All of its fields are exported, so that cmp.Diff can compare
// two of them.
type Result[Out any] struct {
	// ARN is that of the execution. Cloud says that it ran a deployed function: see [Cloud] for
	// what is not known then.
	ARN   string
	Cloud bool
	// Value is the result of an execution that succeeded.
	Value Out
	// Err is why it failed: an [*op.Error], in which registered errors are restored, so that
	// errors.Is and errors.As find them. It is an [op.ErrTimedOut] or [op.ErrStopped] if the
	// service ended it.
	Err error
	// Status is how it ended.
	Status local.Status
	// Took is how much virtual time has passed.
	Took time.Duration
	// Invocations is how often the function was invoked, CheckpointCalls how many checkpoint calls
	// it made.
	Invocations, CheckpointCalls int
	// Metered is how many operations the service counts: each one, and each retry once more. Bytes
	// is how much it stored in payloads and errors. See [Budget].
	Metered, Bytes int
	// Operations are the operations of the log in the order they began, but for two things: what is
	// inside of a group or a batch follows it, and branches follow in the order of their indexes or
	// names.
	Operations []Operation
	// Started are the executions that op.Start has started, those of earlier rounds included, in
	// the order of the operations.
	Started []Started
	// Rounds are the executions before, each of which was continued by the next one with
	// replay.ContinueAsNew; nil unless the function has done that. All else that is said here is
	// said of the last one, but for Took and Started.
	Rounds []Round
	// Logs are what the function logged.
	Logs []Log
	// Calls are the checkpoint calls, History the events of the service.
	Calls   []local.Call
	History []local.Event
	// Concurrent says that operations ran beside each other, so that the order of calls is not
	// always the same.
	Concurrent bool
}

// resultOf builds the result of an execution that may still run.
func resultOf[Out any](k *kit, f restorer) (*Result[Out], error) {
	r := &Result[Out]{
		ARN: k.exec.ARN(), Status: k.exec.Status(), Took: k.clock.Now().Sub(k.cfg.start), Invocations: k.exec.Invocations(),
		Calls: k.exec.CheckpointCalls(), History: k.exec.History(), Operations: k.operations(),
	}
	rec := k.exec.Record()
	r.CheckpointCalls, r.Metered, r.Bytes = len(r.Calls), rec.Metered, rec.DataBytes
	k.note(func() { r.Started = slices.Clone(k.started) })
	r.Started = append(r.Started, k.starts()...)
	k.chain.mu.Lock()
	r.Rounds = slices.Clone(k.chain.past)
	k.chain.mu.Unlock()
	k.note(func() { r.Logs, r.Concurrent = append([]Log(nil), k.logs...), k.beside })
	var known []codec.KnownError
	k.note(func() { known = append(known, k.known...) })
	return r, r.outcome(f, ended{r.Status, k.exec.Result(), k.exec.Failure()}, known)
}

// outcome takes in how the execution has ended.
func (r *Result[Out]) outcome(f restorer, e ended, known []codec.KnownError) error {
	switch e.status {
	case local.StatusRunning, local.StatusPausing, local.StatusPaused, local.StatusDeleting:
	case local.StatusSucceeded:
		if _, goesOn := checkpoint.ContinuedAs(e.result); !goesOn && len(e.result) > 0 {
			if err := decodeResult(f, r.ARN, e.result, &r.Value); err != nil {
				return fmt.Errorf("replaytest: the result %s is no %T: %w", brief(string(e.result)), r.Value, err)
			}
		}
	case local.StatusFailed:
		r.Err, _ = restore(f, codec.Meta{ExecutionARN: r.ARN}, e.failure, known)
	case local.StatusTimedOut, local.StatusStopped:
		err, _ := restore(f, codec.Meta{ExecutionARN: r.ARN}, e.failure, known)
		sentinel := op.ErrTimedOut
		if r.Status == local.StatusStopped {
			sentinel = op.ErrStopped
		}
		err.Known = append(err.Known, sentinel)
		r.Err = err
	}
	return nil
}

// encodeInput makes the event of the execution.
func encodeInput(ctx context.Context, in any) ([]byte, error) {
	return codec.Encode(ctx, codec.JSON(), codec.Meta{Part: codec.PartInput}, in)
}
