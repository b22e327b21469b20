package lambdaapi_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// approval runs a step and waits for a callback, whose result it returns.
func approval(k *talk) (string, error) {
	switch k.status("ask") {
	case "":
		work := update(checkpoint.KindStep, checkpoint.ActionSucceed, "work")
		work.Payload = checkpoint.TextPayload(`"worked"`)
		ask := update(checkpoint.KindCallback, checkpoint.ActionStart, "ask")
		ask.Timeout = time.Hour
		if _, err := k.send(work, ask); err != nil {
			return "", err
		}
		return pending, nil
	case "STARTED":
		return pending, nil
	}
	out, err := k.client.State(k.ctx, checkpoint.StateInput{ARN: k.event.DurableExecutionArn, Token: k.token})
	if err != nil {
		return "", err
	}
	for _, o := range out.Operations {
		if o.ID == "ask" && o.Status == checkpoint.StatusSucceeded {
			return succeed(o.Payload.String()), nil
		}
	}
	return `{"Status":"FAILED","Error":{"ErrorType":"Refused","ErrorMessage":"no"}}`, nil
}

// hostApproval hosts approval on a service that runs by itself, with the real client on both sides.
func hostApproval(t *testing.T) (*local.Service, *lambdaapi.Client) {
	t.Helper()
	s := local.New(local.WithExecutionTimeout(time.Hour))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	client := serve(t, s)
	if err := s.Host("approval", through(client, function(approval))); err != nil {
		t.Fatal(err)
	}
	return s, client
}

