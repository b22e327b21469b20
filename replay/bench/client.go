package bench

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// trip is the round trip of the rows that count round trips.
const trip = 10 * time.Millisecond

// line is a client that accepts every update after a round trip and counts. Its replies hold no
// operations.
type line struct {
	trip time.Duration
	// seen is informed of each call when its updates have become durable; may be nil.
	seen func(us []checkpoint.Update)

	mu      sync.Mutex // guards what follows
	calls   int
	updates int
	starts  int
}

// Checkpoint implements checkpoint.Client.
func (l *line) Checkpoint(_ context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	if l.trip > 0 {
		time.Sleep(l.trip)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	l.updates += len(in.Updates)
	for i := range in.Updates {
		if in.Updates[i].Action == checkpoint.ActionStart {
			l.starts++
		}
	}
	if l.seen != nil {
		l.seen(in.Updates)
	}
	return checkpoint.CheckpointOutput{Token: "token-" + strconv.Itoa(l.calls)}, nil
}

// State implements checkpoint.Client.
func (*line) State(context.Context, checkpoint.StateInput) (checkpoint.StateOutput, error) {
	return checkpoint.StateOutput{}, nil
}

// call is a round trip without anything around it.
func (l *line) call(ctx context.Context) error {
	_, err := l.Checkpoint(ctx, checkpoint.CheckpointInput{})
	return err
}

func (l *line) count() (calls, updates, starts int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls, l.updates, l.starts
}
