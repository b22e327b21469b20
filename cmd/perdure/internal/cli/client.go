package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/perdure/perdure/checkpoint"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// defaultEndpoint is where perdure dev serves unless a flag says otherwise.
const defaultEndpoint = "http://127.0.0.1:9090"

// notFoundError says that there is no such thing.
type notFoundError struct{ error }

func (n notFoundError) Unwrap() error { return n.error }

func (a *app) onAWS() bool { return a.aws || a.region != "" || a.profile != "" }

// serviceURL returns the URL of the service on this machine.
func (a *app) serviceURL() string {
	if a.endpoint != "" {
		return a.endpoint
	}
	if url := a.Getenv("PERDURE_ENDPOINT"); url != "" {
		return url
	}
	return defaultEndpoint
}

// client returns the client of the service, one for all calls: each has connections of its own.
func (a *app) client(ctx context.Context) (*lambdaapi.Client, error) {
	a.connecting.Lock()
	defer a.connecting.Unlock()
	if a.connected != nil {
		return a.connected, nil
	}
	client, err := a.connect(ctx)
	if err == nil {
		a.connected = client
	}
	return client, err
}

func (a *app) connect(ctx context.Context) (*lambdaapi.Client, error) {
	if !a.onAWS() {
		return lambdaapi.New(lambdaapi.Options{
			Region: "us-east-1", BaseEndpoint: aws.String(a.serviceURL()), RetryMaxAttempts: 1, HTTPClient: knownService{http.DefaultClient},
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
			}),
		}), nil
	}
	cfg, err := a.awsConfig(ctx)
	if err != nil {
		return nil, err
	}
	return lambdaapi.NewFromConfig(cfg), nil
}

// awsConfig returns the configuration of the AWS SDK, with the region and the profile of the flags.
func (a *app) awsConfig(ctx context.Context) (aws.Config, error) {
	var opts []func(*config.LoadOptions) error
	if a.region != "" {
		opts = append(opts, config.WithRegion(a.region))
	}
	if a.profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(a.profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return cfg, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return cfg, usage("no AWS region is configured; give --region, or set AWS_REGION")
	}
	return cfg, nil
}

// errStranger says that what answers is not the service.
var errStranger = errors.New("it is not the durable service that answers")

// knownService takes answers of the Lambda API alone: each of them has an ID, also a refusal. Any
// other program may answer anything.
type knownService struct{ *http.Client }

func (k knownService) Do(r *http.Request) (*http.Response, error) {
	resp, err := k.Client.Do(r) //nolint:gosec // the user's endpoint
	switch {
	case err != nil && !is[*net.OpError](err) && r.Context().Err() == nil:
		return nil, fmt.Errorf("%w: %w", errStranger, err) // it is no HTTP
	case err != nil:
		return nil, err
	case resp.Header.Get("X-Amzn-Requestid") == "":
		return nil, errors.Join(fmt.Errorf("%w: HTTP status %s", errStranger, resp.Status), resp.Body.Close())
	}
	return resp, nil
}

// call makes one call of the service within the time that calls have, and explains its error.
func call[Out any](ctx context.Context, a *app, what string, f func(context.Context, *lambdaapi.Client) (Out, error)) (Out, error) {
	var none Out
	client, err := a.client(ctx)
	if err != nil {
		return none, err
	}
	for pause := throttlePause; ; pause *= 2 {
		if a.pace != nil {
			if err := a.pace(ctx); err != nil {
				return none, err
			}
		}
		limited, cancel := context.WithTimeout(ctx, a.timeout)
		out, err := f(limited, client)
		cancel()
		switch {
		case err == nil:
			return out, nil
		case !isThrottled(err) || pause > mostThrottlePause:
			return none, a.explain(what, err)
		}
		if err := sleep(ctx, pause); err != nil {
			return none, err
		}
	}
}

// A call that is throttled is made again after a pause, which is doubled each time: at most seven
// times, within 13 seconds. AWS has quotas of 15 reads of histories a second and less, and the SDK
// repeats by itself less often.
const (
	throttlePause     = 100 * time.Millisecond
	mostThrottlePause = 64 * throttlePause
)

