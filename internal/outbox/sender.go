package outbox

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

// Sender makes checkpoint calls, one at a time, each with the token of the answer before. Its goroutine
// begins with the first call and ends with [Sender.Close].
type Sender struct {
	Client checkpoint.Client
	Clock  checkpoint.Clock
	ARN    string
	// Token is the token of the first call.
	Token string
	// Reply is called on the sender's goroutine with how each call ended.
	Reply func(r Reply)

	calls chan []checkpoint.Update
}

// Reply is how a checkpoint call ended.
type Reply struct {
	// Updates are those of the call, in order; none for a poll.
	Updates []checkpoint.Update
	// Operations are those that changed, of all pages of the answer.
	Operations []checkpoint.Operation
	// Ended says that the service gave no further token: it accepts no more calls.
	Ended bool
	// Err is why the call failed; nil if it was accepted.
	Err error
	// Took is how long the call took.
	Took time.Duration
}

// Send makes a call with these updates, as long as ctx lives. It does not block if the call before was
// answered.
func (s *Sender) Send(ctx context.Context, updates []checkpoint.Update) {
	if s.calls == nil {
		s.calls = make(chan []checkpoint.Update, 1)
		go s.run(ctx, s.calls)
	}
	s.calls <- updates
}

// Close ends the sender's goroutine after the call in flight.
func (s *Sender) Close() {
	if s.calls != nil {
		close(s.calls)
		s.calls = nil
	}
}

func (s *Sender) run(ctx context.Context, calls <-chan []checkpoint.Update) {
	for updates := range calls {
		begin := s.Clock.Now()
		out, err := s.call(ctx, updates)
		r := Reply{Updates: updates, Operations: out.Operations, Err: err, Took: s.Clock.Now().Sub(begin)}
		if err == nil {
			s.Token = out.Token
			r.Ended = out.Token == ""
		}
		s.Reply(r)
	}
}

// call makes one call and reads all pages of its answer.
func (s *Sender) call(ctx context.Context, updates []checkpoint.Update) (checkpoint.CheckpointOutput, error) {
	out, err := s.Client.Checkpoint(ctx, checkpoint.CheckpointInput{ARN: s.ARN, Token: s.Token, Updates: updates})
	if err != nil || out.NextMarker == "" || out.Token == "" {
		return out, err
	}
	rest, err := checkpoint.LoadState(ctx, s.Client, checkpoint.Invocation{
		ARN: s.ARN, Token: out.Token, NextMarker: out.NextMarker,
	})
	out.Operations = append(out.Operations, rest...)
	return out, err
}

// Trip estimates how long a call takes: ten milliseconds before the first, then a moving average, at
// least one millisecond. The zero value knows of no call.
type Trip struct {
	average time.Duration
	calls   int
}

// Add takes in how long a call took.
func (t *Trip) Add(took time.Duration) {
	if t.calls++; t.calls == 1 {
		t.average = took
		return
	}
	t.average = (3*t.average + took) / 4 //nolint:mnd // the new one counts for a quarter
}

// Time returns the estimate.
func (t *Trip) Time() time.Duration {
	if t.calls == 0 {
		return firstRoundTrip
	}
	return max(t.average, minRoundTrip)
}
