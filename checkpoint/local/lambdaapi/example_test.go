package lambdaapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"

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
	if err := service.Host("greet", greet, local.WithPlainFunction()); err != nil {
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

func ExampleWithLogger() {
	service := local.New()
	defer service.Close()
	done := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte(`{"Status":"SUCCEEDED"}`), nil })
	if err := service.Host("order", done); err != nil {
		fmt.Println(err)
	}

	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "advice" {
			return slog.Attr{}
		}
		return a
	}}))
	server := httptest.NewServer(front.Handler(service, front.WithLogger(logger)))
	defer server.Close()
	_, err := sdkClient(server.URL).Invoke(context.Background(), &lambdaapi.InvokeInput{FunctionName: aws.String("order")})
	if err != nil {
		fmt.Println(err)
	}
	// Output: level=WARN msg="a durable function was named without a version or alias, as AWS refuses" call=Invoke function=order
}
