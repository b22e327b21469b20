//go:build unix

package process_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// clientTimeout is how long the function of the tests below waits for an answer of the service,
// where the product waits for most of a minute.
const clientTimeout = 4 * time.Second

// purchaser is a durable function that makes a new client of the AWS SDK for each invocation, so
// that no execution uses up the retries of another: with the SDK's own retries, but without its
// pauses.
type purchaser struct {
	// timeout is how long it waits for an answer.
	timeout time.Duration
}

func (p purchaser) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	endpoint := os.Getenv("AWS_ENDPOINT_URL_LAMBDA")
	if endpoint == "" {
		return nil, errors.New("no endpoint")
	}
	api := lambdaapi.New(lambdaapi.Options{
		Region: os.Getenv("AWS_REGION"), BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(p.timeout),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
		}),
	})
	f := replay.Handler(
		func(ctx op.Context, in purchase) (receipt, error) { return buy(ctx, api, in) },
		replay.WithClient(checkpoint.NewClient(api)))
	return f.Invoke(ctx, payload)
}

// purchase is what the function is called with: the file of its effects, how many bytes to pad the
// receipt with, and how many bytes of an error to fail with.
type purchase struct {
	Ledger      string
	Bytes, Fail int
}

// receipt holds, for each step, the number of the run whose result counts; zero is an interruption.
type receipt struct {
	Reserved, Charged, Shipped int
	Approved                   string
	// Seen are errors that the handler got to see and should not have.
	Seen    []string
	Padding string
}

// buy runs an operation of each kind that needs the service, and goes on whatever they return.
func buy(ctx op.Context, api *lambdaapi.Client, in purchase) (r receipt, err error) {
	ignore := func(err error) {
		if err != nil {
			r.Seen = append(r.Seen, err.Error())
		}
	}
	defer func() {
		if p := recover(); p != nil {
			err = nil // a handler that swallows panics, too
		}
	}()
	r.Reserved, err = replay.Run(ctx, op.Step("reserve", effectOf(in, "reserve")))
	ignore(err)
	r.Charged, err = replay.Run(ctx, op.Step("charge", effectOf(in, "charge"), op.WithSemantics(op.AtMostOncePerRetry)))
	if !errors.Is(err, op.ErrInterrupted) {
		ignore(err)
	}
	approval, err := replay.Run(ctx, op.CreateCallback[string]("approval"))
	ignore(err)
	ignore(replay.Exec(ctx, op.Do("ask", func(ctx context.Context) error {
		_, err := api.SendDurableExecutionCallbackSuccess(ctx,
			&lambdaapi.SendDurableExecutionCallbackSuccessInput{CallbackId: &approval.ID, Result: []byte("yes")})
		if _, done := errors.AsType[*lambdatypes.InvalidParameterValueException](err); done {
			return nil // an earlier run has
		}
		return err
	})))
	r.Approved, err = replay.Run(ctx, approval.Result())
	ignore(err)
	ignore(replay.Exec(ctx, op.Wait("cool-off", time.Second)))
	r.Shipped, err = replay.Run(ctx, op.Step("ship", effectOf(in, "ship")))
	ignore(err)
	if in.Fail > 0 {
		return r, errors.New(strings.Repeat("\n", in.Fail)) // two bytes each on the wire
	}
	r.Padding = strings.Repeat("x", in.Bytes)
	return r, nil
}

// effectOf is a body that adds a line to the ledger and returns how many of its kind there are by
// now.
func effectOf(in purchase, name string) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		f, err := os.OpenFile(in.Ledger, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return 0, err
		}
		_, err = f.WriteString(name + "\n")
		return runsOf(in.Ledger, name), errors.Join(err, f.Close())
	}
}

// runsOf counts the lines of a ledger that are the name.
func runsOf(ledger, name string) (n int) {
	text, _ := os.ReadFile(ledger) // there is none before the first effect
	for line := range bytes.Lines(text) {
		if string(bytes.TrimSpace(line)) == name {
			n++
		}
	}
	return n
}

func runPurchaser() { lambda.Start(purchaser{clientTimeout}) }

// runPatientPurchaser is for calls that take their time.
func runPatientPurchaser() { lambda.Start(purchaser{time.Minute}) }

// runDefaults is a purchase with the client that the product makes for itself.
func runDefaults() {
	lambda.Start(replay.Handler(func(ctx op.Context, in purchase) (r receipt, err error) {
		if r.Reserved, err = replay.Run(ctx, op.Step("reserve", effectOf(in, "reserve"))); err != nil {
			return r, err
		}
		if err := replay.Exec(ctx, op.Wait("cool-off", time.Second)); err != nil {
			return r, err
		}
		r.Approved = "yes"
		r.Shipped, err = replay.Run(ctx, op.Step("ship", effectOf(in, "ship")))
		return r, err
	}))
}
