package lambdaapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"
)

// TestUpdatesOfTheRustSDK sends the updates of a parallel of two branches as the official Rust SDK
// does: what ends an operation has neither a name, nor a subtype, nor a parent, as absent members
// or as null.
func TestUpdatesOfTheRustSDK(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, omitted string }{
		{"members are absent", ``},
		{"members are null", `,"Name":null,"SubType":null,"ParentId":null,"Error":null,"ContextOptions":null,"StepOptions":null`},
		{"the name alone is absent", `,"SubType":"{sub}","ParentId":"{parent}"`},
		{"the parent alone is absent", `,"SubType":"{sub}","Name":"{name}"`},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s := local.New()
			defer s.Close()
			server := httptest.NewServer(front.Handler(s))
			defer server.Close()
			var paths []string
			if err := s.Host("rust", function(func(k *talk) (string, error) {
				end := func(id, kind, sub, parent, name string) string {
					omitted := strings.NewReplacer("{sub}", sub, "{parent}", parent, "{name}", name).Replace(tt.omitted)
					omitted = strings.Replace(omitted, `,"ParentId":""`, "", 1) // what has none has no member
					return `{"Id":"` + id + `","Type":"` + kind + `","Action":"SUCCEED","Payload":"1"` + omitted + `}`
				}
				for _, updates := range []string{
					`{"Id":"p","Type":"CONTEXT","SubType":"Parallel","Name":"both","Action":"START"}`,
					`{"Id":"p1","ParentId":"p","Type":"CONTEXT","SubType":"ParallelBranch","Name":"left","Action":"START"},` +
						`{"Id":"p2","ParentId":"p","Type":"CONTEXT","SubType":"ParallelBranch","Name":"right","Action":"START"}`,
					`{"Id":"s","ParentId":"p1","Type":"STEP","SubType":"Step","Name":"work","Action":"START"}`,
					end("s", "STEP", "Step", "p1", "work") + "," + end("p1", "CONTEXT", "ParallelBranch", "p", "left"),
					end("p2", "CONTEXT", "ParallelBranch", "p", "right"),
					end("p", "CONTEXT", "Parallel", "", "both"),
				} {
					if err := k.post(server.URL, updates); err != nil {
						return "", err
					}
				}
				return succeed("1"), nil
			})); err != nil {
				t.Fatal(err)
			}
			out, err := sdkClient(server.URL).Invoke(t.Context(), &lambdaapi.InvokeInput{FunctionName: aws.String("rust:1")})
			if err != nil || out.FunctionError != nil {
				t.Fatalf("%s: %v", out.Payload, err)
			}
			e, _ := s.Execution(aws.ToString(out.DurableExecutionArn))
			for _, o := range e.Operations()[1:] {
				paths = append(paths, fmt.Sprintf("%s in %q: %s %s %s", o.ID, o.ParentID, o.SubType, o.Name, o.Status))
			}
			if diff := cmp.Diff([]string{
				`p in "": Parallel both SUCCEEDED`, `p1 in "p": ParallelBranch left SUCCEEDED`,
				`p2 in "p": ParallelBranch right SUCCEEDED`, `s in "p1": Step work SUCCEEDED`,
			}, paths); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// post makes a checkpoint call whose updates are JSON.
func (k *talk) post(endpoint, updates string) error {
	req, err := http.NewRequestWithContext(k.ctx, http.MethodPost,
		endpoint+"/2025-12-01/durable-executions/"+url.PathEscape(k.event.DurableExecutionArn)+"/checkpoint",
		strings.NewReader(`{"CheckpointToken":"`+k.token+`","Updates":[`+updates+`]}`))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // it was read
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s: %w", res.StatusCode, body, err)
	}
	var out struct{ CheckpointToken string }
	err = json.Unmarshal(body, &out)
	k.token = out.CheckpointToken
	return err
}

// TestAliasesThroughTheRealClient: what the API shows of an execution is its version; an alias
// finds what it has started.
func TestAliasesThroughTheRealClient(t *testing.T) {
	t.Parallel()
	s := local.New()
	defer s.Close()
	done := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte(succeed("1")), nil })
	for _, name := range []string{"f", "f:live"} {
		if err := s.Host(name, done); err != nil {
			t.Fatal(err)
		}
	}
	client := serve(t, s)
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
	for _, tt := range []struct{ reason, function, qualifier, version string }{
		{"the latest version", "f:$LATEST", "", "$LATEST"},
		{"a version", "f:7", "", "7"},
		{"an alias", "f:beta", "", "$LATEST"},
		{"an alias with a host of its own", "f:live", "", "$LATEST"},
		{"an alias apart from the name", "f", "live", "$LATEST"},
	} {
		in := &lambdaapi.InvokeInput{FunctionName: &tt.function}
		list := &lambdaapi.ListDurableExecutionsByFunctionInput{FunctionName: &tt.function}
		if tt.qualifier != "" {
			in.Qualifier, list.Qualifier = &tt.qualifier, &tt.qualifier
		}
		out, err := client.Invoke(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.GetDurableExecution(t.Context(), &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: out.DurableExecutionArn})
		if err != nil {
			t.Fatal(err)
		}
		if want := arn + ":" + tt.version; aws.ToString(out.ExecutedVersion) != tt.version || aws.ToString(got.Version) != tt.version ||
			aws.ToString(got.FunctionArn) != want || !strings.HasPrefix(aws.ToString(got.DurableExecutionArn), want+"/durable-execution/") {
			t.Errorf("%s: version %s was invoked, the execution is of %s (%s): %s", tt.reason, aws.ToString(out.ExecutedVersion),
				aws.ToString(got.Version), aws.ToString(got.FunctionArn), aws.ToString(got.DurableExecutionArn))
		}
		found, err := client.ListDurableExecutionsByFunction(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		listed := false
		for _, e := range found.DurableExecutions {
			listed = listed || aws.ToString(e.DurableExecutionArn) == aws.ToString(got.DurableExecutionArn)
		}
		if !listed {
			t.Errorf("%s: it is not among the %d executions of %s %s", tt.reason, len(found.DurableExecutions), tt.function, tt.qualifier)
		}
	}
	one, err := client.GetFunctionConfiguration(t.Context(), &lambdaapi.GetFunctionConfigurationInput{FunctionName: aws.String("f:live")})
	if err != nil || aws.ToString(one.FunctionArn) != arn+":live" || aws.ToString(one.Version) != "$LATEST" {
		t.Errorf("the configuration of an alias is of %s, version %s: %v", aws.ToString(one.FunctionArn), aws.ToString(one.Version), err)
	}
}

