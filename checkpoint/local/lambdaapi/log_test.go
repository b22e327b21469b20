package lambdaapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
)

// TestLogOfAnExecution: the log and the timers that the front serves are those of the service.
func TestLogOfAnExecution(t *testing.T) {
	t.Parallel()
	s := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))))
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Host("order", local.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		in, err := checkpoint.DecodeInvocation(event)
		if err != nil {
			return nil, err
		}
		client, _ := checkpoint.ClientFrom(ctx)
		_, err = client.Checkpoint(ctx, checkpoint.CheckpointInput{ARN: in.ARN, Token: in.Token, Updates: []checkpoint.Update{
			{ID: "nap-1", Name: "nap", SubType: "Wait", Kind: checkpoint.KindWait, Action: checkpoint.ActionStart, Wait: time.Hour},
		}})
		return []byte(`{"Status":"PENDING"}`), err
	})); err != nil {
		t.Fatal(err)
	}
	e, err := s.Start(t.Context(), "order", "A-1", []byte(`{"id":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(lambdaapi.Handler(s))
	t.Cleanup(server.Close)
	get := func(arn, what string) (int, []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/perdure/durable-executions/"+url.PathEscape(arn)+"/"+what, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, text
	}
	status, text := get(e.ARN(), "log")
	got, err := checkpoint.DecodeInvocation(text)
	if status != http.StatusOK || err != nil {
		t.Fatalf("%d %s, %v", status, text, err)
	}
	want := e.Log()
	got.Token = ""
	if diff := cmp.Diff(want, got, cmp.Comparer(checkpoint.Payload.Equal)); diff != "" || len(got.Operations) != 2 {
		t.Errorf("(-service +front):\n%s", diff)
	}
	if status, text := get("arn:none", "log"); status != http.StatusNotFound {
		t.Errorf("no such execution: %d %s", status, text)
	}

	if err := s.Skip(t.Context(), local.SkipInput{ARN: e.ARN(), By: 20 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	status, text = get(e.ARN(), "timers")
	if want := `[{"operation":"nap-1","purpose":"wait","at":"2026-01-01T09:40:00Z"}]`; status != http.StatusOK || strings.TrimSpace(string(text)) != want {
		t.Errorf("what is left of the wait: %d %s, want %s", status, text, want)
	}
	if status, text := get("arn:none", "timers"); status != http.StatusNotFound {
		t.Errorf("the timers of no execution: %d %s", status, text)
	}
}
