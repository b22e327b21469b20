package checkpoint_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
)

// service is an HTTP server that answers each call with the next of its answers.
type service struct {
	*httptest.Server
	mu       sync.Mutex
	answers  []http.HandlerFunc
	requests []*http.Request
	bodies   []string
}

func newService(t *testing.T, answers ...http.HandlerFunc) *service {
	t.Helper()
	s := &service{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
		n := min(len(s.requests), len(s.answers)) - 1
		s.mu.Unlock()
		s.answers[n](w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// seen returns the requests so far, and their bodies.
func (s *service) seen() ([]*http.Request, []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests, s.bodies
}

// client talks to the service with the retries of the AWS SDK, but without its pauses.
func (s *service) client() checkpoint.Client {
	return checkpoint.NewClient(lambdaapi.New(lambdaapi.Options{
		Region:       "eu-west-1",
		Credentials:  aws.AnonymousCredentials{},
		BaseEndpoint: aws.String(s.URL),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 3
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	}))
}

func reply(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// reset ends the connection without an answer.
func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func input() checkpoint.CheckpointInput {
	return checkpoint.CheckpointInput{ARN: arn, Token: token, Updates: []checkpoint.Update{{
		ID: "a", Kind: checkpoint.KindStep, Action: checkpoint.ActionSucceed, Payload: checkpoint.TextPayload(`{"<&>":"é"}`),
	}}}
}

const accepted = `{"CheckpointToken":"t2","NewExecutionState":{"Operations":[{"Id":"a","Type":"STEP","Status":"SUCCEEDED",
	"StartTimestamp":1767225600.12,"EndTimestamp":1767225600.48,"StepDetails":{"Attempt":1,"Result":"{\"ok\":true}"}}]}}`

func TestRetriesOfTheSDK(t *testing.T) {
	t.Parallel()
	const errorType = "X-Amzn-ErrorType"
	good := reply(200, accepted)
	stale := reply(400, `{"Type":"User","message":"Invalid checkpoint token"}`, errorType, "InvalidParameterValueException")
	refused := reply(400, `{"Type":"User","message":"Inconsistent operation type."}`, errorType, "InvalidParameterValueException")
	throttled := reply(429, `{"message":"slow down"}`, errorType, "TooManyRequestsException")
	broken := reply(500, `{"message":"oops"}`, errorType, "ServiceException")
	gateway := reply(503, `<html>`, "Content-Type", "text/html")
	denied := reply(403, `{"Message":"not authorized"}`, errorType, "AccessDeniedException:http://internal.amazon.com/")
	tests := []struct {
		reason           string
		answers          []http.HandlerFunc
		calls            int
		status           int // zero: no answer; 200: success
		stale, permanent bool
	}{
		{"accepted", []http.HandlerFunc{good}, 1, 200, false, false},
		{"throttled once", []http.HandlerFunc{throttled, good}, 2, 200, false, false},
		{"throttled throughout", []http.HandlerFunc{throttled}, 3, 429, false, false},
		{"broken twice", []http.HandlerFunc{broken, gateway, good}, 3, 200, false, false},
		{"broken throughout", []http.HandlerFunc{broken}, 3, 500, false, false},
		{"a gateway that speaks no JSON", []http.HandlerFunc{gateway}, 3, 503, false, false},
		{"connection reset once", []http.HandlerFunc{reset, good}, 2, 200, false, false},
		{"connection reset throughout", []http.HandlerFunc{reset}, 3, 0, false, false},
		{"stale token: asking again is of no use", []http.HandlerFunc{stale}, 1, 400, true, false},
		{"refused: asking again is of no use", []http.HandlerFunc{refused}, 1, 400, false, true},
		{"denied: asking again is of no use", []http.HandlerFunc{denied}, 1, 403, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s := newService(t, tt.answers...)
			out, err := s.client().Checkpoint(t.Context(), input())
			if requests, _ := s.seen(); len(requests) != tt.calls {
				t.Errorf("%d calls, want %d", len(requests), tt.calls)
			}
			if tt.status == 200 {
				if err != nil || out.Token != "t2" {
					t.Errorf("token %q, error %v", out.Token, err)
				}
				return
			}
			api, ok := errors.AsType[*checkpoint.APIError](err)
			if !ok {
				t.Fatalf("error %v, want an APIError", err)
			}
			if api.HTTPStatus != tt.status || api.StaleToken() != tt.stale || api.Permanent() != tt.permanent {
				t.Errorf("status %d, stale %t, permanent %t of %v", api.HTTPStatus, api.StaleToken(), api.Permanent(), err)
			}
		})
	}
}

// Lambda API, CheckpointDurableExecution.ClientToken: the service recognizes a repeated call by it.
func TestRetriesRepeatTheClientToken(t *testing.T) {
	t.Parallel()
	s := newService(t, reset, reply(500, `{}`), reply(200, accepted))
	client := s.client()
	for range 2 {
		if _, err := client.Checkpoint(t.Context(), input()); err != nil {
			t.Fatal(err)
		}
	}
	var tokens []string
	_, bodies := s.seen()
	for _, body := range bodies {
		var in struct{ ClientToken, CheckpointToken string }
		if err := json.Unmarshal([]byte(body), &in); err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, in.ClientToken)
	}
	if len(tokens) != 4 || tokens[0] == "" || tokens[0] != tokens[1] || tokens[0] != tokens[2] || tokens[0] == tokens[3] {
		t.Errorf("client tokens %q, want one for three attempts and another for the next call", tokens)
	}
}

func TestCallsOnTheWire(t *testing.T) {
	t.Parallel()
	s := newService(t, reply(200, accepted), reply(200, `{"Operations":[],"NextMarker":"m2"}`))
	client := s.client()
	out, err := client.Checkpoint(t.Context(), input())
	if err != nil {
		t.Fatal(err)
	}
	want := checkpoint.CheckpointOutput{Token: "t2", Operations: []checkpoint.Operation{{
		ID: "a", Kind: checkpoint.KindStep, Status: checkpoint.StatusSucceeded, Attempt: 1,
		Start: time.UnixMilli(1767225600120), End: time.UnixMilli(1767225600480), Payload: checkpoint.TextPayload(`{"ok":true}`),
	}}}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	page, err := client.State(t.Context(), checkpoint.StateInput{ARN: arn, Token: "t2", Marker: "m1", MaxItems: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(checkpoint.StateOutput{Operations: []checkpoint.Operation{}, NextMarker: "m2"}, page); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	requests, _ := s.seen()
	sent, read := requests[0], requests[1]
	// The ARN is one segment of the path: its slashes are escaped.
	const path = "/2025-12-01/durable-executions/arn:aws:lambda:us-east-1:123456789012:function:order:7" +
		"%2Fdurable-execution%2Forder-42%2F8f3c1a/checkpoint"
	if got := strings.ReplaceAll(sent.URL.EscapedPath(), "%3A", ":"); sent.Method != http.MethodPost || got != path {
		t.Errorf("%s %s", sent.Method, got)
	}
	if read.Method != http.MethodGet || !strings.HasSuffix(read.URL.Path, "/state") {
		t.Errorf("%s %s", read.Method, read.URL.Path)
	}
	query := url.Values{"CheckpointToken": {"t2"}, "Marker": {"m1"}, "MaxItems": {"1000"}}
	if diff := cmp.Diff(query, read.URL.Query()); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
}

// setEnv makes vars the only variables that ClientFromEnv sees.
func setEnv(t *testing.T, vars map[string]string) {
	t.Helper()
	for _, name := range []string{
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	} {
		t.Setenv(name, vars[name])
	}
}

//nolint:paralleltest // changes the environment
func TestClientFromEnv(t *testing.T) {
	keys := func(more ...string) map[string]string {
		vars := map[string]string{
			"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session",
		}
		for i := 0; i+1 < len(more); i += 2 {
			vars[more[i]] = more[i+1]
		}
		return vars
	}
	tests := []struct {
		reason  string
		vars    map[string]string
		service string // the variable that holds the URL of the service
		region  string // empty: the environment is not enough
		says    string
	}{
		{reason: "as in Lambda", vars: keys(), service: "AWS_ENDPOINT_URL_LAMBDA", region: "eu-west-1"},
		{reason: "an endpoint for all services", vars: keys(), service: "AWS_ENDPOINT_URL", region: "eu-west-1"},
		{
			reason: "the endpoint of the one service wins", vars: keys("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
			service: "AWS_ENDPOINT_URL_LAMBDA", region: "eu-west-1",
		},
		{
			reason: "the default region", vars: keys("AWS_REGION", "", "AWS_DEFAULT_REGION", "us-west-2"),
			service: "AWS_ENDPOINT_URL", region: "us-west-2",
		},
		{reason: "no region", vars: keys("AWS_REGION", ""), says: "AWS_REGION"},
		{reason: "no key", vars: keys("AWS_ACCESS_KEY_ID", ""), says: "AWS_ACCESS_KEY_ID"},
		{reason: "no secret", vars: keys("AWS_SECRET_ACCESS_KEY", ""), says: "AWS_SECRET_ACCESS_KEY"},
		{
			reason: "container credentials only",
			vars: map[string]string{
				"AWS_REGION": "eu-west-1", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/credentials",
				"AWS_SESSION_TOKEN": "stale",
			},
			says: "container credentials",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			s := newService(t, reply(200, accepted))
			if tt.service != "" {
				tt.vars[tt.service] = s.URL
			}
			setEnv(t, tt.vars)
			client, err := checkpoint.ClientFromEnv()
			if tt.region == "" {
				if !errors.Is(err, checkpoint.ErrEnvironment) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %v, want ErrEnvironment that says %q", err, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Checkpoint(t.Context(), input()); err != nil {
				t.Fatal(err)
			}
			requests, _ := s.seen()
			header := requests[0].Header
			if auth := header.Get("Authorization"); !strings.Contains(auth, "Credential=AKIA/") || !strings.Contains(auth, "/"+tt.region+"/lambda/") {
				t.Errorf("signed with %q", auth)
			}
			if got := header.Get("X-Amz-Security-Token"); got != "session" {
				t.Errorf("session token %q", got)
			}
			if agent := header.Get("User-Agent"); !strings.Contains(agent, "perdure/") {
				t.Errorf("User-Agent %q does not name the SDK", agent)
			}
		})
	}
}

//nolint:paralleltest // changes the environment
func TestClientFromEnvAsksThreeTimes(t *testing.T) {
	s := newService(t, reply(500, `{}`))
	setEnv(t, map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": s.URL,
	})
	client, err := checkpoint.ClientFromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.State(t.Context(), checkpoint.StateInput{ARN: arn, Token: token}); err == nil {
		t.Error("no error")
	}
	if requests, _ := s.seen(); len(requests) != 3 {
		t.Errorf("%d calls, want 3", len(requests))
	}
}

// An endpoint that is to be ignored must not get the calls; the real one is not asked here.
//
//nolint:paralleltest // changes the environment
func TestConfiguredEndpointsCanBeIgnored(t *testing.T) {
	setEnv(t, map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
		"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true",
	})
	if _, err := checkpoint.ClientFromEnv(); err != nil {
		t.Error(err)
	}
}
