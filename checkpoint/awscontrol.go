package checkpoint

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The names of the calls of a [Control] in an [APIError].
const (
	callPause  = "PauseDurableExecution"
	callResume = "ResumeDurableExecution"
	callDelete = "DeleteDurableExecution"
)

// ControlAPI is what a [Control] of the service needs of *lambda.Client. The AWS SDK has no methods
// for the three calls yet (service/lambda v1.115.0), so they are requests of this package's own
// that go through the client of the SDK: they have its endpoint, its credentials, its signature
// (version 4), its retries and its HTTP client. A wrapper has to pass the options of the call on;
// one that does not reads an execution and changes nothing.
type ControlAPI interface {
	// GetDurableExecution is the call whose request is made another one, of the same execution.
	GetDurableExecution(context.Context, *lambdaapi.GetDurableExecutionInput,
		...func(*lambdaapi.Options)) (*lambdaapi.GetDurableExecutionOutput, error)
}

// ErrNotSent says that a [ControlAPI] has not passed on the options that make the request what it
// is: nothing was asked for.
var ErrNotSent = errors.New("the client does not pass on the options of a call")

// NewControl returns a control that talks to the service through api, usually a *lambda.Client of
// the AWS SDK. Each error is an [*APIError]; that of a client that is no client of the SDK is
// [ErrNotSent] as well.
func NewControl(api ControlAPI) Control { return &lambdaControl{api: api} }

type lambdaControl struct{ api ControlAPI }

func (c *lambdaControl) Pause(ctx context.Context, in PauseInput) error {
	body := struct {
		ClientToken   string
		Reason        string `json:",omitempty"`
		TimeoutPaused bool   `json:"ExecutionTimeoutPaused"`
	}{named(in.ClientToken), in.Reason, !in.TimeoutRuns}
	_, err := c.ask(ctx, controlCall{call: callPause, method: http.MethodPost, segment: "/pause"}, in.ARN, body)
	return err
}

func (c *lambdaControl) Resume(ctx context.Context, in ResumeInput) error {
	body := struct {
		ClientToken string
		Reason      string `json:",omitempty"`
	}{named(in.ClientToken), in.Reason}
	_, err := c.ask(ctx, controlCall{call: callResume, method: http.MethodPost, segment: "/resume"}, in.ARN, body)
	return err
}

func (c *lambdaControl) Delete(ctx context.Context, in DeleteInput) (DeleteOutput, error) {
	text, err := c.ask(ctx, controlCall{call: callDelete, method: http.MethodDelete}, in.ARN, nil)
	if err != nil {
		return DeleteOutput{}, err
	}
	var out struct {
		Requested json.RawMessage `json:"DeletionRequestTimestamp"`
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return DeleteOutput{}, fmt.Errorf("checkpoint: answer of %s: %w", callDelete, err)
	}
	return DeleteOutput{Requested: apiTime(out.Requested)}, nil
}

// named returns the token of a call: what the AWS SDK does for a call that has one.
func named(token string) string {
	if token == "" {
		return rand.Text()
	}
	return token
}

// apiTime reads a time of an answer: a number of seconds since 1970, or a text. It is zero if it is
// neither.
func apiTime(text json.RawMessage) time.Time {
	var seconds float64
	if json.Unmarshal(text, &seconds) == nil {
		return unixMilli(int64(seconds * 1000))
	}
	var t time.Time
	if json.Unmarshal(text, &t) != nil {
		return time.Time{}
	}
	return t.UTC()
}

// ask makes one of the calls and returns what the service has answered.
func (c *lambdaControl) ask(ctx context.Context, call controlCall, arn string, body any) ([]byte, error) {
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, &APIError{Call: call.call, Cause: err}
		}
		call.body = text
	}
	_, err := c.api.GetDurableExecution(ctx, &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: &arn},
		func(o *lambdaapi.Options) { o.APIOptions = append(o.APIOptions, call.register) })
	if made, ok := errors.AsType[*smithy.OperationError](err); ok {
		err = made.Err // it names the other call
	}
	switch {
	case err != nil:
		return nil, apiError(call.call, err)
	case !call.sent:
		return nil, &APIError{Call: call.call, Cause: ErrNotSent}
	}
	return call.answer, nil
}

// controlCall makes of the request of GetDurableExecution that of another call.
type controlCall struct {
	call, method, segment string
	body                  []byte
	sent                  bool
	answer                []byte
}

// register has the call take part in what a client of the SDK does: it rewrites the request before
// it is signed, and keeps the answer.
func (c *controlCall) register(stack *middleware.Stack) error {
	return errors.Join(stack.Serialize.Add(rewriter{c}, middleware.After), stack.Deserialize.Add(reader{c}, middleware.After))
}

type rewriter struct{ *controlCall }

// ID implements middleware.SerializeMiddleware.
func (rewriter) ID() string { return "perdure.rewrite" }

// HandleSerialize implements middleware.SerializeMiddleware. It comes after the request of the SDK
// was made.
func (r rewriter) HandleSerialize(
	ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler,
) (out middleware.SerializeOutput, metadata middleware.Metadata, err error) {
	request, ok := in.Request.(*smithyhttp.Request)
	if !ok {
		return out, metadata, fmt.Errorf("%w: a request is a %T", ErrNotSent, in.Request)
	}
	request.Method = r.method
	request.URL.Path += r.segment
	if request.URL.RawPath != "" {
		request.URL.RawPath += r.segment
	}
	if r.body != nil {
		if request, err = request.SetStream(bytes.NewReader(r.body)); err != nil {
			return out, metadata, err
		}
		request.ContentLength = int64(len(r.body))
		request.Header.Set("Content-Type", "application/json")
	}
	in.Request = request
	r.sent = true
	return next.HandleSerialize(ctx, in)
}

type reader struct{ *controlCall }

// ID implements middleware.DeserializeMiddleware.
func (reader) ID() string { return "perdure.keep" }

// HandleDeserialize implements middleware.DeserializeMiddleware. The SDK reads the answer after it.
func (r reader) HandleDeserialize(
	ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
	out, metadata, err = next.HandleDeserialize(ctx, in)
	response, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok {
		return out, metadata, err
	}
	r.answer, err = io.ReadAll(response.Body)
	err = errors.Join(err, response.Body.Close())
	response.Body = io.NopCloser(bytes.NewReader(r.answer))
	return out, metadata, err
}
