package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/middleware"
)

// The times and the number of attempts of a call, the same as in the other SDKs: a call may
// block on the service for most of a minute.
const (
	connectTimeout = 5 * time.Second
	readTimeout    = 50 * time.Second
	requestTimeout = 55 * time.Second
	attempts       = 3
)

// ErrEnvironment says that the environment does not hold what a client of the service needs.
var ErrEnvironment = errors.New("no client can be made from the environment")

// ClientFromEnv returns a client made from the environment that Lambda gives to a function:
// AWS_REGION or AWS_DEFAULT_REGION; AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN; AWS_ENDPOINT_URL_LAMBDA or AWS_ENDPOINT_URL, unless
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true; AWS_USE_FIPS_ENDPOINT and
// AWS_USE_DUALSTACK_ENDPOINT. It reads no configuration files. A call has
// 5 seconds to connect, 50 until it is answered and 55 in all; the AWS SDK repeats it up to three
// times, the first included.
//
// The error is [ErrEnvironment] if region or keys are missing. It is also if there are only
// container credentials, as with SnapStart: they change while the function runs, so they need the
// AWS SDK's configuration module, which this package does not link. Make that client yourself and
// pass it to [NewClient].
func ClientFromEnv() (Client, error) {
	region := firstEnv("AWS_REGION", "AWS_DEFAULT_REGION")
	if region == "" {
		return nil, fmt.Errorf("checkpoint: %w: set AWS_REGION", ErrEnvironment)
	}
	credentials := aws.Credentials{
		AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if !credentials.HasKeys() {
		if firstEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" {
			return nil, fmt.Errorf("checkpoint: %w: it holds container credentials only, which expire; "+
				"load the configuration with the module aws-sdk-go-v2/config and pass "+
				"checkpoint.NewClient(lambda.NewFromConfig(cfg)) to the handler", ErrEnvironment)
		}
		return nil, fmt.Errorf("checkpoint: %w: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "+
			"or pass a client to the handler", ErrEnvironment)
	}
	options := lambdaapi.Options{
		Region: region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return credentials, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().
			WithTimeout(requestTimeout).
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }).
			WithTransportOptions(func(t *http.Transport) {
				t.TLSHandshakeTimeout = connectTimeout
				t.ResponseHeaderTimeout = readTimeout
			}),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = attempts }),
		APIOptions: []func(*middleware.Stack) error{
			awsmiddleware.AddUserAgentKeyValue("perdure", version()),
		},
	}
	if os.Getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") != "true" {
		options.BaseEndpoint = optional(firstEnv("AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL"))
	}
	if os.Getenv("AWS_USE_FIPS_ENDPOINT") == "true" {
		options.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
	}
	if os.Getenv("AWS_USE_DUALSTACK_ENDPOINT") == "true" {
		options.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
	return NewClient(lambdaapi.New(options)), nil
}

// firstEnv returns the first of these variables that is not empty.
func firstEnv(names ...string) string {
	for _, name := range names {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// version returns the version of this module in the running program.
func version() string {
	const path, unknown = "github.com/perdure/perdure", "devel"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	for _, m := range info.Deps {
		if m.Path == path && m.Version != "" {
			return m.Version
		}
	}
	return unknown
}
