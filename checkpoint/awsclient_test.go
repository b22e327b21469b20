package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/perdure/perdure/checkpoint"
)

// fakeLambda answers with what it was made with and keeps what it was asked.
type fakeLambda struct {
	checkpointed *lambdaapi.CheckpointDurableExecutionInput
	read         *lambdaapi.GetDurableExecutionStateInput

	checkpoint lambdaapi.CheckpointDurableExecutionOutput
	state      lambdaapi.GetDurableExecutionStateOutput
	err        error
}

func (f *fakeLambda) CheckpointDurableExecution(_ context.Context, in *lambdaapi.CheckpointDurableExecutionInput,
	_ ...func(*lambdaapi.Options),
) (*lambdaapi.CheckpointDurableExecutionOutput, error) {
	f.checkpointed = in
	return &f.checkpoint, f.err
}

func (f *fakeLambda) GetDurableExecutionState(_ context.Context, in *lambdaapi.GetDurableExecutionStateInput,
	_ ...func(*lambdaapi.Options),
) (*lambdaapi.GetDurableExecutionStateOutput, error) {
	f.read = in
	return &f.state, f.err
}

var _ checkpoint.LambdaAPI = (*lambdaapi.Client)(nil)

// ignoreDocuments ignores the marker field that all types of the AWS SDK have.
func ignoreDocuments() cmp.Option {
	return cmpopts.IgnoreUnexported(
		lambdaapi.CheckpointDurableExecutionInput{}, lambdaapi.GetDurableExecutionStateInput{},
		lambdatypes.OperationUpdate{}, lambdatypes.ErrorObject{}, lambdatypes.StepOptions{}, lambdatypes.WaitOptions{},
		lambdatypes.CallbackOptions{}, lambdatypes.ChainedInvokeOptions{}, lambdatypes.ContextOptions{},
	)
}

