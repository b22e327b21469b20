package replay_test

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/subtype"
)

// acceptor is a client that accepts every update after one round trip and knows nothing: its
// replies hold no operations but callbacks. It counts.
type acceptor struct {
	trip time.Duration
	// seen is informed of each call when its updates have become durable.
	seen func(us []checkpoint.Update)

	mu      sync.Mutex
	calls   int
	updates []checkpoint.Update
}

func (a *acceptor) Checkpoint(_ context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	if a.trip > 0 {
		time.Sleep(a.trip)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	a.updates = append(a.updates, in.Updates...)
	if a.seen != nil {
		a.seen(in.Updates)
	}
	return checkpoint.CheckpointOutput{Token: "token-" + strconv.Itoa(a.calls), Operations: callbacks(in.Updates)}, nil
}

func (a *acceptor) State(context.Context, checkpoint.StateInput) (checkpoint.StateOutput, error) {
	return checkpoint.StateOutput{}, nil
}

// callbacks are the records of the callbacks that updates start: only the service knows their IDs.
func callbacks(us []checkpoint.Update) (ops []checkpoint.Operation) {
	for _, u := range us {
		if u.Kind == checkpoint.KindCallback && u.Action == checkpoint.ActionStart {
			ops = append(ops, checkpoint.Operation{
				ID: u.ID, ParentID: u.ParentID, Name: u.Name, SubType: u.SubType, Kind: u.Kind,
				Status: checkpoint.StatusStarted, CallbackID: "callback-" + u.ID,
			})
		}
	}
	return ops
}

// notes counts the records of what the service hides.
func (a *acceptor) notes() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, u := range a.updates {
		if u.SubType == subtype.Usage && u.Action == checkpoint.ActionStart {
			n++
		}
	}
	return n
}

// count returns how many calls were made and how many updates with an action they carried.
func (a *acceptor) count(action checkpoint.Action) (calls, updates int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, u := range a.updates {
		if u.Action == action {
			updates++
		}
	}
	return a.calls, updates
}
