package checkpoint_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
)

// TestTimesOfTheDefaultClient reads what the other tests shorten: no one waits 50 seconds for a
// test.
//
//nolint:paralleltest // changes the environment
func TestTimesOfTheDefaultClient(t *testing.T) {
	setEnv(t, map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"})
	client, err := checkpoint.ClientFromEnv()
	if err != nil {
		t.Fatal(err)
	}
	options := checkpoint.OptionsOf(client)
	transport, ok := options.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		t.Fatalf("the HTTP client is a %T", options.HTTPClient)
	}
	if _, ok := options.Retryer.(aws.RetryerV2); !ok {
		t.Errorf("the retries are those of a %T", options.Retryer)
	}
	got := map[string]any{
		"connect": transport.GetDialer().Timeout, "TLS": transport.GetTransport().TLSHandshakeTimeout,
		"answer begins": transport.GetTransport().ResponseHeaderTimeout, "in all": transport.GetTimeout(),
		"attempts": options.Retryer.MaxAttempts(), "endpoint": options.BaseEndpoint == nil,
	}
	want := map[string]any{
		"connect": 5 * time.Second, "TLS": 5 * time.Second, "answer begins": 50 * time.Second, "in all": 55 * time.Second,
		"attempts": 3, "endpoint": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCallsShareAConnection: a call that had to connect again would cost a handshake. The calls
// have no body: when an answer comes as fast as on one machine, the AWS SDK may close a body that
// is still being sent, and then the connection is lost, too.
//
//nolint:paralleltest // changes the environment
func TestCallsShareAConnection(t *testing.T) {
	var mu sync.Mutex
	connections := 0
	server := httptest.NewUnstartedServer(reply(200, `{"Operations":[]}`))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateNew {
			connections++
		}
	}
	server.Start()
	defer server.Close()
	setEnv(t, map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": server.URL,
	})
	client, err := checkpoint.ClientFromEnv()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := client.State(t.Context(), checkpoint.StateInput{ARN: arn, Token: token}); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if connections != 1 {
		t.Errorf("20 calls took %d connections, want 1", connections)
	}
}

// TestRetryQuotaIsUsedUp: in a long storm the AWS SDK stops to repeat calls. What the service has
// answered decides all the same.
func TestRetryQuotaIsUsedUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason    string
		answer    http.HandlerFunc
		status    int
		permanent bool
	}{
		{"throttled", reply(429, `{"message":"slow down"}`, "X-Amzn-ErrorType", "TooManyRequestsException"), 429, false},
		{"broken", reply(503, ``), 503, false},
		{"a key that is gone", reply(502, `{"message":"no"}`, "X-Amzn-ErrorType", "KMSNotFoundException"), 502, true},
		{"no answer", reset, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s := newService(t, tt.answer)
			client := checkpoint.NewClient(lambdaapi.New(lambdaapi.Options{
				Region: "eu-west-1", Credentials: aws.AnonymousCredentials{}, BaseEndpoint: aws.String(s.URL),
				Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
					o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
				}),
			}))
			const calls = 60 // the quota is 500, and a repetition costs at least 5
			var last *checkpoint.APIError
			for range calls {
				_, err := client.Checkpoint(t.Context(), input())
				if !errors.As(err, &last) {
					t.Fatal(err)
				}
			}
			requests, _ := s.seen()
			if len(requests) >= 3*calls {
				t.Errorf("%d requests for %d calls: the quota was never used up", len(requests), calls)
			}
			if got, want := fmt.Sprint(last.HTTPStatus, last.Permanent()), fmt.Sprint(tt.status, tt.permanent); got != want {
				t.Errorf("status and permanence are %s, want %s: %v", got, want, last)
			}
		})
	}
}
