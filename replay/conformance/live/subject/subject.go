// Package subject is the function that measurements on AWS are made with. It speaks the protocol
// itself, without the engine of package replay: it also says what the engine never would.
package subject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/checkpoint"
)

// Order is what the function is to do.
type Order struct {
	// Measure is a name of [Measures].
	Measure string `json:"measure"`
	// Bytes is how large a payload is, Seconds how long a wait is.
	Bytes   int `json:"bytes,omitempty"`
	Seconds int `json:"seconds,omitempty"`
	// Function is what is invoked, with its version.
	Function string `json:"function,omitempty"`
}

// Report is the result of an execution.
type Report struct {
	// Text is what a call was answered with.
	Text string `json:"text,omitempty"`
	// Count is a number of what was asked for.
	Count int `json:"count,omitempty"`
	// Yes says that what was asked for is so.
	Yes bool `json:"yes,omitempty"`
	// Millis is a difference of two clocks.
	Millis int64 `json:"millis,omitempty"`
}

// TraceHeader is the header that the invoke of the measure "trace" starts its target with.
const TraceHeader = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

// deed is one invocation of a measure.
type deed func(ctx context.Context, c *call) (checkpoint.Outcome, error)

// call is an invocation.
type call struct {
	inv    checkpoint.Invocation
	order  Order
	log    []checkpoint.Operation // without the execution itself
	client checkpoint.Client
	getenv func(string) string
	token  string
}

// measures are what the function can do.
func measures() map[string]deed {
	return map[string]deed{
		"token": token, "pending": pending, "errors": fails, "errors-with-checkpoints": failsAfterCheckpoint,
		"timeouts": hangs, "pause": paced, "trace": invokes, "echo": echo, "size": sized, "order": ordered, "wait": waits, "clock": clocks,
	}
}

// Measures returns the names of what the function can do.
func Measures() []string {
	var names []string
	for name := range measures() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Handler returns the function. client makes the client for an invocation; getenv reads the
// environment.
func Handler(client func(context.Context) (checkpoint.Client, error), getenv func(string) string) lambda.Handler {
	return function{client, getenv}
}

type function struct {
	client func(context.Context) (checkpoint.Client, error)
	getenv func(string) string
}

// Invoke implements [lambda.Handler].
func (f function) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	inv, err := checkpoint.DecodeInvocation(event)
	if err != nil {
		return nil, err
	}
	c := &call{inv: inv, getenv: f.getenv, token: inv.Token}
	if c.client, err = f.client(ctx); err != nil {
		return nil, err
	}
	all, err := checkpoint.LoadState(ctx, c.client, inv)
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		if o.Kind != checkpoint.KindExecution {
			c.log = append(c.log, o)
		} else if err := json.Unmarshal(o.Payload.Bytes(), &c.order); err != nil {
			return nil, fmt.Errorf("read the input: %w", err)
		}
	}
	do, ok := measures()[c.order.Measure]
	if !ok {
		return nil, fmt.Errorf("there is no measure %q", c.order.Measure)
	}
	out, err := do(ctx, c)
	if err != nil {
		return nil, err
	}
	return checkpoint.EncodeOutcome(out)
}

// report ends the execution.
func report(r Report) (checkpoint.Outcome, error) {
	text, err := json.Marshal(r)
	return checkpoint.Outcome{Status: checkpoint.OutcomeSucceeded, Result: text}, err
}

// suspended answers that the execution waits.
func suspended() checkpoint.Outcome { return checkpoint.Outcome{Status: checkpoint.OutcomePending} }

// send makes a checkpoint call with the last token.
func (c *call) send(ctx context.Context, updates ...checkpoint.Update) (checkpoint.CheckpointOutput, error) {
	out, err := c.client.Checkpoint(ctx, checkpoint.CheckpointInput{ARN: c.inv.ARN, Token: c.token, Updates: updates})
	if err == nil {
		c.token = out.Token
	}
	return out, err
}

// step is the start and the end of a step.
func step(id string, payload string) []checkpoint.Update {
	u := checkpoint.Update{ID: id, Name: id, Kind: checkpoint.KindStep, SubType: "Step", Action: checkpoint.ActionStart}
	end := u
	end.Action, end.Payload = checkpoint.ActionSucceed, checkpoint.TextPayload(payload)
	return []checkpoint.Update{u, end}
}

// token sends a token twice, and reports what the second call is answered with.
func token(ctx context.Context, c *call) (checkpoint.Outcome, error) {
	first := c.token
	if _, err := c.send(ctx, step("a", "1")...); err != nil {
		return suspended(), err
	}
	last := c.token
	c.token = first
	_, err := c.send(ctx, step("b", "1")...)
	c.token = last
	return report(Report{Text: textOf(err)})
}

// textOf is an error of the service in a line.
func textOf(err error) string {
	if api, ok := errors.AsType[*checkpoint.APIError](err); ok {
		return fmt.Sprintf("%d %s: %s", api.HTTPStatus, api.Code, api.Message)
	}
	if err != nil {
		return err.Error()
	}
	return "accepted"
}

// pending answers that it waits, and waits for nothing.
func pending(context.Context, *call) (checkpoint.Outcome, error) { return suspended(), nil }

// fails fails each invocation.
func fails(context.Context, *call) (checkpoint.Outcome, error) {
	return suspended(), errors.New("this invocation fails, as it is to")
}

// failsAfterCheckpoint records something before each invocation fails.
func failsAfterCheckpoint(ctx context.Context, c *call) (checkpoint.Outcome, error) {
	if _, err := c.send(ctx, step(fmt.Sprintf("s%d", len(c.log)), "1")...); err != nil {
		return suspended(), err
	}
	return suspended(), errors.New("this invocation fails, as it is to, after a checkpoint")
}

