package cli_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/sqlite"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// ui runs perdure ui, and returns the page that it serves, and what asks for it.
func (s *site) ui(args ...string) (address string, client *http.Client) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	printed := &screen{seen: make(chan struct{})}
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, append([]string{"ui", "--listen", "127.0.0.1:0"}, args...), cli.Streams{
			Out: printed, Err: &bytes.Buffer{}, Now: s.clock.Now, Getenv: func(key string) string { return s.env[key] },
		})
	}()
	s.t.Cleanup(func() {
		cancel()
		if code := <-ended; code != cli.ExitInterrupted {
			s.t.Errorf("perdure ui ends with %d", code)
		}
	})
	select {
	case <-printed.seen:
	case code := <-ended:
		ended <- code
		s.t.Fatalf("perdure ui has ended with %d", code)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client = &http.Client{Jar: jar, Timeout: 20 * time.Second}
	key := strings.TrimSpace(printed.String())
	s.ask(client, key)
	address, _, _ = strings.Cut(key, "/?key=")
	return address, client
}

// ask returns what a server answers.
func (s *site) ask(client *http.Client, address string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s %s %v", address, res.Status, text, err)
	}
	return string(text)
}

// TestUIOfTheAPI: the page shows what the API has, function by function.
func TestUIOfTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, name := range []string{"A-1", "A-2", "A-3"} {
		s.run("start", "order", `{"id":"`+name+`","items":["hat"]}`, "--name", name)
	}
	s.advance(time.Hour)
	address, client := s.ui()
	var pages strings.Builder
	marker := ""
	for range 10 {
		text := s.ask(client, address+"/ui/executions?limit=2&marker="+marker)
		pages.WriteString(text)
		_, rest, more := strings.Cut(text, `"next":"`)
		if !more {
			break
		}
		marker, _, _ = strings.Cut(rest, `"`)
	}
	all := pages.String()
	for _, name := range []string{`"A-1"`, `"A-2"`, `"A-3"`, `"function":"payment"`} {
		if strings.Count(all, name) == 0 {
			t.Errorf("the list lacks %s: %s", name, all)
		}
	}
	if strings.Count(all, `"arn"`) != 6 {
		t.Errorf("the list has %d executions, want 6: %s", strings.Count(all, `"arn"`), all)
	}
	arn := s.service.Executions()[0].ARN()
	if text := s.ask(client, address+"/ui/execution?arn="+arn); !strings.Contains(text, `"waiting":"waiting for callback \"collected-callback\" (times out in 47h)"`) {
		t.Errorf("the execution: %s", text)
	}
	if text := s.ask(client, address+"/ui/place"); !strings.Contains(text, `"fork"`) || !strings.Contains(text, `"order"`) {
		t.Errorf("the place: %s", text)
	}
}

// TestUIOfAStore: the page shows the executions in a file, and offers to do nothing.
func TestUIOfAStore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := filepath.Join(t.TempDir(), "executions.db")
	store, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/A-1/6c9f"
	if err := store.Commit(local.Transition{
		Execution: local.ExecutionRecord{
			ARN: arn, Name: "A-1", Function: "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST", Status: local.StatusRunning,
			Start: begin, Input: checkpoint.TextPayload(`{"id":"A-1"}`),
		},
		Events: []local.Event{{ID: 1, Type: local.EventExecutionStarted, Time: begin}},
	}); err != nil {
		t.Fatal(err)
	}
	address, client := s.ui("--store", path) // while another program writes it
	if text := s.ask(client, address+"/ui/executions"); !strings.Contains(text, `"name":"A-1"`) {
		t.Errorf("the list: %s", text)
	}
	if text := s.ask(client, address+"/ui/execution?arn="+arn); !strings.Contains(text, `{\"id\":\"A-1\"}`) {
		t.Errorf("the execution: %s", text)
	}
	if text := s.ask(client, address+"/ui/place"); !strings.Contains(text, `"actions":[]`) {
		t.Errorf("the place: %s", text)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}
