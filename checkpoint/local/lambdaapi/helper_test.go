package lambdaapi_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"
)

// serve opens the front of a service on a loopback address and returns the client of the AWS SDK
// for it.
func serve(t *testing.T, s *local.Service, opts ...func(*lambdaapi.Options)) *lambdaapi.Client {
	t.Helper()
	server := httptest.NewServer(front.Handler(s))
	t.Cleanup(server.Close)
	return sdkClient(server.URL, opts...)
}

// sdkClient returns the client of the AWS SDK for an endpoint, with keys that no one checks.
func sdkClient(endpoint string, opts ...func(*lambdaapi.Options)) *lambdaapi.Client {
	return lambdaapi.New(lambdaapi.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		}),
	}, opts...)
}

// through has a function make its calls with a client of the AWS SDK.
func through(api checkpoint.LambdaAPI, h local.Handler) local.Handler {
	client := checkpoint.NewClient(api)
	return local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		return h.Invoke(checkpoint.WithClient(ctx, client), payload)
	})
}
