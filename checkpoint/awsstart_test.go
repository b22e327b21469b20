package checkpoint_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
)

const startedARN = "arn:aws:lambda:us-east-1:123456789012:function:other:7/durable-execution/mine/1f"

// invoked is what a service of Lambda was asked for by one Invoke or list.
type invoked struct{ path, kind, name, tenant, trace, body string }

// startServer answers an Invoke with a status and an error code, and a list with its executions.
func startServer(t *testing.T, status int, code, arn, listed string) (checkpoint.Starter, *[]invoked) {
	t.Helper()
	got := &[]invoked{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		path, _ := url.PathUnescape(r.URL.EscapedPath())
		*got = append(*got, invoked{
			path, r.Header.Get("X-Amz-Invocation-Type"), r.Header.Get("X-Amz-Durable-Execution-Name"),
			r.Header.Get("X-Amz-Tenant-Id"), r.Header.Get("X-Amzn-Trace-Id"), string(text),
		})
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, listed)
			return
		}
		if code != "" {
			w.Header().Set("X-Amzn-Errortype", code)
		}
		if arn != "" {
			w.Header().Set("X-Amz-Durable-Execution-Arn", arn)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	starter, ok := checkpoint.ClientAs[checkpoint.Starter](checkpoint.NewClient(sdkClient(server.URL)))
	if !ok {
		t.Fatal("the client of the AWS SDK does not start executions")
	}
	return starter, got
}

// TestStartOnTheWire: an execution is started by an asynchronous Invoke with its name (Lambda API,
// Invoke).
func TestStartOnTheWire(t *testing.T) {
	t.Parallel()
	const list = `{"DurableExecutions":[{"DurableExecutionArn":"` + startedARN + `","DurableExecutionName":"mine"}]}`
	whole := checkpoint.StartInput{
		Function: "123456789012:function:other:live", Name: "mine", Tenant: "acme", TraceHeader: "Root=1", Payload: checkpoint.TextPayload("7"),
	}
	own := whole
	own.Own = true
	asked := invoked{"/2015-03-31/functions/123456789012:function:other:live/invocations", "Event", "mine", "acme", "Root=1", "7"}
	looked := invoked{path: "/2025-12-01/functions/123456789012:function:other/durable-executions"}
	tests := []struct {
		reason    string
		in        checkpoint.StartInput
		status    int
		code, arn string
		listed    string
		want      string // the ARN, or what the error says
		asked     []invoked
	}{
		{"it is started", whole, 202, "", startedARN, "", startedARN, []invoked{asked}},
		{
			"the least that can be said",
			checkpoint.StartInput{Function: "other", Name: "mine"},
			202, "", startedARN, "", startedARN,
			[]invoked{{"/2015-03-31/functions/other/invocations", "Event", "mine", "", "", ""}},
		},
		{"the name is taken", whole, 409, "DurableExecutionAlreadyStartedException", "", "", "name taken", []invoked{asked}},
		{"a name of one's own is taken", own, 409, "DurableExecutionAlreadyStartedException", "", list, startedARN, []invoked{asked, looked}},
		{"and cannot be found", own, 409, "DurableExecutionAlreadyStartedException", "", `{"DurableExecutions":[]}`, "name taken", []invoked{asked, looked}},
		{"another refusal of a name of one's own", own, 404, "ResourceNotFoundException", "", "", "not found", []invoked{asked}},
		{"a loop", whole, 400, "RecursiveInvocationException", "", "", "looped", []invoked{asked}},
		{"denied", whole, 403, "AccessDeniedException", "", "", "denied", []invoked{asked}},
		{"no durable function", whole, 202, "", "", "", "no execution", []invoked{asked}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			starter, got := startServer(t, tt.status, tt.code, tt.arn, tt.listed)
			out, err := starter.StartExecution(t.Context(), tt.in)
			if said := sayStart(out, err); said != tt.want {
				t.Errorf("it is %s (%v), want %s", said, err, tt.want)
			}
			if diff := cmp.Diff(tt.asked, *got, cmp.AllowUnexported(invoked{}), cmp.FilterPath(func(p cmp.Path) bool {
				return p.Last().String() == ".trace" && tt.in.TraceHeader == ""
			}, cmp.Ignore())); diff != "" {
				t.Errorf("asked was (-want +got):\n%s", diff)
			}
		})
	}
}

func sayStart(out checkpoint.StartOutput, err error) string {
	refused, ok := errors.AsType[*checkpoint.APIError](err)
	switch {
	case err == nil:
		return out.ARN
	case !ok:
		return "no API error"
	case refused.NameTaken():
		return "name taken"
	case refused.Looped():
		return "looped"
	case refused.NotFound():
		return "not found"
	case refused.Denied():
		return "denied"
	case errors.Is(err, checkpoint.ErrNoExecution):
		return "no execution"
	}
	return err.Error()
}

// TestWhatAClientOffers: a client can do what the client of the SDK that it is made of can.
func TestWhatAClientOffers(t *testing.T) {
	t.Parallel()
	api := sdkClient("http://127.0.0.1:1")
	tests := []struct {
		reason           string
		api              checkpoint.LambdaAPI
		pauses, launches bool
	}{
		{"that of the SDK", api, true, true},
		{"two calls alone", struct{ checkpoint.LambdaAPI }{api}, false, false},
		{"one that pauses", struct {
			checkpoint.LambdaAPI
			checkpoint.ControlAPI
		}{api, api}, true, false},
		{"one that starts", struct {
			checkpoint.LambdaAPI
			checkpoint.StartAPI
		}{api, api}, false, true},
	}
	for _, tt := range tests {
		c := checkpoint.NewClient(tt.api)
		_, pauses := checkpoint.ClientAs[checkpoint.Pauser](c)
		_, launches := checkpoint.ClientAs[checkpoint.Starter](c)
		if pauses != tt.pauses || launches != tt.launches {
			t.Errorf("%s: it pauses: %t, it starts: %t; want %t and %t", tt.reason, pauses, launches, tt.pauses, tt.launches)
		}
	}
	var _ checkpoint.StartAPI = (*lambdaapi.Client)(nil)
	starter, ok := checkpoint.NewClient(api).(checkpoint.Starter)
	if !ok {
		t.Fatal("the client starts no executions")
	}
	if _, err := starter.StartExecution(canceled(t), checkpoint.StartInput{Function: "f", Name: "n"}); err == nil {
		t.Error("a call whose context is over succeeds")
	}
}

func canceled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
