package lambdaapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"
)

// TestRefusedRequests sends what clients get wrong, over a connection: the front answers with the
// API's own error, nothing has changed, and the next request is served.
func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	h := newOpenHouse(t, local.Limits{})
	server := httptest.NewServer(front.Handler(h.Service))
	defer server.Close()
	const executions = "/2025-12-01/durable-executions/"
	big := strings.Repeat("x", 7<<20)
	tests := []struct {
		name, reason, method, path, body string
		header                           http.Header
		status                           int
		code, says                       string
	}{
		{
			name: "malformed JSON", reason: "a checkpoint is an object", method: "POST", path: executions + "{arn}/checkpoint", body: `{"CheckpointToken":`,
			status: 400, code: "SerializationException", says: "parse request body",
		},
		{
			name: "not an object", reason: "nor is a list one", method: "POST", path: executions + "{arn}/checkpoint", body: `[]`,
			status: 400, code: "SerializationException", says: "parse request body",
		},
		{
			name: "malformed input", reason: "functions are given JSON", method: "POST", path: "/2015-03-31/functions/open/invocations", body: `{`,
			status: 400, code: "InvalidRequestContentException", says: "not valid JSON",
		},
		{
			name: "input that is no UTF-8", reason: "JSON is", method: "POST", path: "/2015-03-31/functions/open/invocations", body: "{\"a\":\"\xff\"}",
			status: 400, code: "InvalidRequestContentException", says: "not valid JSON",
		},
		{
			name: "no token", reason: "it is required", method: "POST", path: executions + "{arn}/checkpoint", body: `{}`,
			status: 400, code: "ValidationException", says: "checkpointToken",
		},
		{
			name: "expired token", reason: "a call has used it up", method: "POST", path: executions + "{arn}/checkpoint", body: `{"CheckpointToken":"MS4wLjE="}`,
			status: 400, code: "InvalidParameterValueException", says: "Invalid checkpoint token",
		},
		{
			name: "token of an ended execution", reason: "there is nothing to write any more", method: "POST",
			path: executions + "{ended}/checkpoint", body: `{"CheckpointToken":"{token}"}`,
			status: 400, code: "InvalidParameterValueException", says: "Invalid checkpoint token",
		},
		{
			name: "page with an expired token", reason: "reading needs a valid one, too", method: "GET", path: executions + "{arn}/state?CheckpointToken=MS4wLjE%3D",
			status: 400, code: "InvalidParameterValueException", says: "Invalid checkpoint token",
		},
		{
			name: "checkpoint of none", reason: "the call has no other error for it (Lambda API)", method: "POST",
			path: executions + "absent/checkpoint", body: `{"CheckpointToken":"{token}"}`,
			status: 400, code: "InvalidParameterValueException", says: "ARN",
		},
		{
			name: "execution of none", reason: "there is none", method: "GET", path: executions + "arn%3Aaws%3Alambda",
			status: 404, code: "ResourceNotFoundException", says: "execution",
		},
		{
			name: "history of none", reason: "there is none", method: "GET", path: executions + "absent/history",
			status: 404, code: "ResourceNotFoundException", says: "execution",
		},
		{
			name: "stop of none", reason: "there is none", method: "POST", path: executions + "absent/stop",
			status: 404, code: "ResourceNotFoundException", says: "execution",
		},
		{
			name: "pause of none", reason: "there is none", method: "POST", path: executions + "absent/pause",
			status: 404, code: "ResourceNotFoundException", says: "execution",
		},
		{
			name: "pause of what has ended", reason: "there is nothing to pause", method: "POST", path: executions + "{ended}/pause",
			status: 409, code: "ResourceConflictException", says: "has ended",
		},
		{
			name: "pause with a reason that is no text", reason: "it is one", method: "POST", path: executions + "{arn}/pause", body: `{"Reason":7}`,
			status: 400, code: "SerializationException", says: "parse request body",
		},
		{
			name: "pause with a long token", reason: "it has 64 characters at most", method: "POST", path: executions + "{arn}/pause",
			body:   `{"ClientToken":"` + big[:65] + `"}`,
			status: 400, code: "ValidationException", says: "clientToken",
		},
		{
			name: "resume with a long token", reason: "it has 64 characters at most", method: "POST", path: executions + "{arn}/resume",
			body:   `{"ClientToken":"` + big[:65] + `"}`,
			status: 400, code: "ValidationException", says: "clientToken",
		},
		{
			name: "pause with a long reason", reason: "it has 1,024 characters at most", method: "POST", path: executions + "{arn}/pause",
			body:   `{"Reason":"` + big[:1025] + `"}`,
			status: 400, code: "InvalidParameterValueException", says: "1024 characters",
		},
		{
			name: "resume of what runs", reason: "it is not paused", method: "POST", path: executions + "{arn}/resume",
			status: 409, code: "ResourceConflictException", says: "not paused",
		},
		{
			name: "delete of what runs", reason: "it is to end first", method: "DELETE", path: executions + "{arn}",
			status: 409, code: "ResourceConflictException", says: "stop it first",
		},
		{
			name: "ARN in several segments", reason: "its slashes are to be escaped", method: "GET", path: executions + "a:b/durable-execution/c/d",
			status: 404, code: "UnknownOperationException", says: "no such call",
		},
		{
			name: "callback of none", reason: "there is none", method: "POST", path: "/2025-12-01/durable-execution-callbacks/absent/succeed", body: "1",
			status: 400, code: "InvalidParameterValueException", says: "callback",
		},
		{
			name: "function of none", reason: "it is not hosted", method: "POST", path: "/2015-03-31/functions/absent/invocations", body: "{}",
			status: 404, code: "ResourceNotFoundException", says: "absent",
		},
		{
			name: "input too large", reason: "Lambda takes 6 MiB", method: "POST", path: "/2015-03-31/functions/open/invocations", body: `"` + big + `"`,
			status: 413, code: "RequestTooLargeException", says: "6291456",
		},
		{
			name: "asynchronous input too large", reason: "Lambda takes 1 MiB", method: "POST", path: "/2015-03-31/functions/open/invocations",
			body: `"` + big[:1<<20] + `"`, header: http.Header{"X-Amz-Invocation-Type": {"Event"}},
			status: 413, code: "RequestTooLargeException", says: "1048576",
		},
		{
			name: "callback result too large", reason: "the API takes 1 MiB", method: "POST", path: "/2025-12-01/durable-execution-callbacks/{callback}/succeed",
			body: big, status: 413, code: "RequestTooLargeException", says: "1048576",
		},
		{
			name: "payload too large", reason: "a step takes 1 MiB", method: "POST", path: executions + "{arn}/checkpoint",
			body:   `{"CheckpointToken":"{token}","Updates":[{"Id":"a","Type":"STEP","Action":"SUCCEED","Payload":"` + big[:1<<20] + `y"}]}`,
			status: 400, code: "InvalidParameterValueException", says: "1048576",
		},
		{
			name: "one update of two is wrong", reason: "all of a call counts, or nothing", method: "POST", path: executions + "{arn}/checkpoint",
			body: `{"CheckpointToken":"{token}","Updates":[{"Id":"a","Type":"STEP","Action":"SUCCEED","Payload":"1"},` +
				`{"Id":"b","ParentId":"absent","Type":"STEP","Action":"START"}]}`,
			status: 400, code: "InvalidParameterValueException", says: "parent",
		},
		{
			name: "wrong method", reason: "the path takes another", method: "PUT", path: executions + "{arn}/checkpoint", body: "{}",
			status: 405, code: "MethodNotAllowedException", says: "POST",
		},
		{
			name: "wrong path", reason: "there is no such call", method: "GET", path: "/2015-03-31/layers",
			status: 404, code: "UnknownOperationException", says: "no such call",
		},
		{
			name: "web page that only reads", reason: "its site has pointed its name at this machine", method: "GET",
			path: executions + "{arn}", header: http.Header{"Host": {"example.com:9090"}},
			status: 403, code: "AccessDeniedException", says: "web pages",
		},
		{
			name: "web page", reason: "a page of any site could call what listens on this machine", method: "POST",
			path: "/2015-03-31/functions/done/invocations", body: "{}", header: http.Header{"Origin": {"https://example.com"}},
			status: 403, code: "AccessDeniedException", says: "web pages",
		},
	}
	for _, tt := range tests { // one after the other, on one connection where that is kept
		before := h.state(t)
		path, query, _ := strings.Cut(tt.path, "?")
		req, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+h.sayPath(path)+"?"+query, strings.NewReader(h.say(tt.body)))
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range tt.header {
			req.Header[name] = values
			if name == "Host" {
				req.Host = values[0]
			}
		}
		res, err := server.Client().Do(req)
		if err != nil {
			t.Errorf("%s: %s: %v", tt.name, tt.reason, err)
			continue
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		_ = res.Body.Close() // it was read
		var said struct{ Message string }
		if err := json.Unmarshal(body, &said); err != nil {
			t.Errorf("%s: %v: %s", tt.name, err, body)
		}
		if res.StatusCode != tt.status || res.Header.Get("X-Amzn-Errortype") != tt.code || !strings.Contains(said.Message, tt.says) {
			t.Errorf("%s: %s: got %d %s %q, want %d %s that says %q", tt.name, tt.reason,
				res.StatusCode, res.Header.Get("X-Amzn-Errortype"), said.Message, tt.status, tt.code, tt.says)
		}
		if after := h.state(t); after != before {
			t.Errorf("%s: something has changed:\n%.1000s\n%.1000s", tt.name, before, after)
		}
	}
}

