//go:build unix

package process_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/local/process"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// errand is what the function that polls is called with: how long a body runs while another branch
// waits for a callback or a timer.
type errand struct {
	Body, Wait time.Duration
	Callback   bool
}

// runPoller is a function with a branch that is busy and one that waits. It returns how long the
// latter has waited.
func runPoller() {
	lambda.Start(replay.Handler(func(ctx op.Context, in errand) (time.Duration, error) {
		if in == (errand{}) {
			return 0, nil // the process was to be started, which takes its time
		}
		replay.Go(ctx, op.Do("work", func(context.Context) error { time.Sleep(in.Body); return nil }))
		if !in.Callback {
			began := time.Now()
			err := replay.Exec(ctx, op.Wait("pause", in.Wait))
			return time.Since(began), err
		}
		approval, err := replay.Run(ctx, op.CreateCallback[string]("approval"))
		if err != nil {
			return 0, err
		}
		_, err = replay.Run(ctx, approval.Result())
		return 0, err
	}))
}

// pollLine notes when empty checkpoint calls come.
type pollLine struct {
	service http.Handler

	mu    sync.Mutex
	polls []time.Time
}

func (l *pollLine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	var call struct{ Updates []json.RawMessage }
	if strings.HasSuffix(r.URL.Path, "/checkpoint") && json.Unmarshal(body, &call) == nil && len(call.Updates) == 0 {
		l.mu.Lock()
		l.polls = append(l.polls, time.Now())
		l.mu.Unlock()
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	l.service.ServeHTTP(w, r)
}

// TestPollsOverHTTP covers empty checkpoint calls of a program with its own client: only while a
// branch is busy, and none near the deadline of the invocation.
func TestPollsOverHTTP(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		in           errand
		limit        time.Duration // of an invocation
		polls, most  int
		invocations  int
		answered     bool // the callback, after the invocation
	}{
		{
			name: "nothing is busy", reason: "the invocation is suspended", in: errand{Wait: time.Second},
			limit: time.Minute, invocations: 2,
		},
		{
			name: "a body is busy", reason: "a poll says that the wait is over, the first unless it came a moment too early",
			in: errand{Body: 4 * time.Second, Wait: time.Second}, limit: time.Minute, polls: 1, most: 2, invocations: 1,
		},
		{
			name: "near the deadline", reason: "one after a second and one after two; the next, after four, would come too late",
			in: errand{Body: 4200 * time.Millisecond, Callback: true}, limit: 4950 * time.Millisecond,
			polls: 2, most: 2, invocations: 2, answered: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := local.New()
			line := &pollLine{service: lambdaapi.Handler(s)}
			server := httptest.NewServer(line)
			defer server.Close()
			f := run(t, "poller", process.WithEndpoint(server.URL))
			defer s.Close()
			if err := s.Host("poller", f, local.WithFunctionTimeout(tt.limit)); err != nil {
				t.Fatal(err)
			}
			warm, err := s.Start(t.Context(), "poller", "", []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if err := warm.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			input, err := json.Marshal(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			e, err := s.Start(t.Context(), "poller", "", input)
			if err != nil {
				t.Fatal(err)
			}
			if tt.answered {
				if err := e.RunUntilSuspended(t.Context()); err != nil {
					t.Fatal(err)
				}
				for _, o := range e.Operations() {
					if o.CallbackID != "" {
						if err := s.CompleteCallback(o.CallbackID, []byte("yes")); err != nil {
							t.Error(err)
						}
					}
				}
			}
			if err := e.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			line.mu.Lock()
			defer line.mu.Unlock()
			if e.Status() != local.StatusSucceeded || len(line.polls) < tt.polls || len(line.polls) > tt.most || e.Invocations() != tt.invocations {
				t.Errorf("%s: %s after %d invocations with polls at %v, want %d invocations and %d to %d polls: %v",
					tt.reason, e.Status(), e.Invocations(), line.polls, tt.invocations, tt.polls, tt.most, e.Err())
			}
			var waited time.Duration
			if tt.polls > 0 && !tt.in.Callback {
				if err := json.Unmarshal(e.Result(), &waited); err != nil || waited < time.Second || waited > 3500*time.Millisecond {
					t.Errorf("%s: the wait of a second took %v, want that it ends before the body of four: %v", tt.reason, waited, err)
				}
			}
		})
	}
}
