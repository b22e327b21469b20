package replaytest_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/replay/replaytest"
)

// deployed deploys approve: to the local service, which stands for AWS in the examples. A client of
// AWS is lambda.NewFromConfig(cfg).
func deployed(t *quiet) (client *lambdaapi.Client, end func()) {
	service := local.New()
	if err := service.Host("approve:live", approve); err != nil {
		t.Fatalf("%v", err)
	}
	server := httptest.NewServer(front.Handler(service))
	client = lambdaapi.New(lambdaapi.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		}),
	})
	return client, func() {
		server.Close()
		_ = service.Close()
	}
}

func ExampleCloud() {
	t := newTest()
	client, end := deployed(t)
	defer end()

	cloud := replaytest.Cloud(t, client, "approve:live")
	for _, where := range []replaytest.Option{nil, cloud} {
		r := replaytest.Run(t, approve, 12, replaytest.CallbackResult("approval", "fine"), where)
		fmt.Println(r.Value, r.Op("approval").Status, r.Cloud)
	}
	// Output:
	// fine SUCCEEDED false
	// fine SUCCEEDED true
}

func ExampleWithPollTimeout() {
	t := newTest()
	client, end := deployed(t)
	defer end()

	cloud := replaytest.Cloud(t, client, "approve:live", replaytest.WithPollTimeout(time.Minute)) // else the test fails
	fmt.Println(replaytest.Run(t, approve, 12, replaytest.CallbackResult("approval", "fine"), cloud).Value)
	// Output: fine
}

func ExampleWithPollInterval() {
	t := newTest()
	client, end := deployed(t)
	defer end()

	cloud := replaytest.Cloud(t, client, "approve:live", replaytest.WithPollInterval(10*time.Millisecond)) // a function that is fast
	fmt.Println(replaytest.Run(t, approve, 12, replaytest.CallbackResult("approval", "fine"), cloud).Value)
	// Output: fine
}
