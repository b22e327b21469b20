package checkpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
)

const executionARN = "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/A-1/8f3c"

// lambdaServer answers as it is set up to, and keeps the requests.
type lambdaServer struct {
	mu       sync.Mutex
	answers  []lambdaAnswer // the last one is repeated
	requests []lambdaRequest
}

type lambdaAnswer struct {
	status     int
	code, body string
}

type lambdaRequest struct {
	method, path, contentType, auth string
	body                            map[string]any
}

func (l *lambdaServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	got := lambdaRequest{method: r.Method, path: r.URL.EscapedPath(), contentType: r.Header.Get("Content-Type"), auth: r.Header.Get("Authorization")}
	if len(text) > 0 {
		_ = json.Unmarshal(text, &got.body) // nil is seen
	}
	l.requests = append(l.requests, got)
	a := l.answers[0]
	if len(l.answers) > 1 {
		l.answers = l.answers[1:]
	}
	if a.code != "" {
		w.Header().Set("X-Amzn-Errortype", a.code)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// controlOf returns a control over a client of the SDK that talks to the server.
func controlOf(t *testing.T, l *lambdaServer) checkpoint.Control {
	t.Helper()
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	return checkpoint.NewControl(sdkClient(server.URL))
}

func sdkClient(endpoint string) *lambdaapi.Client {
	return lambdaapi.New(lambdaapi.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		}),
	})
}

// TestControlOnTheWire: the requests are those of the Lambda API, signed for it (Lambda API,
// PauseDurableExecution, ResumeDurableExecution and DeleteDurableExecution).
func TestControlOnTheWire(t *testing.T) {
	t.Parallel()
	path := "/2025-12-01/durable-executions/" + url.PathEscape(executionARN)
	for name, tt := range map[string]struct {
		call         func(checkpoint.Control) error
		method, path string
		body         map[string]any
	}{
		"a pause": {
			func(c checkpoint.Control) error {
				return c.Pause(t.Context(), checkpoint.PauseInput{ARN: executionARN, Reason: "é", ClientToken: "t"})
			}, "POST", path + "/pause", map[string]any{"ClientToken": "t", "Reason": "é", "ExecutionTimeoutPaused": true},
		},
		"a pause while the timeout runs": {
			func(c checkpoint.Control) error {
				return c.Pause(t.Context(), checkpoint.PauseInput{ARN: executionARN, TimeoutRuns: true, ClientToken: "t"})
			}, "POST", path + "/pause", map[string]any{"ClientToken": "t", "ExecutionTimeoutPaused": false},
		},
		"a resume": {
			func(c checkpoint.Control) error {
				return c.Resume(t.Context(), checkpoint.ResumeInput{ARN: executionARN, Reason: "r", ClientToken: "t"})
			}, "POST", path + "/resume", map[string]any{"ClientToken": "t", "Reason": "r"},
		},
		"a delete": {
			func(c checkpoint.Control) error {
				_, err := c.Delete(t.Context(), checkpoint.DeleteInput{ARN: executionARN})
				return err
			}, "DELETE", path, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &lambdaServer{answers: []lambdaAnswer{{202, "", "{}"}}}
			if err := tt.call(controlOf(t, l)); err != nil {
				t.Fatal(err)
			}
			if len(l.requests) != 1 {
				t.Fatalf("%d requests", len(l.requests))
			}
			got := l.requests[0]
			if got.method != tt.method || !samePath(t, got.path, tt.path) {
				t.Errorf("%s %s, want %s %s", got.method, got.path, tt.method, tt.path)
			}
			if diff := cmp.Diff(tt.body, got.body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if tt.body != nil && got.contentType != "application/json" {
				t.Errorf("its type is %q", got.contentType)
			}
			if !strings.HasPrefix(got.auth, "AWS4-HMAC-SHA256 Credential=key/") || !strings.Contains(got.auth, "/us-east-1/lambda/aws4_request") {
				t.Errorf("its signature is %q", got.auth)
			}
		})
	}
}

// samePath reports whether the paths have the same segments, whatever is escaped in them.
func samePath(t *testing.T, a, b string) bool {
	t.Helper()
	segments := func(path string) (all []string) {
		for s := range strings.SplitSeq(path, "/") {
			text, err := url.PathUnescape(s)
			if err != nil {
				t.Error(err)
			}
			all = append(all, text)
		}
		return all
	}
	return cmp.Equal(segments(a), segments(b))
}