// TestNoPayloadThroughTheRealClient: Lambda gives a function that is invoked without a payload an
// empty object.
func TestNoPayloadThroughTheRealClient(t *testing.T) {
	t.Parallel()
	s := local.New()
	defer s.Close()
	if err := s.Host("echo", echo, local.WithPlainFunction()); err != nil {
		t.Fatal(err)
	}
	client := serve(t, s)
	for _, tt := range []struct{ payload, want string }{{"", `{}`}, {`null`, `null`}, {`[1]`, `[1]`}} {
		out, err := client.Invoke(t.Context(), &lambdaapi.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte(tt.payload)})
		if err != nil || string(out.Payload) != tt.want {
			t.Errorf("the payload %q came as %q, want %q: %v", tt.payload, out.Payload, tt.want, err)
		}
	}
}

// TestUnqualifiedFunctionsAreWarnedOf: AWS refuses to start a durable function that is named
// without a version or an alias; the local service starts it and warns, once for a function while
// it serves, in the response and in the log.
func TestUnqualifiedFunctionsAreWarnedOf(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := local.New()
	defer s.Close()
	done := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte(succeed("1")), nil })
	if err := s.Host("done", done); err != nil {
		t.Fatal(err)
	}
	if err := s.Host("other", done); err != nil {
		t.Fatal(err)
	}
	if err := s.Host("echo", echo, local.WithPlainFunction()); err != nil {
		t.Fatal(err)
	}
	// The handler of a server that has only this caller, so that the log is written by one
	// goroutine at a time.
	server := httptest.NewServer(front.Handler(s, front.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))))
	defer server.Close()
	client := sdkClient(server.URL)
	for _, tt := range []struct {
		reason, function, qualifier string
		warned                      bool
	}{
		{"a version", "done:1", "", false},
		{"an alias", "done:live", "", false},
		{"the latest", "done:$LATEST", "", false},
		{"a qualifier apart from the name", "done", "live", false},
		{"a function that is not durable", "echo", "", false},
		{"a name", "done", "", true},
		{"the name again: that was said", "done", "", false},
		{"an ARN", "arn:aws:lambda:us-east-1:123456789012:function:done", "", false},
		{"another function", "other", "", true},
	} {
		log.Reset()
		in := &lambdaapi.InvokeInput{FunctionName: &tt.function}
		if tt.qualifier != "" {
			in.Qualifier = &tt.qualifier
		}
		out, err := client.Invoke(t.Context(), in)
		if err != nil {
			t.Fatalf("%s: %v", tt.reason, err)
		}
		res, _ := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
		header := res.Header.Get("Warning")
		if got := strings.Contains(header, tt.function+":$LATEST"); got != tt.warned {
			t.Errorf("%s: the response warns %q, want a warning %t", tt.reason, header, tt.warned)
		}
		if got := strings.Contains(log.String(), "level=WARN") && strings.Contains(log.String(), "function="+tt.function); got != tt.warned {
			t.Errorf("%s: the log says %q, want a warning %t", tt.reason, log.String(), tt.warned)
		}
	}
	log.Reset()
	fresh := httptest.NewServer(front.Handler(s, front.WithLogger(slog.New(slog.NewTextHandler(&log, nil))), nil))
	defer fresh.Close()
	if err := s.Host("caller", through(sdkClient(fresh.URL), function(func(k *talk) (string, error) {
		var updates []checkpoint.Update
		for i, target := range []string{"done:live", "echo", "absent", "done", "done"} {
			u := update(checkpoint.KindChainedInvoke, checkpoint.ActionStart, fmt.Sprint("call-", i))
			u.Function = target
			updates = append(updates, u)
		}
		_, err := k.send(updates...)
		return succeed("1"), err
	}))); err != nil {
		t.Fatal(err)
	}
	e, err := s.Start(t.Context(), "caller", "", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := e.Wait(ctx); err != nil || e.Status() != local.StatusSucceeded {
		t.Fatalf("%s, %v, %v", e.Status(), e.Err(), err)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "function=done") {
		t.Errorf("a function that invokes others: the log says %q, want one warning of done", log.String())
	}
}
