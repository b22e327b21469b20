package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint"
)

func ExampleDecodeInvocation() {
	inv, err := checkpoint.DecodeInvocation([]byte(`{
		"DurableExecutionArn": "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a",
		"CheckpointToken": "eyJ0b2tlbiI6MX0=",
		"InitialExecutionState": {"Operations": [{"Id": "8f3c1a", "Type": "EXECUTION", "Status": "STARTED",
			"StartTimestamp": 1767225600000, "ExecutionDetails": {"InputPayload": "{\"orderId\":42}"}}]}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(inv.Name(), inv.Operations[0].Payload, inv.Operations[0].Start)

	_, err = checkpoint.DecodeInvocation([]byte(`{"orderId":42}`))
	fmt.Println(errors.Is(err, checkpoint.ErrNotDurable))
	// Output:
	// order-42 {"orderId":42} 2026-01-01 00:00:00 +0000 UTC
	// true
}

func ExampleEncodeInvocation() {
	event, err := checkpoint.EncodeInvocation(checkpoint.Invocation{
		ARN: "order:7/durable-execution/order-42/8f3c1a", Token: "t1", NextMarker: "page-2",
	})
	fmt.Println(string(event), err)
	// Output: {"DurableExecutionArn":"order:7/durable-execution/order-42/8f3c1a","CheckpointToken":"t1","InitialExecutionState":{"Operations":[],"NextMarker":"page-2"}} <nil>
}

func ExampleAppendOperation() {
	b, err := checkpoint.AppendOperation(nil, &checkpoint.Operation{
		ID: "a", Kind: checkpoint.KindStep, Status: checkpoint.StatusSucceeded, Attempt: 1, Payload: checkpoint.TextPayload(`"ok"`),
	})
	fmt.Println(string(b), err)
	// Output: {"Id":"a","Type":"STEP","Status":"SUCCEEDED","StepDetails":{"Attempt":1,"Result":"\"ok\""}} <nil>
}

func ExampleEncodeOutcome() {
	for _, o := range []checkpoint.Outcome{
		{Status: checkpoint.OutcomeSucceeded, Result: []byte(`{"total":12}`)},
		{Status: checkpoint.OutcomeFailed, Failure: &checkpoint.Failure{Type: "Declined", Message: "card declined"}},
		{Status: checkpoint.OutcomePending},
	} {
		b, err := checkpoint.EncodeOutcome(o)
		fmt.Println(string(b), err)
	}
	// Output:
	// {"Status":"SUCCEEDED","Result":"{\"total\":12}"} <nil>
	// {"Status":"FAILED","Error":{"ErrorType":"Declined","ErrorMessage":"card declined"}} <nil>
	// {"Status":"PENDING"} <nil>
}

func ExampleFailure_Fit() {
	f := &checkpoint.Failure{Type: "Declined", Message: "card declined", Data: strings.Repeat("x", 1000), Stack: []string{"main.pay"}}
	short := f.Fit(100)
	fmt.Println(short.Type, short.Message, len(short.Data), len(short.Stack))
	// Output: Declined card declined 30 0
}

func ExampleExecutionName() {
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a"
	fmt.Println(checkpoint.ExecutionName(arn))
	// Output: order-42
}

func ExampleExecutionID() {
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a"
	fmt.Println(checkpoint.ExecutionID(arn))
	// Output: 8f3c1a
}

func ExampleFunctionARN() {
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a"
	fmt.Println(checkpoint.FunctionARN(arn))
	// Output: arn:aws:lambda:us-east-1:123456789012:function:order:7
}

func ExampleLoadState() {
	client := &pagedClient{pages: map[string]checkpoint.StateOutput{
		"page-2": {Operations: []checkpoint.Operation{{ID: "b"}}, NextMarker: "page-3"},
		"page-3": {Operations: []checkpoint.Operation{{ID: "c"}}},
	}}
	ops, err := checkpoint.LoadState(context.Background(), client, checkpoint.Invocation{
		ARN: "arn", Token: "t1", Operations: []checkpoint.Operation{{ID: "a"}}, NextMarker: "page-2",
	})
	fmt.Println(len(ops), err)
	// Output: 3 <nil>
}
