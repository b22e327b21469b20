//go:build linux

package crashtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// check looks at all executions, on a service that has started once more.
func (y *yard) check(ctx context.Context) {
	y.t.Helper()
	ctx, stop := context.WithCancelCause(ctx)
	var service sync.WaitGroup
	service.Go(func() { y.serve(ctx, stop) })
	defer service.Wait()
	defer stop(nil)
	nonces := y.effects()
	for i, arn := range y.arns {
		y.checkReceipt(ctx, fmt.Sprintf("order-%d", i), arn, nonces)
		y.checkHistory(ctx, arn)
	}
	if ctx.Err() != nil {
		y.t.Fatal(context.Cause(ctx))
	}
	for _, p := range y.conductor.problems {
		y.t.Error(p)
	}
}

// checkReceipt checks that an execution has the receipt that its effects make.
func (y *yard) checkReceipt(ctx context.Context, name, arn string, nonces map[string]map[string]string) {
	y.t.Helper()
	e, err := y.execution(ctx, arn)
	if err != nil {
		y.t.Errorf("%s: %v", name, err)
		return
	}
	var r receipt
	if e.Status != lambdatypes.ExecutionStatusSucceeded || json.Unmarshal([]byte(aws.ToString(e.Result)), &r) != nil {
		why := ""
		if e.Error != nil {
			why = aws.ToString(e.Error.ErrorType) + ": " + aws.ToString(e.Error.ErrorMessage)
		}
		y.t.Errorf("%s is %s with the result %q and the error %q", name, e.Status, aws.ToString(e.Result), why)
		return
	}
	if r.ID != name || len(r.Packed) != 3 || !strings.HasPrefix(r.Collected, "customer ") {
		y.t.Errorf("%s has the receipt %+v", name, r)
	}
	confirmed := make(map[string][]string) // by the name of the operation
	for _, u := range y.conductor.confirmed(arn) {
		if u.Action == "SUCCEED" && u.Payload != nil {
			confirmed[u.Name] = append(confirmed[u.Name], strings.Trim(*u.Payload, `"`))
		}
	}
	for operation, named := range map[string][]string{
		"reserve": {r.Reserved}, "charge": {r.Charged}, "insure": {r.Insured}, "pack": r.Packed, "close": {r.Closed},
	} {
		for _, nonce := range named {
			if by, ok := nonces[operation][nonce]; !ok || by != arn && operation != "insure" {
				y.t.Errorf("%s: the receipt names the effect %q of %s, which it has not had", name, nonce, operation)
			}
		}
		for _, nonce := range confirmed[operation] {
			if !slices.Contains(named, nonce) {
				y.t.Errorf("%s: the result %q of %s was confirmed, and the receipt names %q", name, nonce, operation, named)
			}
		}
	}
}

// checkHistory checks that every confirmed update of an execution is in its history.
func (y *yard) checkHistory(ctx context.Context, arn string) {
	y.t.Helper()
	events := y.history(ctx, arn)
	seen := make(map[string][]*lambdatypes.Event)
	for i := range events {
		e := &events[i]
		if e.EventType == lambdatypes.EventTypeInvocationCompleted {
			y.invocations++
			y.checkInvocation(arn, e)
		}
		key := aws.ToString(e.Id) + " " + string(e.EventType)
		seen[key] = append(seen[key], e)
	}
	for _, u := range y.conductor.confirmed(arn) {
		want, known := eventOf(u)
		if !known {
			continue
		}
		found := seen[u.ID+" "+want]
		if len(found) == 0 {
			y.t.Errorf("%s: %s of %s was confirmed, and the history has no %s", arn, u.Action, u.ID, want)
			continue
		}
		if u.Action == "SUCCEED" && u.Payload != nil && !slices.ContainsFunc(found, func(e *lambdatypes.Event) bool {
			return resultOf(e) == *u.Payload
		}) {
			y.t.Errorf("%s: the result %q of %s was confirmed, and the history has %q", arn, *u.Payload, u.ID, resultOf(found[0]))
		}
		if terminal := u.Action == "SUCCEED" || u.Action == "FAIL"; terminal && len(found) != 1 {
			y.t.Errorf("%s: the history has %d events %s of %s", arn, len(found), want, u.ID)
		}
	}
}

// checkInvocation checks how an invocation has ended: it did, its process was killed, or the
// service was, under it.
func (y *yard) checkInvocation(arn string, e *lambdatypes.Event) {
	y.t.Helper()
	d := e.InvocationCompletedDetails
	if d.Error == nil || d.Error.Payload == nil {
		return
	}
	y.lost++
	kind, message := aws.ToString(d.Error.Payload.ErrorType), aws.ToString(d.Error.Payload.ErrorMessage)
	switch {
	case kind == "Runtime.ExitError" && strings.Contains(message, "signal: killed"):
	case kind == "Service.Interrupted":
	default:
		y.t.Errorf("%s: an invocation has failed with %s: %s", arn, kind, message)
	}
}

func (y *yard) history(ctx context.Context, arn string) (all []lambdatypes.Event) {
	y.t.Helper()
	in := &lambdaapi.GetDurableExecutionHistoryInput{DurableExecutionArn: &arn, IncludeExecutionData: aws.Bool(true), MaxItems: 1000}
	for {
		var out *lambdaapi.GetDurableExecutionHistoryOutput
		err := y.insist(ctx, func() (err error) {
			out, err = y.client.GetDurableExecutionHistory(ctx, in)
			return err
		})
		if err != nil {
			y.t.Fatal(err)
		}
		all = append(all, out.Events...)
		if in.Marker = out.NextMarker; aws.ToString(in.Marker) == "" {
			return all
		}
	}
}

// eventOf returns the event that an update leads to; known is false for those of the execution.
func eventOf(u update) (event string, known bool) {
	kind := map[string]string{"STEP": "Step", "CONTEXT": "Context", "WAIT": "Wait", "CALLBACK": "Callback", "CHAINED_INVOKE": "ChainedInvoke"}[u.Type]
	what := map[string]string{"START": "Started", "SUCCEED": "Succeeded", "FAIL": "Failed", "RETRY": "Failed", "CANCEL": "Cancelled"}[u.Action]
	return kind + what, kind != "" && what != ""
}

func resultOf(e *lambdatypes.Event) string {
	var r *lambdatypes.EventResult
	switch {
	case e.StepSucceededDetails != nil:
		r = e.StepSucceededDetails.Result
	case e.ContextSucceededDetails != nil:
		r = e.ContextSucceededDetails.Result
	}
	if r == nil {
		return ""
	}
	return aws.ToString(r.Payload)
}