// TestControlIsRepeatedBySDK: the SDK repeats a call that the service could not answer, with the
// same token, so that it happens once.
func TestControlIsRepeatedBySDK(t *testing.T) {
	t.Parallel()
	l := &lambdaServer{answers: []lambdaAnswer{{500, "ServiceException", "{}"}, {202, "", "{}"}}}
	if err := controlOf(t, l).Pause(t.Context(), checkpoint.PauseInput{ARN: executionARN, Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	if len(l.requests) != 2 || !cmp.Equal(l.requests[0].body, l.requests[1].body) || l.requests[0].body["Reason"] != "r" {
		t.Fatalf("the requests are %+v", l.requests)
	}
	token, _ := l.requests[0].body["ClientToken"].(string)
	if len(token) < 16 || len(token) > 64 {
		t.Errorf("the token is %q", token)
	}
}

func TestControlErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason                                string
		status                                int
		code                                  string
		notFound, conflict, denied, permanent bool
	}{
		{"there is no such execution", 404, "ResourceNotFoundException", true, false, false, true},
		{"it is paused already, or has ended", 409, "ResourceConflictException", false, true, false, true},
		{"the role may not", 403, "AccessDeniedException", false, false, true, true},
		{"too many calls", 429, "TooManyRequestsException", false, false, false, false},
		{"the service has failed", 500, "ServiceException", false, false, false, false},
		{"the reason cannot be encrypted", 502, "KMSDisabledException", false, false, false, true},
		{"the reason is too long", 400, "InvalidParameterValueException", false, false, false, true},
	} {
		t.Run(tt.code, func(t *testing.T) {
			t.Parallel()
			l := &lambdaServer{answers: []lambdaAnswer{{tt.status, tt.code, `{"message":"no"}`}}}
			server := httptest.NewServer(l)
			t.Cleanup(server.Close)
			client := lambdaapi.New(sdkClient(server.URL).Options(), func(o *lambdaapi.Options) { o.RetryMaxAttempts = 1 })
			err := checkpoint.NewControl(client).Pause(t.Context(), checkpoint.PauseInput{ARN: executionARN})
			got, ok := errors.AsType[*checkpoint.APIError](err)
			if !ok || got.Call != "PauseDurableExecution" || got.HTTPStatus != tt.status || got.Code != tt.code || got.Message != "no" {
				t.Fatalf("%s: %#v", tt.reason, err)
			}
			if got.NotFound() != tt.notFound || got.Conflict() != tt.conflict || got.Denied() != tt.denied || got.Permanent() != tt.permanent {
				t.Errorf("%s: NotFound %v, Conflict %v, Denied %v, Permanent %v", tt.reason, got.NotFound(), got.Conflict(), got.Denied(), got.Permanent())
			}
			if strings.Contains(err.Error(), "GetDurableExecution") {
				t.Errorf("the error names another call: %v", err)
			}
		})
	}
}

func TestControlWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client := lambdaapi.New(sdkClient(server.URL).Options(), func(o *lambdaapi.Options) { o.RetryMaxAttempts = 1 })
	err := checkpoint.NewControl(client).Resume(t.Context(), checkpoint.ResumeInput{ARN: executionARN})
	got, ok := errors.AsType[*checkpoint.APIError](err)
	if !ok || got.HTTPStatus != 0 || got.Permanent() || !strings.HasPrefix(err.Error(), "checkpoint: ResumeDurableExecution: no answer: ") ||
		strings.Contains(err.Error(), "GetDurableExecution") {
		t.Errorf("%v", err)
	}
}

func TestDeleteSaysWhen(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 1, 1, 0, 0, 0, 500e6, time.UTC)
	for _, tt := range []struct {
		reason, body string
		want         time.Time
	}{
		{"seconds, as REST-JSON has them", `{"DeletionRequestTimestamp":1767225600.5}`, when},
		{"a text, as the documentation says", `{"DeletionRequestTimestamp":"2026-01-01T00:00:00.5Z"}`, when},
		{"nothing", `{}`, time.Time{}},
		{"something else", `{"DeletionRequestTimestamp":[]}`, time.Time{}},
	} {
		out, err := controlOf(t, &lambdaServer{answers: []lambdaAnswer{{202, "", tt.body}}}).
			Delete(t.Context(), checkpoint.DeleteInput{ARN: executionARN})
		if err != nil || !out.Requested.Equal(tt.want) {
			t.Errorf("%s: %v, %v", tt.reason, out.Requested, err)
		}
	}
	if _, err := controlOf(t, &lambdaServer{answers: []lambdaAnswer{{202, "", "no JSON"}}}).
		Delete(t.Context(), checkpoint.DeleteInput{ARN: executionARN}); err == nil {
		t.Error("an answer that is no JSON is taken")
	}
}

// deafAPI does not pass the options of a call on.
type deafAPI struct{ fakeLambda }

func (deafAPI) GetDurableExecution(context.Context, *lambdaapi.GetDurableExecutionInput,
	...func(*lambdaapi.Options),
) (*lambdaapi.GetDurableExecutionOutput, error) {
	return &lambdaapi.GetDurableExecutionOutput{}, nil
}

// TestControlThroughAWrapper: a client that makes another request than it is asked for does not
// look as if it had.
func TestControlThroughAWrapper(t *testing.T) {
	t.Parallel()
	err := checkpoint.NewControl(deafAPI{}).Pause(t.Context(), checkpoint.PauseInput{ARN: executionARN})
	if _, ok := errors.AsType[*checkpoint.APIError](err); !ok || !errors.Is(err, checkpoint.ErrNotSent) {
		t.Errorf("%v", err)
	}
}

// TestClientIsAControl: whoever has the client of an invocation can pause the execution, if the
// client can.
func TestClientIsAControl(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason string
		client checkpoint.Client
		want   bool
	}{
		{"a client of the SDK can", checkpoint.NewClient(sdkClient("http://127.0.0.1:1")), true},
		{"a client with two calls cannot", checkpoint.NewClient(&fakeLambda{}), false},
	} {
		_, pauses := tt.client.(checkpoint.Pauser)
		_, controls := tt.client.(checkpoint.Control)
		if pauses != tt.want || controls != tt.want {
			t.Errorf("%s: %v, %v", tt.reason, pauses, controls)
		}
	}
}