// asked starts an execution and returns it and the ID of its callback, when that is known.
func asked(t *testing.T, s *local.Service, client *lambdaapi.Client, name string) (arn, callbackID string) {
	t.Helper()
	out, err := client.Invoke(t.Context(), &lambdaapi.InvokeInput{
		FunctionName: aws.String("approval"), InvocationType: lambdatypes.InvocationTypeEvent,
		Payload: []byte(`{"n":1}`), DurableExecutionName: aws.String(name),
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.StatusCode != http.StatusAccepted {
		t.Errorf("an asynchronous invocation is answered with %d, want 202", out.StatusCode)
	}
	e, ok := s.Execution(*out.DurableExecutionArn)
	if !ok {
		t.Fatalf("there is no execution %s", *out.DurableExecutionArn)
	}
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask, _ := e.Operation("ask")
	return *out.DurableExecutionArn, ask.CallbackID
}

func TestExecutionThroughTheRealClient(t *testing.T) {
	t.Parallel()
	s, client := hostApproval(t)
	arn, id := asked(t, s, client, "order-1")

	if _, err := client.SendDurableExecutionCallbackHeartbeat(t.Context(),
		&lambdaapi.SendDurableExecutionCallbackHeartbeatInput{CallbackId: &id}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SendDurableExecutionCallbackSuccess(t.Context(),
		&lambdaapi.SendDurableExecutionCallbackSuccessInput{CallbackId: &id, Result: []byte(`{"ok": true}`)}); err != nil {
		t.Fatal(err)
	}
	out, err := client.Invoke(t.Context(), &lambdaapi.InvokeInput{
		FunctionName: aws.String("approval"), Payload: []byte(`{"n":1}`), DurableExecutionName: aws.String("order-1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out.Payload); got != `{"ok": true}` || aws.ToString(out.DurableExecutionArn) != arn ||
		aws.ToString(out.ExecutedVersion) != "$LATEST" || out.FunctionError != nil || out.StatusCode != http.StatusOK {
		t.Errorf("got %s from %s, version %s, error %v, status %d", got, aws.ToString(out.DurableExecutionArn),
			aws.ToString(out.ExecutedVersion), out.FunctionError, out.StatusCode)
	}

	execution, err := client.GetDurableExecution(t.Context(), &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: &arn})
	if err != nil {
		t.Fatal(err)
	}
	if execution.Status != lambdatypes.ExecutionStatusSucceeded || aws.ToString(execution.Result) != `{"ok": true}` ||
		aws.ToString(execution.InputPayload) != `{"n":1}` || aws.ToString(execution.DurableExecutionName) != "order-1" ||
		execution.EndTimestamp.Before(*execution.StartTimestamp) || aws.ToInt32(execution.DurableConfig.ExecutionTimeout) != 3600 {
		t.Errorf("got %+v", execution)
	}
	if diff := cmp.Diff([]lambdatypes.EventType{
		"ExecutionStarted", "StepSucceeded", "CallbackStarted", "InvocationCompleted",
		"CallbackSucceeded", "InvocationCompleted", "ExecutionSucceeded",
	}, eventTypes(t, client, arn, 2, false)); diff != "" {
		t.Errorf("history, two events a page (-want +got):\n%s", diff)
	}
	if got := eventTypes(t, client, arn, 3, true); len(got) != 7 || got[0] != "ExecutionSucceeded" || got[6] != "ExecutionStarted" {
		t.Errorf("the reverse history is %v", got)
	}
}

// eventTypes reads a history page by page.
func eventTypes(t *testing.T, client *lambdaapi.Client, arn string, items int32, reverse bool) (types []lambdatypes.EventType) {
	t.Helper()
	pages := lambdaapi.NewGetDurableExecutionHistoryPaginator(client, &lambdaapi.GetDurableExecutionHistoryInput{
		DurableExecutionArn: &arn, MaxItems: items, ReverseOrder: &reverse,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			types = append(types, e.EventType)
		}
	}
	return types
}

func TestFailedExecutionThroughTheRealClient(t *testing.T) {
	t.Parallel()
	s, client := hostApproval(t)
	arn, id := asked(t, s, client, "order-2")
	if _, err := client.SendDurableExecutionCallbackFailure(t.Context(), &lambdaapi.SendDurableExecutionCallbackFailureInput{
		CallbackId: &id, Error: &lambdatypes.ErrorObject{ErrorType: aws.String("Denied"), ErrorMessage: aws.String("too dear")},
	}); err != nil {
		t.Fatal(err)
	}
	out, err := client.Invoke(t.Context(), &lambdaapi.InvokeInput{
		FunctionName: aws.String("approval:$LATEST"), Payload: []byte(`{"n":1}`), DurableExecutionName: aws.String("order-2"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(out.Payload), `{"errorType":"Refused","errorMessage":"no"}`; got != want || aws.ToString(out.FunctionError) != "Unhandled" {
		t.Errorf("got %s and %q, want %s and Unhandled", got, aws.ToString(out.FunctionError), want)
	}
	late := &lambdaapi.SendDurableExecutionCallbackSuccessInput{CallbackId: &id}
	if _, err := client.SendDurableExecutionCallbackSuccess(t.Context(), late); !isAPI[*lambdatypes.InvalidParameterValueException](err) {
		t.Errorf("a second result of a callback: %v", err)
	}
	_, err = client.StopDurableExecution(t.Context(), &lambdaapi.StopDurableExecutionInput{DurableExecutionArn: &arn})
	if !isAPI[*lambdatypes.InvalidParameterValueException](err) {
		t.Errorf("stopping an execution that has ended: %v", err)
	}
}

func isAPI[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func TestStopIsAnsweredTwice(t *testing.T) {
	t.Parallel()
	s, client := hostApproval(t)
	arn, _ := asked(t, s, client, "order-3")
	var times []time.Time
	for range 2 { // the answer to the first may have got lost
		out, err := client.StopDurableExecution(t.Context(), &lambdaapi.StopDurableExecutionInput{
			DurableExecutionArn: &arn, Error: &lambdatypes.ErrorObject{ErrorMessage: aws.String("enough")},
		})
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, *out.StopTimestamp)
	}
	e, _ := s.Execution(arn)
	if e.Status() != local.StatusStopped || e.Failure().Message != "enough" || !times[0].Equal(times[1]) {
		t.Errorf("got %s, %+v at %v", e.Status(), e.Failure(), times)
	}
}

func TestExecutionsAreListed(t *testing.T) {
	t.Parallel()
	s, client := hostApproval(t)
	for _, name := range []string{"a", "b", "c"} {
		arn, _ := asked(t, s, client, name)
		if e, _ := s.Execution(arn); name == "b" {
			if err := e.Stop(nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name, reason string
		in           lambdaapi.ListDurableExecutionsByFunctionInput
		want         []string
	}{
		{name: "all", reason: "in the order of their start, on pages of two", want: []string{"a", "b", "c"}},
		{
			name: "reverse", reason: "the last comes first",
			in: lambdaapi.ListDurableExecutionsByFunctionInput{ReverseOrder: aws.Bool(true)}, want: []string{"c", "b", "a"},
		},
		{
			name: "running", reason: "b was stopped",
			in:   lambdaapi.ListDurableExecutionsByFunctionInput{Statuses: []lambdatypes.ExecutionStatus{"RUNNING", "FAILED"}},
			want: []string{"a", "c"},
		},
		{
			name: "name", reason: "names are unique for a function",
			in: lambdaapi.ListDurableExecutionsByFunctionInput{DurableExecutionName: aws.String("b")}, want: []string{"b"},
		},
		{
			name: "another version", reason: "it has none",
			in: lambdaapi.ListDurableExecutionsByFunctionInput{Qualifier: aws.String("7")},
		},
		{
			name: "tomorrow", reason: "none was started then",
			in: lambdaapi.ListDurableExecutionsByFunctionInput{StartedAfter: aws.Time(time.Now().Add(24 * time.Hour))},
		},
		{
			name: "until tomorrow", reason: "all were",
			in:   lambdaapi.ListDurableExecutionsByFunctionInput{StartedBefore: aws.Time(time.Now().Add(24 * time.Hour))},
			want: []string{"a", "b", "c"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := tt.in
			in.FunctionName, in.MaxItems = aws.String("approval"), 2
			var got []string
			pages := lambdaapi.NewListDurableExecutionsByFunctionPaginator(client, &in)
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.DurableExecutions {
					got = append(got, *e.DurableExecutionName)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestExecutionsOfAnUnknownFunction(t *testing.T) {
	t.Parallel()
	s, client := hostApproval(t)
	list := func(function string) error {
		_, err := client.ListDurableExecutionsByFunction(t.Context(), &lambdaapi.ListDurableExecutionsByFunctionInput{FunctionName: &function})
		return err
	}
	if err := list("other"); !isAPI[*lambdatypes.ResourceNotFoundException](err) {
		t.Errorf("neither hosted nor with executions: %v", err)
	}
	if err := list("approval"); err != nil {
		t.Errorf("hosted, without executions: %v", err)
	}
	asked(t, s, client, "order-5")
	if err := list("approval"); err != nil {
		t.Error(err)
	}
}

func TestNamesAreTakenOnce(t *testing.T) {
	t.Parallel()
	s, client := hostApproval(t)
	asked(t, s, client, "order-4")
	_, err := client.Invoke(t.Context(), &lambdaapi.InvokeInput{
		FunctionName: aws.String("approval"), Payload: []byte(`{"n":2}`), DurableExecutionName: aws.String("order-4"),
	})
	if !isAPI[*lambdatypes.DurableExecutionAlreadyStartedException](err) {
		t.Errorf("got %v", err)
	}
}

func TestHostedFunctionsAreListed(t *testing.T) {
	t.Parallel()
	_, client := hostApproval(t)
	out, err := client.ListFunctions(t.Context(), &lambdaapi.ListFunctionsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Functions) != 1 || aws.ToString(out.Functions[0].FunctionName) != "approval" || out.Functions[0].DurableConfig == nil {
		t.Errorf("got %+v", out.Functions)
	}
	one, err := client.GetFunctionConfiguration(t.Context(), &lambdaapi.GetFunctionConfigurationInput{FunctionName: aws.String("approval")})
	if err != nil || aws.ToString(one.FunctionArn) != aws.ToString(out.Functions[0].FunctionArn) {
		t.Errorf("got %+v, %v", one, err)
	}
	_, err = client.GetFunction(t.Context(), &lambdaapi.GetFunctionInput{FunctionName: aws.String("other")})
	if !isAPI[*lambdatypes.ResourceNotFoundException](err) {
		t.Errorf("a function that is not hosted: %v", err)
	}
}
