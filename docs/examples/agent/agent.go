package main

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Answer has a model work on a question: it asks the model, runs the tools that the model calls,
// and asks again with their results, until there is an answer or the budget is spent.
func (a *Agent) Answer(ctx op.Context, q Question) (Answer, error) {
	talk := []Message{{Role: User, Text: q.Text}}
	var spent Micros
	for turn := 1; turn <= q.Turns && spent < q.Budget; turn++ {
		reply, err := replay.Run(ctx, a.ask(Prompt{turn, recent(talk, window)}))
		if err != nil {
			return Answer{}, fmt.Errorf("ask the model, turn %d: %w", turn, err)
		}
		spent += reply.Cost
		if len(reply.Calls) == 0 {
			return Answer{Text: reply.Text, Ended: Answered, Cost: spent}, nil
		}
		talk = append(talk, Message{Role: Assistant, Text: reply.Text, Calls: reply.Calls})
		for n, call := range reply.Calls {
			result, err := a.use(ctx, call.at(turn, n+1))
			if err != nil {
				return Answer{}, fmt.Errorf("use %s, turn %d: %w", call.Tool, turn, err)
			}
			talk = append(talk, Message{Role: ToolResult, Text: result, CallID: call.ID})
		}
	}
	return Answer{Ended: GaveUp, Cost: spent}, nil
}

// use runs a tool for the model, a dangerous one if a person approves. What goes wrong is a result
// as well: the model may have another idea.
func (a *Agent) use(ctx op.Context, c Call) (string, error) {
	tool, known := a.tools[c.Tool]
	if !known {
		return a.unknown(c), nil
	}
	if tool.Dangerous {
		approval, err := replay.Run(ctx, a.approval(c))
		switch {
		case errors.Is(err, op.ErrTimedOut):
			return "refused: no one approved it in time", nil
		case err != nil:
			return "", err
		case !approval.Granted:
			return "refused: " + approval.Reason, nil
		}
	}
	result, err := replay.Run(ctx, tool.Use(c))
	if err != nil {
		return failure(err), nil
	}
	return result, nil
}