// hangs waits until its time is over.
func hangs(ctx context.Context, _ *call) (checkpoint.Outcome, error) {
	<-ctx.Done()
	return suspended(), ctx.Err()
}

// recorded is how many steps an execution has sent, by its ARN: it outlives an invocation in its
// process, as the measure "pause" needs it.
var recorded sync.Map //nolint:gochecknoglobals // as above

// paces is how many steps are recorded at most: an invocation takes no longer.
const paces = 15

// paced records a step each second, until it is paused, and reports, when it goes on, whether the
// last step was recorded whose call was answered without a token.
func paced(ctx context.Context, c *call) (checkpoint.Outcome, error) {
	if sent, ok := recorded.Load(c.inv.ARN); ok {
		return report(Report{Yes: len(c.log) == sent, Count: len(c.log)})
	}
	if len(c.log) > 0 {
		return report(Report{Text: "another process goes on, which does not know what was sent", Count: len(c.log)})
	}
	for n := range paces {
		out, err := c.send(ctx, step(fmt.Sprintf("s%d", n), "1")...)
		if err != nil {
			return suspended(), err
		}
		if out.Token == "" {
			recorded.Store(c.inv.ARN, n+1)
			return suspended(), nil
		}
		sleep(ctx, time.Second)
	}
	return report(Report{Text: "it was not paused meanwhile"})
}

func sleep(ctx context.Context, d time.Duration) {
	over := make(chan struct{})
	stop := checkpoint.ClockFrom(ctx).AfterFunc(d, func() { close(over) })
	defer stop()
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// invokes invokes itself with a trace header, and reports the header that arrives.
func invokes(ctx context.Context, c *call) (checkpoint.Outcome, error) {
	if len(c.log) == 0 {
		input, err := json.Marshal(Order{Measure: "echo"})
		if err != nil {
			return suspended(), err
		}
		_, err = c.send(ctx, checkpoint.Update{
			ID: "i", Name: "i", Kind: checkpoint.KindChainedInvoke, SubType: "ChainedInvoke", Action: checkpoint.ActionStart,
			Function: c.order.Function, Payload: checkpoint.NewPayload(input), TraceHeader: TraceHeader,
		})
		return suspended(), err
	}
	var r Report
	if err := json.Unmarshal(c.log[0].Payload.Bytes(), &r); err != nil {
		return suspended(), err
	}
	return report(Report{Text: r.Text, Yes: strings.Contains(r.Text, "Root=1-5759e988-bd862e3fe1be46a994272793")})
}

// echo reports the trace header of the invocation.
func echo(ctx context.Context, c *call) (checkpoint.Outcome, error) {
	header := checkpoint.TraceHeaderFrom(ctx)
	if header == "" {
		header, _ = ctx.Value("x-amzn-trace-id").(string) // where aws-lambda-go puts it
	}
	if header == "" {
		header = c.getenv("_X_AMZN_TRACE_ID")
	}
	return report(Report{Text: header})
}

// sized records a payload, and reports whether it is taken.
func sized(ctx context.Context, c *call) (checkpoint.Outcome, error) {
	_, err := c.send(ctx, step("a", strings.Repeat("x", c.order.Bytes))...)
	return report(Report{Text: textOf(err), Yes: err == nil})
}

// ordered records many steps, and reports whether the state has them in the order in which they
// were sent.
func ordered(ctx context.Context, c *call) (checkpoint.Outcome, error) {
	const calls, each = 6, 50
	var sent []string
	for n := range calls {
		var updates []checkpoint.Update
		for i := range each {
			id := fmt.Sprintf("s%03d", (n*each+i)*7919%1000) // in no order of its own
			sent = append(sent, id)
			updates = append(updates, step(id, "1")...)
		}
		if _, err := c.send(ctx, updates...); err != nil {
			return suspended(), err
		}
	}
	var got []string
	for marker, first := "", true; first || marker != ""; first = false {
		out, err := c.client.State(ctx, checkpoint.StateInput{ARN: c.inv.ARN, Token: c.token, Marker: marker, MaxItems: 100})
		if err != nil {
			return suspended(), err
		}
		for _, o := range out.Operations {
			if o.Kind == checkpoint.KindStep {
				got = append(got, o.ID)
			}
		}
		marker = out.NextMarker
	}
	return report(Report{Yes: slices.Equal(sent, got), Count: len(got)})
}

// waits waits, and reports under which code it goes on.
func waits(ctx context.Context, c *call) (checkpoint.Outcome, error) {
	if len(c.log) == 0 {
		_, err := c.send(ctx, checkpoint.Update{
			ID: "w", Name: "w", Kind: checkpoint.KindWait, SubType: "Wait", Action: checkpoint.ActionStart, Wait: time.Duration(c.order.Seconds) * time.Second,
		})
		return suspended(), err
	}
	return report(Report{Text: c.getenv("CODE")})
}

// clocks reports by how much the start of a record is later than this process has sent it.
func clocks(ctx context.Context, c *call) (checkpoint.Outcome, error) {
	before := checkpoint.ClockFrom(ctx).Now()
	out, err := c.send(ctx, step("a", "1")...)
	if err != nil {
		return suspended(), err
	}
	for _, o := range out.Operations {
		if o.ID == "a" {
			return report(Report{Millis: o.Start.Sub(before).Milliseconds()})
		}
	}
	return report(Report{Text: "the reply does not have the step"})
}
