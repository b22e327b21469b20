package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/retry"
)

// Agent declares what is done for a question. Nothing runs yet.
type Agent struct {
	ask      op.Builder[Prompt, Reply]
	approval func(Call) op.Op[Approval]
	tools    map[string]Tool
}

// Tool is something that the model can use.
type Tool struct {
	Use op.Builder[Call, string]
	// Dangerous says that a person must approve each call.
	Dangerous bool
}

// approvalTime is how long a person may think about a dangerous call.
const approvalTime = 24 * time.Hour

// NewAgent declares the operations. approve hands a call over to a person who answers the callback;
// show is given what the model says as it says it.
func NewAgent(
	model *Model, shop Shop, approve func(ctx context.Context, c Call, callbackID string) error, show func(context.Context, Chunk),
) *Agent {
	patiently := op.WithRetry(retry.Exponential(retry.MaxAttempts(8), retry.InitialDelay(2*time.Second),
		retry.OnIs(ErrOverloaded, ErrCutOff, ErrSilent), retry.OnType[*url.Error]()))
	again := op.WithRetry(retry.Exponential(retry.MaxAttempts(4), retry.Unless(retry.OnIs(ErrInput, ErrNoOrder))))
	mended := op.WithErrors(codec.Sentinel("Input", ErrInput), codec.Sentinel("NoOrder", ErrNoOrder))
	var a Agent
	a = Agent{
		ask: op.StepFunc("ask-model", func(ctx context.Context, p Prompt) (Reply, error) {
			return model.Ask(ctx, p, a.names(), show)
		}, patiently, op.WithErrors(codec.Sentinel("Rejected", ErrRejected))).
			Key(func(p Prompt) string { return strconv.Itoa(p.Turn) }),
		approval: func(c Call) op.Op[Approval] {
			return op.WaitForCallback[Approval]("approval", func(ctx context.Context, callbackID string) error {
				return approve(ctx, c, callbackID)
			}, op.WithTimeout(approvalTime)).Key(c.key())
		},
		tools: map[string]Tool{
			"find-order": {Use: op.StepFunc("find-order", shop.Find, again, mended).Key(Call.key)},
			"refund":     {Use: op.StepFunc("refund", shop.Refund, again, mended).Key(Call.key), Dangerous: true},
		},
	}
	return &a
}

// names are those of the tools.
func (a *Agent) names() []string { return slices.Sorted(maps.Keys(a.tools)) }

// unknown is the result of a call of a tool that does not exist. Models invent some.
func (a *Agent) unknown(c Call) string {
	return fmt.Sprintf("error: there is no tool %q, there are %s", c.Tool, strings.Join(a.names(), ", "))
}

// failure is what the model reads of an error of a tool: what it can mend, and nothing of our
// systems.
func failure(err error) string {
	if errors.Is(err, ErrInput) || errors.Is(err, ErrNoOrder) {
		return "error: " + err.Error()
	}
	return "error: the tool does not work for now"
}

// The errors of tools that the model can mend, by another call.
var (
	ErrInput   = errors.New("the input is not understood")
	ErrNoOrder = errors.New("there is no such order")
)

// Shop is what the tools call.
type Shop interface {
	// Find describes an order.
	Find(ctx context.Context, c Call) (string, error)
	// Refund pays the price of an order back, once for each order: it may be called again.
	Refund(ctx context.Context, c Call) (string, error)
}
