package replaytest_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay/replaytest"
)

// The local service stands for AWS here. A client of AWS is lambda.NewFromConfig(cfg).
func ExampleCloud() {
	t := newTest()
	service := local.New()
	defer service.Close()
	if err := service.Host("approve:live", approve); err != nil {
		t.Fatalf("%v", err)
	}
	server := httptest.NewServer(service.HTTP())
	defer server.Close()
	client := lambdaapi.New(lambdaapi.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		}),
	})

	cloud := replaytest.Cloud(t, client, "approve:live",
		replaytest.Within(time.Minute), replaytest.PollEvery(10*time.Millisecond))
	for _, where := range []replaytest.Option{nil, cloud} {
		r := replaytest.Run(t, approve, 12, replaytest.Reply("approval", "fine"), where)
		fmt.Println(r.Value, r.Op("approval").Status, r.Cloud)
	}
	// Output:
	// fine SUCCEEDED false
	// fine SUCCEEDED true
}
