package cli_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// TestShowTimeline has the timeline of an order that waits for someone.
func TestShowTimeline(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run("start", "order", `{"id":"A-1","items":["hat","tie"]}`, "--name", "A-1")
	s.advance(24 * time.Hour)
	s.run("callback", "succeed", s.callback(), `"Ann"`)
	s.advance(24 * time.Hour)
	got := s.run("show", "A-1", "--timeline")
	want := `A-1  RUNNING  started 2026-03-02 09:00:00Z, 2d ago
arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/A-1/6c9f…
input   {"id":"A-1","items":["hat","tie"]}
11 operations, 4 invocations
from 2026-03-02 09:00:00Z to 2026-03-04 09:00:00Z, a column is 34m42s
                           |0                  |12h                 |24h                 |36h
invocations                █                                        █
├─ reserve                 █
├─ charge                  ▓
├─ parcels                 ─
│  ├─ item-0               ─
│  │  └─ pack              █
│  └─ item-1               ─
│     └─ pack              ×
├─ collected               ─────────────────────────────────────────
│  ├─ collected-callback   ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
│  └─ collected-submitter  █
└─ cool-off                                                         ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░►
█ body  × failed  ! cut off  · backoff  ░ wait  ▒ callback  ▓ other function  ─ group  ► goes on
waiting for wait "cool-off", which ends in 12h
`
	if diff := cmp.Diff(want, got.out); diff != "" || got.code != 0 || got.err != "" {
		t.Errorf("exit code %d, %s (-want +got):\n%s", got.code, got.err, diff)
	}
	for form, begins := range map[string]string{"mermaid": "flowchart TD\n", "dot": "digraph execution {\n"} {
		if got := s.run("show", "A-1", "-o", form); !strings.HasPrefix(got.out, begins) || got.code != 0 {
			t.Errorf("-o %s: %+v", form, got)
		}
	}
}

// TestShowHTML: the page of an execution as a file has its payloads, unless they are to be
// replaced.
func TestShowHTML(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run("start", "order", `{"id":"A-1","items":["velvet hat"]}`, "--name", "A-1")
	s.advance(time.Hour)
	plain := s.run("show", "A-1", "-o", "html")
	if plain.code != 0 || !strings.HasPrefix(plain.out, "<!doctype html>") || strings.Count(plain.out, "velvet") < 4 ||
		plain.err != "perdure: the file holds the payloads of the execution: --redact replaces them\n" {
		t.Errorf("exit code %d, %s, the payload is there %d times", plain.code, plain.err, strings.Count(plain.out, "velvet"))
	}
	s.run("callback", "succeed", s.callback(), `"Velvet"`)
	s.advance(48 * time.Hour)
	redacted := s.run("show", "A-1", "-o", "html", "--redact")
	if redacted.code != 0 || redacted.err != "" || strings.Contains(strings.ToLower(redacted.out), "velvet") ||
		!strings.Contains(redacted.out, `"status":"SUCCEEDED"`) || !strings.Contains(redacted.out, "cool-off") {
		t.Errorf("redacted: exit code %d, %s", redacted.code, redacted.err)
	}
	failed := s.run("start", "order", `{"id":"B-1","items":["velvet hat"]}`, "--name", "B-1")
	s.settle()
	if got := s.run("show", "B-1", "-o", "html", "--redact"); strings.Contains(got.out, "the card is empty") || failed.code != 0 {
		t.Error("the message of an error is there")
	}
}

// TestShowWatch: every state that an execution is in is shown, until it has ended.
func TestShowWatch(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run("start", "payment", `"A-1"`, "--name", "A-1")
	s.settle()
	if got := s.run("show", "A-1", "--watch"); strings.Count(got.out, "SUCCEEDED") < 2 || got.code != 0 {
		t.Errorf("an execution that has ended: %+v", got)
	}
	s.run("start", "order", `{"id":"A-2","items":["hat"]}`, "--name", "A-2")
	s.advance(time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	screen := &screen{seen: make(chan struct{})}
	go func() { // once the first state is shown
		<-screen.seen
		s.run("stop", "A-2")
	}()
	code := cli.Run(ctx, []string{"show", "A-2", "--watch"}, cli.Streams{
		Out: screen, Err: io.Discard, Now: s.clock.Now, Width: 110,
		Getenv: func(key string) string { return s.env[key] },
	})
	states := strings.Split(screen.String(), "\x1b[H\x1b[2J\x1b[3J")
	if code != 0 || len(states) < 3 || !strings.Contains(states[1], "RUNNING") || !strings.Contains(states[len(states)-1], "STOPPED") {
		t.Errorf("exit code %d, the states of a terminal: %q", code, states)
	}
}

// screen keeps what a terminal has been sent, and closes seen when something has.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen chan struct{}
	once sync.Once
}

// Write implements [io.Writer].
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.once.Do(func() { close(s.seen) })
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