// isThrottled reports whether the service has too many calls for now.
func isThrottled(err error) bool {
	if is[*lambdatypes.TooManyRequestsException](err) {
		return true
	}
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains([]string{"ThrottlingException", "Throttling", "TooManyRequestsException"}, api.ErrorCode())
}

// pacer returns what waits until the next call may be made, with that many calls a second; zero
// stands for any number, for which it is nil.
func pacer(rate int) func(context.Context) error {
	if rate == 0 {
		return nil
	}
	first := true
	return func(ctx context.Context) error {
		if first {
			first = false
			return nil
		}
		return sleep(ctx, time.Second/time.Duration(rate))
	}
}

// explain says what a call was for, what came back and what to do next.
func (a *app) explain(what string, err error) error {
	what = shortARNs(what)
	if is[*lambdatypes.ResourceNotFoundException](err) || isUnknown(err) {
		text := message(err)
		if !a.onAWS() { // where account and region say nothing
			text = functionARN.ReplaceAllString(text, "$1")
		}
		return notFoundError{refusedError{fmt.Errorf("%s: %s%s", what, text, a.whereToLook(text)), err}}
	}
	if errors.Is(err, errStranger) {
		return fmt.Errorf("%s: another program answers at %s, not perdure dev; give the address of perdure dev with --endpoint; "+
			"it prints it, and --listen gives it another", what, a.serviceURL())
	}
	if is[*net.OpError](err) && !a.onAWS() {
		return fmt.Errorf("%s: no answer at %s; start perdure dev, or give --endpoint or --aws", what, a.serviceURL())
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: no answer within %s; give a longer --timeout", what, view.Exact(a.timeout))
	}
	return refusedError{fmt.Errorf("%s: %s", what, message(err)), err}
}

// shortARNs names executions by their names where a text has their ARNs.
func shortARNs(text string) string {
	return executionARN.ReplaceAllStringFunc(text, checkpoint.ExecutionName)
}

var (
	executionARN = regexp.MustCompile(`arn:[^\s/]+/durable-execution/[^\s/]+/[\w-]+`)
	functionARN  = regexp.MustCompile(`\barn:aws:lambda:[\w-]+:\d+:function:([\w$:-]+)`)
)

// whereToLook says where the names are of what there is.
func (a *app) whereToLook(text string) string {
	switch {
	case strings.Contains(text, "no such function") && !a.onAWS():
		return "; perdure dev hosts the functions that it was started with"
	case strings.Contains(text, "no such execution"):
		return "; perdure list shows all"
	case strings.Contains(text, "no such callback"):
		return "; perdure show prints the IDs of callbacks that are open"
	}
	return ""
}

// refusedError is an error of the service, with a text that says what was asked for.
type refusedError struct {
	error

	cause error
}

func (r refusedError) Unwrap() error { return r.cause }

// isUnknown reports whether the service says that it does not know an execution or a callback.
func isUnknown(err error) bool {
	if !is[*lambdatypes.InvalidParameterValueException](err) {
		return false
	}
	text := strings.ToLower(message(err))
	return strings.Contains(text, "no such") || strings.Contains(text, "not found") || strings.Contains(text, "invalid durable execution arn")
}

// message returns what the service has said, without what the SDK says around it.
func message(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorMessage() != "" {
		return strings.TrimPrefix(api.ErrorMessage(), "local: ") + " (" + api.ErrorCode() + ")"
	}
	if answer, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		return fmt.Sprintf("%s (%v)", http.StatusText(answer.HTTPStatusCode()), err)
	}
	return err.Error()
}

// payload reads what an argument stands for: "-" for the standard input, "@file" for a file.
func (a *app) payload(arg string) ([]byte, error) {
	if arg == "-" {
		text, err := readAll(a.In)
		if err != nil {
			return nil, fmt.Errorf("read the standard input: %w", err)
		}
		return text, nil
	}
	if path, ok := strings.CutPrefix(arg, "@"); ok {
		text, err := os.ReadFile(path) //nolint:gosec // the user's file
		if err != nil {
			return nil, usage("%w; give @FILE of a file that can be read, or - for the standard input", err)
		}
		return text, nil
	}
	return []byte(arg), nil
}
