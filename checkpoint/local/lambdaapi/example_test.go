package lambdaapi_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"
)

func ExampleHandler() {
	ctx := context.Background()
	service := local.New()
	defer service.Close()
	greet := local.HandlerFunc(func(_ context.Context, name []byte) ([]byte, error) {
		return fmt.Appendf(nil, `{"hello":%s}`, name), nil
	})
	if err := service.Host("greet", greet, local.Plain()); err != nil {
		fmt.Println(err)
	}

	server := httptest.NewServer(front.Handler(service))
	defer server.Close()
	out, err := sdkClient(server.URL).Invoke(ctx, &lambdaapi.InvokeInput{
		FunctionName: aws.String("greet"), Payload: []byte(`"Zoë"`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.StatusCode, string(out.Payload))
	// Output: 200 {"hello":"Zoë"}
}
