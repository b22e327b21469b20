package engine

import (
	"context"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// What is assumed of a round trip before the first was measured, and the least it counts as.
const (
	firstRoundTrip = 10 * time.Millisecond
	minRoundTrip   = time.Millisecond
)

// sender makes checkpoint calls, one at a time, each with the token of the answer before. Its goroutine
// begins with the first call and ends with [sender.close].
type sender struct {
	client checkpoint.Client
	clock  checkpoint.Clock
	arn    string
	token  string // of the next call
	// replied is called on the sender's goroutine with how each call ended.
	replied func(r *reply)

	calls chan []checkpoint.Update
}

// reply is how a checkpoint call ended.
type reply struct {
	// updates are those of the call, in order; none for a poll.
	updates []checkpoint.Update
	// operations are those that changed, of all pages of the answer.
	operations []checkpoint.Operation
	// ended says that the service gave no further token: it accepts no more calls.
	ended bool
	// err is why the call failed; nil if it was accepted.
	err error
	// took is how long the call took.
	took time.Duration
}

// begin makes a call with these updates, as long as ctx lives. It does not block if the call before was
// answered.
func (s *sender) begin(ctx context.Context, updates []checkpoint.Update) {
	if s.calls == nil {
		s.calls = make(chan []checkpoint.Update, 1)
		go s.run(ctx, s.calls)
	}
	s.calls <- updates
}

// close ends the sender's goroutine after the call in flight.
func (s *sender) close() {
	if s.calls != nil {
		close(s.calls)
		s.calls = nil
	}
}

func (s *sender) run(ctx context.Context, calls <-chan []checkpoint.Update) {
	for updates := range calls {
		begin := s.clock.Now()
		out, err := s.call(ctx, updates)
		r := &reply{updates: updates, operations: out.Operations, err: err, took: s.clock.Now().Sub(begin)}
		if err == nil {
			s.token = out.Token
			r.ended = out.Token == ""
		}
		s.replied(r)
	}
}

// call makes one call and reads all pages of its answer.
func (s *sender) call(ctx context.Context, updates []checkpoint.Update) (checkpoint.CheckpointOutput, error) {
	out, err := s.client.Checkpoint(ctx, checkpoint.CheckpointInput{ARN: s.arn, Token: s.token, Updates: updates})
	if err != nil || out.NextMarker == "" || out.Token == "" {
		return out, err
	}
	rest, err := checkpoint.LoadState(ctx, s.client, checkpoint.Invocation{
		ARN: s.arn, Token: out.Token, NextMarker: out.NextMarker,
	})
	out.Operations = append(out.Operations, rest...)
	return out, err
}

// trip estimates how long a call takes: ten milliseconds before the first, then a moving average, at
// least one millisecond. The zero value knows of no call.
type trip struct {
	average time.Duration
	calls   int
}

// add takes in how long a call took.
func (t *trip) add(took time.Duration) {
	if t.calls++; t.calls == 1 {
		t.average = took
		return
	}
	t.average = (3*t.average + took) / 4 //nolint:mnd // the new one counts for a quarter
}

// time returns the estimate.
func (t *trip) time() time.Duration {
	if t.calls == 0 {
		return firstRoundTrip
	}
	return max(t.average, minRoundTrip)
}