func TestUpdatesOnTheWire(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		update checkpoint.Update
		want   lambdatypes.OperationUpdate
	}{
		{
			"what is empty is not sent",
			checkpoint.Update{ID: "a", Kind: checkpoint.KindStep, Action: checkpoint.ActionStart},
			lambdatypes.OperationUpdate{Id: aws.String("a"), Type: "STEP", Action: "START"},
		},
		{
			"an empty payload is one",
			checkpoint.Update{
				ID: "a", ParentID: "p", Name: "n", SubType: "Step", Kind: checkpoint.KindStep, Action: checkpoint.ActionSucceed,
				Payload: checkpoint.TextPayload(""),
			},
			lambdatypes.OperationUpdate{
				Id: aws.String("a"), ParentId: aws.String("p"), Name: aws.String("n"), SubType: aws.String("Step"),
				Type: "STEP", Action: "SUCCEED", Payload: aws.String(""),
			},
		},
		{
			"a payload of an event is decoded",
			checkpoint.Update{ID: "a", Kind: checkpoint.KindExecution, Action: checkpoint.ActionSucceed, Payload: checkpoint.QuotedPayload([]byte(`"{\"a\":1}"`))},
			lambdatypes.OperationUpdate{Id: aws.String("a"), Type: "EXECUTION", Action: "SUCCEED", Payload: aws.String(`{"a":1}`)},
		},
		{
			"a retry rounds its delay up",
			checkpoint.Update{
				ID: "a", Kind: checkpoint.KindStep, Action: checkpoint.ActionRetry, NextAttemptDelay: 1500 * time.Millisecond,
				Failure: &checkpoint.Failure{Type: "T", Message: "m", Data: "d", Stack: []string{"f"}},
			},
			lambdatypes.OperationUpdate{
				Id: aws.String("a"), Type: "STEP", Action: "RETRY",
				StepOptions: &lambdatypes.StepOptions{NextAttemptDelaySeconds: aws.Int32(2)},
				Error: &lambdatypes.ErrorObject{
					ErrorType: aws.String("T"), ErrorMessage: aws.String("m"), ErrorData: aws.String("d"), StackTrace: []string{"f"},
				},
			},
		},
		{
			"a failure without fields is one",
			checkpoint.Update{ID: "a", Kind: checkpoint.KindContext, Action: checkpoint.ActionFail, Failure: &checkpoint.Failure{}},
			lambdatypes.OperationUpdate{Id: aws.String("a"), Type: "CONTEXT", Action: "FAIL", Error: &lambdatypes.ErrorObject{}},
		},
		{
			"a wait",
			checkpoint.Update{ID: "a", Kind: checkpoint.KindWait, Action: checkpoint.ActionStart, Wait: 366 * 24 * time.Hour},
			lambdatypes.OperationUpdate{
				Id: aws.String("a"), Type: "WAIT", Action: "START", WaitOptions: &lambdatypes.WaitOptions{WaitSeconds: aws.Int32(31622400)},
			},
		},
		{
			"more seconds than the API can carry are left to the service to refuse",
			checkpoint.Update{ID: "a", Kind: checkpoint.KindWait, Action: checkpoint.ActionStart, Wait: 1<<63 - 1},
			lambdatypes.OperationUpdate{
				Id: aws.String("a"), Type: "WAIT", Action: "START", WaitOptions: &lambdatypes.WaitOptions{WaitSeconds: aws.Int32(1<<31 - 1)},
			},
		},
		{
			"a cancelled wait has no length",
			checkpoint.Update{ID: "a", Kind: checkpoint.KindWait, Action: checkpoint.ActionCancel, Wait: time.Second},
			lambdatypes.OperationUpdate{Id: aws.String("a"), Type: "WAIT", Action: "CANCEL"},
		},
		{
			"a callback without limits",
			checkpoint.Update{ID: "a", Kind: checkpoint.KindCallback, Action: checkpoint.ActionStart},
			lambdatypes.OperationUpdate{Id: aws.String("a"), Type: "CALLBACK", Action: "START"},
		},
		{
			"a callback with limits",
			checkpoint.Update{ID: "a", Kind: checkpoint.KindCallback, Action: checkpoint.ActionStart, Timeout: time.Hour, Heartbeat: time.Nanosecond},
			lambdatypes.OperationUpdate{
				Id: aws.String("a"), Type: "CALLBACK", Action: "START",
				CallbackOptions: &lambdatypes.CallbackOptions{TimeoutSeconds: 3600, HeartbeatTimeoutSeconds: 1},
			},
		},
		{
			"an invoke",
			checkpoint.Update{
				ID: "a", Kind: checkpoint.KindChainedInvoke, Action: checkpoint.ActionStart,
				Function: "ship:live", Tenant: "t", Payload: checkpoint.TextPayload("{}"),
			},
			lambdatypes.OperationUpdate{
				Id: aws.String("a"), Type: "CHAINED_INVOKE", Action: "START", Payload: aws.String("{}"),
				ChainedInvokeOptions: &lambdatypes.ChainedInvokeOptions{FunctionName: aws.String("ship:live"), TenantId: aws.String("t")},
			},
		},
		{
			"a group that keeps its children",
			checkpoint.Update{ID: "a", Kind: checkpoint.KindContext, Action: checkpoint.ActionSucceed, ReplayChildren: true},
			lambdatypes.OperationUpdate{
				Id: aws.String("a"), Type: "CONTEXT", Action: "SUCCEED", ContextOptions: &lambdatypes.ContextOptions{ReplayChildren: aws.Bool(true)},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			fake := &fakeLambda{}
			_, err := checkpoint.NewClient(fake).Checkpoint(t.Context(), checkpoint.CheckpointInput{
				ARN: arn, Token: token, Updates: []checkpoint.Update{tt.update},
			})
			if err != nil {
				t.Fatal(err)
			}
			want := &lambdaapi.CheckpointDurableExecutionInput{
				DurableExecutionArn: aws.String(arn), CheckpointToken: aws.String(token), Updates: []lambdatypes.OperationUpdate{tt.want},
			}
			if diff := cmp.Diff(want, fake.checkpointed, ignoreDocuments()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordsFromTheWire(t *testing.T) {
	t.Parallel()
	failed := &lambdatypes.ErrorObject{ErrorType: aws.String("T"), StackTrace: []string{"f"}}
	failure := &checkpoint.Failure{Type: "T", Stack: []string{"f"}}
	text := checkpoint.TextPayload
	tests := []struct {
		reason string
		in     lambdatypes.Operation
		want   checkpoint.Operation
	}{
		{
			"the execution",
			lambdatypes.Operation{
				Id: aws.String("e"), Name: aws.String("n"), Type: "EXECUTION", Status: "STARTED", StartTimestamp: aws.Time(day()),
				ExecutionDetails: &lambdatypes.ExecutionDetails{InputPayload: aws.String("{}")},
			},
			checkpoint.Operation{ID: "e", Name: "n", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted, Start: day(), Payload: text("{}")},
		},
		{
			"a context",
			lambdatypes.Operation{
				Id: aws.String("c"), ParentId: aws.String("p"), SubType: aws.String("Map"), Type: "CONTEXT", Status: "SUCCEEDED", EndTimestamp: aws.Time(day()),
				ContextDetails: &lambdatypes.ContextDetails{Result: aws.String(""), ReplayChildren: aws.Bool(true)},
			},
			checkpoint.Operation{
				ID: "c", ParentID: "p", SubType: "Map", Kind: checkpoint.KindContext, Status: checkpoint.StatusSucceeded,
				End: day(), Payload: text(""), ReplayChildren: true,
			},
		},
		{
			"a step",
			lambdatypes.Operation{
				Id: aws.String("s"), Type: "STEP", Status: "PENDING",
				StepDetails: &lambdatypes.StepDetails{Attempt: 2, NextAttemptTimestamp: aws.Time(day()), Error: failed},
			},
			checkpoint.Operation{
				ID: "s", Kind: checkpoint.KindStep, Status: checkpoint.StatusPending, Attempt: 2, Due: day(), Failure: failure,
			},
		},
		{
			"a wait",
			lambdatypes.Operation{
				Id: aws.String("w"), Type: "WAIT", Status: "STARTED",
				WaitDetails: &lambdatypes.WaitDetails{ScheduledEndTimestamp: aws.Time(day())},
			},
			checkpoint.Operation{ID: "w", Kind: checkpoint.KindWait, Status: checkpoint.StatusStarted, Due: day()},
		},
		{
			"a callback",
			lambdatypes.Operation{
				Id: aws.String("b"), Type: "CALLBACK", Status: "SUCCEEDED",
				CallbackDetails: &lambdatypes.CallbackDetails{CallbackId: aws.String("cb"), Result: aws.String("1")},
			},
			checkpoint.Operation{ID: "b", Kind: checkpoint.KindCallback, Status: checkpoint.StatusSucceeded, CallbackID: "cb", Payload: text("1")},
		},
		{
			"an invoke",
			lambdatypes.Operation{
				Id: aws.String("i"), Type: "CHAINED_INVOKE", Status: "FAILED",
				ChainedInvokeDetails: &lambdatypes.ChainedInvokeDetails{Error: failed},
			},
			checkpoint.Operation{ID: "i", Kind: checkpoint.KindChainedInvoke, Status: checkpoint.StatusFailed, Failure: failure},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			want := []checkpoint.Operation{tt.want}
			fake := &fakeLambda{
				checkpoint: lambdaapi.CheckpointDurableExecutionOutput{
					CheckpointToken: aws.String("t2"),
					NewExecutionState: &lambdatypes.CheckpointUpdatedExecutionState{
						Operations: []lambdatypes.Operation{tt.in}, NextMarker: aws.String("m"),
					},
				},
				state: lambdaapi.GetDurableExecutionStateOutput{Operations: []lambdatypes.Operation{tt.in}, NextMarker: aws.String("m")},
			}
			client := checkpoint.NewClient(fake)
			out, err := client.Checkpoint(t.Context(), checkpoint.CheckpointInput{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(checkpoint.CheckpointOutput{Token: "t2", Operations: want, NextMarker: "m"}, out); diff != "" {
				t.Errorf("Checkpoint (-want +got):\n%s", diff)
			}
			page, err := client.State(t.Context(), checkpoint.StateInput{ARN: arn, Token: token, Marker: "m0", MaxItems: 7})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(checkpoint.StateOutput{Operations: want, NextMarker: "m"}, page); diff != "" {
				t.Errorf("State (-want +got):\n%s", diff)
			}
			asked := &lambdaapi.GetDurableExecutionStateInput{
				DurableExecutionArn: aws.String(arn), CheckpointToken: aws.String(token), Marker: aws.String("m0"), MaxItems: 7,
			}
			if diff := cmp.Diff(asked, fake.read, ignoreDocuments()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRepliesWithoutTokenOrState(t *testing.T) {
	t.Parallel()
	out, err := checkpoint.NewClient(&fakeLambda{}).Checkpoint(t.Context(), checkpoint.CheckpointInput{})
	if diff := cmp.Diff(checkpoint.CheckpointOutput{}, out); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

func TestRepliesOfALaterVersion(t *testing.T) {
	t.Parallel()
	ops := []lambdatypes.Operation{{Id: aws.String("a"), Type: "TIMER", Status: "STARTED"}}
	client := checkpoint.NewClient(&fakeLambda{
		checkpoint: lambdaapi.CheckpointDurableExecutionOutput{NewExecutionState: &lambdatypes.CheckpointUpdatedExecutionState{Operations: ops}},
		state:      lambdaapi.GetDurableExecutionStateOutput{Operations: ops},
	})
	if out, err := client.Checkpoint(t.Context(), checkpoint.CheckpointInput{}); err == nil {
		t.Errorf("Checkpoint = %+v", out)
	}
	if out, err := client.State(t.Context(), checkpoint.StateInput{}); err == nil {
		t.Errorf("State = %+v", out)
	}
}

// answered is an error as the AWS SDK returns it for an HTTP response.
func answered(status int, err error) error {
	return &smithy.OperationError{ServiceID: "Lambda", OperationName: "X", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err,
	}}
}

func TestErrorsAreClassified(t *testing.T) {
	t.Parallel()
	invalid := func(message string) error { return &lambdatypes.InvalidParameterValueException{Message: &message} }
	generic := func(code string) error { return &smithy.GenericAPIError{Code: code, Message: "m"} }
	tests := []struct {
		reason           string
		err              error
		status           int
		code             string
		stale, permanent bool
	}{
		{"a stale token, as the service writes it", answered(400, invalid("Invalid checkpoint token")), 400, "InvalidParameterValueException", true, false},
		{"a stale token, as other SDKs expect it", answered(400, invalid("Invalid Checkpoint Token: used")), 400, "InvalidParameterValueException", true, false},
		{"a stale token, in words that no one has seen", answered(400, invalid("The checkpoint token has expired.")), 400, "InvalidParameterValueException", true, false},
		{"another code whose message speaks of a token", answered(400, generic("ValidationException")), 400, "ValidationException", false, true},
		{"an update that is refused", answered(400, invalid("Invalid parent operation id.")), 400, "InvalidParameterValueException", false, true},
		{"such an error without a response", invalid("no"), 400, "InvalidParameterValueException", false, true},
		{"throttling", answered(429, &lambdatypes.TooManyRequestsException{}), 429, "TooManyRequestsException", false, false},
		{"throttling without a response", &lambdatypes.TooManyRequestsException{}, 429, "TooManyRequestsException", false, false},
		{"a failure of the service", answered(500, &lambdatypes.ServiceException{}), 500, "ServiceException", false, false},
		{"a failure of the service without a response", &lambdatypes.ServiceException{}, 500, "ServiceException", false, false},
		{"a key that may not be used, though the status is 502", answered(502, &lambdatypes.KMSAccessDeniedException{}), 502, "KMSAccessDeniedException", false, true},
		{"a disabled key", answered(502, &lambdatypes.KMSDisabledException{}), 502, "KMSDisabledException", false, true},
		{"a key in the wrong state", answered(502, &lambdatypes.KMSInvalidStateException{}), 502, "KMSInvalidStateException", false, true},
		{"a key that is gone", answered(502, &lambdatypes.KMSNotFoundException{}), 502, "KMSNotFoundException", false, true},
		{"an error of a key that is none of these", answered(500, generic("KMSThrottledException")), 500, "KMSThrottledException", false, false},
		{"a permission that is missing", answered(403, generic("AccessDeniedException")), 403, "AccessDeniedException", false, true},
		{"no modeled type: the status decides", answered(404, errors.New("?")), 404, "", false, true},
		{"no modeled type, throttled", answered(429, errors.New("?")), 429, "", false, false},
		{"no modeled type, a gateway", answered(503, generic("UnknownError")), 503, "UnknownError", false, false},
		{"a code and no response", generic("Whatever"), 0, "Whatever", false, false},
		{"the network", &smithy.OperationError{Err: errors.New("connection reset by peer")}, 0, "", false, false},
		{"the end of the invocation", context.DeadlineExceeded, 0, "", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			client := checkpoint.NewClient(&fakeLambda{err: tt.err})
			_, failed := client.Checkpoint(t.Context(), checkpoint.CheckpointInput{})
			_, unread := client.State(t.Context(), checkpoint.StateInput{})
			for call, err := range map[string]error{"CheckpointDurableExecution": failed, "GetDurableExecutionState": unread} {
				api, ok := errors.AsType[*checkpoint.APIError](err)
				if !ok || !errors.Is(err, tt.err) {
					t.Fatalf("%s: error %v, want an APIError of %v", call, err, tt.err)
				}
				got := fmt.Sprint(api.Call, api.HTTPStatus, api.Code, api.StaleToken(), api.Permanent())
				want := fmt.Sprint(call, tt.status, tt.code, tt.stale, tt.permanent)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestAPIErrorReadsWell(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		err    checkpoint.APIError
		want   string
	}{
		{
			"all there is",
			checkpoint.APIError{Call: "C", HTTPStatus: 400, Code: "InvalidParameterValueException", Message: "no", Cause: errors.New("long")},
			"checkpoint: C: 400 InvalidParameterValueException: no",
		},
		{"no code", checkpoint.APIError{Call: "C", HTTPStatus: 503, Cause: errors.New("gateway")}, "checkpoint: C: 503: gateway"},
		{"no answer", checkpoint.APIError{Call: "C", Cause: errors.New("connection reset")}, "checkpoint: C: no answer: connection reset"},
		{"nothing", checkpoint.APIError{Call: "C"}, "checkpoint: C: no answer"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
