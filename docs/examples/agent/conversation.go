package main

import (
	"encoding/json"
	"fmt"
)

// Micros is an amount of money in millionths of a dollar.
type Micros int64

// String writes an amount in dollars.
func (m Micros) String() string { return fmt.Sprintf("$%d.%06d", m/1_000_000, m%1_000_000) }

// Question is what the agent is given.
type Question struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	// Budget is what the model may cost, Turns how often it may be asked. The model is not asked
	// again when the budget is spent, so that the last reply may exceed it.
	Budget Micros `json:"budget"`
	Turns  int    `json:"turns"`
}

// Ended says why the agent has stopped.
type Ended string

// The ends of a conversation.
const (
	Answered Ended = "answered"
	GaveUp   Ended = "gave up" // the budget or the turns are used up
)

// Answer is what the agent returns.
type Answer struct {
	Text  string `json:"text,omitempty"`
	Ended Ended  `json:"ended"`
	Cost  Micros `json:"cost"`
}

// Role says who speaks.
type Role string

// The roles of a conversation.
const (
	User       Role = "user"
	Assistant  Role = "assistant"
	ToolResult Role = "tool"
)

// Message is a part of a conversation.
type Message struct {
	Role   Role   `json:"role"`
	Text   string `json:"text,omitempty"`
	Calls  []Call `json:"calls,omitempty"`  // of an Assistant
	CallID string `json:"callId,omitempty"` // of a ToolResult
}

// Call is a tool that the model wants to use. Where it stands says the handler: the IDs of a model
// need not differ.
type Call struct {
	ID    string          `json:"id"`
	Tool  string          `json:"tool"`
	Input json.RawMessage `json:"input,omitempty"`

	Turn   int `json:"-"`
	Number int `json:"-"`
}

func (c Call) at(turn, number int) Call {
	c.Turn, c.Number = turn, number
	return c
}

// key distinguishes the operations of calls: the second call of the third turn is "3.2".
func (c Call) key() string { return fmt.Sprintf("%d.%d", c.Turn, c.Number) }

// Prompt is what the model is asked.
type Prompt struct {
	Turn int
	Talk []Message
}

// Reply is what it answers, with what that has cost.
type Reply struct {
	Text  string `json:"text,omitempty"`
	Calls []Call `json:"calls,omitempty"`
	Cost  Micros `json:"cost"`
}

// Approval is what a person answers who is asked about a dangerous call.
type Approval struct {
	Granted bool   `json:"granted"`
	Reason  string `json:"reason,omitempty"`
}

// window is how many bytes of results the model is given. Older ones are left out.
const window = 64 << 10

// recent is a conversation without the results of tools that are too old: the others have at most
// that many bytes. It is computed from what is recorded, and so the same on every replay.
func recent(talk []Message, bytes int) []Message {
	short := make([]Message, len(talk))
	for i := len(talk) - 1; i >= 0; i-- {
		short[i] = talk[i]
		if talk[i].Role != ToolResult {
			continue
		}
		if bytes -= len(talk[i].Text); bytes < 0 {
			short[i].Text = "(left out: it was too long ago)"
		}
	}
	return short
}