// TestRefusalsThroughTheRealClient: the client of the AWS SDK has a type for each.
func TestRefusalsThroughTheRealClient(t *testing.T) {
	t.Parallel()
	h := newOpenHouse(t, local.Limits{})
	client := serve(t, h.Service)
	ctx, name := t.Context(), func(s string) *string { s = h.say(s); return &s }
	tests := []struct {
		name, reason string
		call         func() error
		is           func(error) bool
	}{
		{
			"expired token", "invocations end with it",
			func() error {
				_, err := client.CheckpointDurableExecution(ctx, &lambdaapi.CheckpointDurableExecutionInput{
					DurableExecutionArn: name("{arn}"), CheckpointToken: aws.String("MS4wLjE="),
				})
				return err
			}, isAPI[*lambdatypes.InvalidParameterValueException],
		},
		{
			"unknown ARN", "there is no execution",
			func() error {
				_, err := client.GetDurableExecution(ctx, &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: aws.String("arn:a/b$c")})
				return err
			}, isAPI[*lambdatypes.ResourceNotFoundException],
		},
		{
			"input of seven megabytes", "the answer comes before all of it was read",
			func() error {
				_, err := client.Invoke(ctx, &lambdaapi.InvokeInput{FunctionName: aws.String("open"), Payload: bytes.Repeat([]byte("7"), 7<<20)})
				return err
			}, isAPI[*lambdatypes.RequestTooLargeException],
		},
		{
			"broken input", "functions are given JSON",
			func() error {
				_, err := client.Invoke(ctx, &lambdaapi.InvokeInput{FunctionName: aws.String("open"), Payload: []byte("{")})
				return err
			}, isAPI[*lambdatypes.InvalidRequestContentException],
		},
		{
			"a name with another input", "names are taken once",
			func() error {
				_, err := client.Invoke(ctx, &lambdaapi.InvokeInput{
					FunctionName: aws.String("open"), Payload: []byte("{}"), DurableExecutionName: aws.String("order-1"),
				})
				return err
			}, isAPI[*lambdatypes.DurableExecutionAlreadyStartedException],
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 5 {
				if err := tt.call(); !tt.is(err) {
					api, _ := errors.AsType[smithy.APIError](err)
					t.Errorf("%s: got %v (%v)", tt.reason, err, api)
				}
			}
		})
	}
}

// TestHostsThatAreNoPages: who serves the front under a name of a network of its own is not kept
// out.
func TestHostsThatAreNoPages(t *testing.T) {
	t.Parallel()
	h := newOpenHouse(t, local.Limits{})
	server := httptest.NewServer(front.Handler(h.Service))
	defer server.Close()
	for _, host := range []string{
		"127.0.0.1", "127.0.0.1:9090", "[::1]:9090", "::1", "localhost", "LOCALHOST:9090", "orders.localhost", "perdure:9090",
		"host.docker.internal:9090", "printer.local", "localhost.",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/2015-03-31/functions", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close() // only the status counts
		if res.StatusCode != http.StatusOK {
			t.Errorf("the host %q got %d", host, res.StatusCode)
		}
	}
}
