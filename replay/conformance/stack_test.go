package conformance_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/perdure/perdure/replay/replayotel"

	"github.com/perdure/perdure/replay/conformance"
)

// TestStack asks a stack what the published runner asks: which functions there are, to invoke one,
// and for its log.
func TestStack(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	endpoint := "http://" + server.Listener.Addr().String()
	stack, err := conformance.NewStack(endpoint, self, t.TempDir(), replayotel.Invocations)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = stack
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	client := lambdaapi.New(lambdaapi.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint), Credentials: aws.AnonymousCredentials{},
	})
	out, err := client.Invoke(t.Context(), &lambdaapi.InvokeInput{
		FunctionName: aws.String("requirement-1-18"), Qualifier: aws.String("$LATEST"), Payload: []byte(`"abc"`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(out.Payload), `"succeeded on second attempt"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	form := "application/x-www-form-urlencoded"
	tests := []struct {
		name, reason, kind, target, body string
		status                           int
		want                             []string
	}{
		{
			name: "list", reason: "a template has logical names, Lambda physical ones", kind: form,
			body: "Action=ListStackResources&StackName=any", status: http.StatusOK,
			want: []string{
				"<LogicalResourceId>Requirement1x18</LogicalResourceId><PhysicalResourceId>requirement-1-18</PhysicalResourceId>" +
					"<ResourceType>AWS::Lambda::Function</ResourceType>",
			},
		},
		{
			name: "describe", reason: "one of them", kind: form, status: http.StatusOK,
			body: "Action=DescribeStackResource&LogicalResourceId=Requirement3x12",
			want: []string{"<DescribeStackResourceResult><StackResourceDetail>", "requirement-3-12"},
		},
		{
			name: "describe none", reason: "a name that the template does not have", kind: form, status: http.StatusBadRequest,
			body: "Action=DescribeStackResource&LogicalResourceId=Other", want: []string{"ValidationError", "Other"},
		},
		{name: "delete", reason: "the runner cleans up", kind: form, body: "Action=DeleteStack", status: http.StatusOK},
		{
			name: "unknown", reason: "it says so", kind: form, body: "Action=CreateStack", status: http.StatusBadRequest,
			want: []string{"InvalidAction", "CreateStack"},
		},
		{
			name: "log", reason: "the lines of one execution: the body of the step has begun twice", target: "Logs_20140328.FilterLogEvents",
			body: `{"logGroupName":"/aws/lambda/requirement-1-18","startTime":1,"filterPattern":` +
				quote(`{ ($.durableExecutionArn = "`+*out.DurableExecutionArn+`") || ($.executionArn = "`+*out.DurableExecutionArn+`") }`) + `}`,
			status: http.StatusOK, want: []string{"abc", "requirement-1-18/0"},
		},
		{
			name: "log of another", reason: "executions do not see each other's lines", target: "Logs_20140328.FilterLogEvents",
			body:   `{"logGroupName":"/aws/lambda/requirement-1-18","filterPattern":"{ $.executionArn = \"other\" }"}`,
			status: http.StatusOK, want: []string{`{"events":[]}`},
		},
		{
			name: "log garbage", reason: "not JSON", target: "Logs_20140328.FilterLogEvents", body: "{",
			status: http.StatusBadRequest, want: []string{"InvalidParameterException"},
		},
	}
	for _, tt := range tests {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint+"/", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", tt.kind)
		req.Header.Set("X-Amz-Target", tt.target)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != tt.status {
			t.Errorf("%s: %s: got status %d, %v: %s", tt.name, tt.reason, res.StatusCode, err, text)
		}
		for _, part := range tt.want {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s: %s: want %s in %s", tt.name, tt.reason, part, text)
			}
		}
	}
	if got := conformance.Template(nil); !strings.Contains(got, "Requirement3x12:\n") || !strings.Contains(got, "TestDescription: ['3-12']") {
		t.Errorf("got %s", got)
	}
}

func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
