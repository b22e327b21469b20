package main

import "time"

// Claim is what a customer asks for.
type Claim struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Cents    int64  `json:"cents"`
}

// small is the largest claim that is paid when no one decides.
const small = 100_00

// byRule is the decision about a claim that no one decides.
func (c Claim) byRule() Decision {
	if c.Cents <= small {
		return Decision{Verdict: Approve, By: "rule", Reason: "no one answered, and the claim is small"}
	}
	return Decision{Verdict: Reject, By: "rule", Reason: "no one answered, and the claim is not small"}
}

// Person is someone who is asked.
type Person struct {
	Role string
	// Deadline is how long the person has, RemindEvery how long it takes until a reminder.
	Deadline, RemindEvery time.Duration
}

const day = 24 * time.Hour

// people are asked in this order. Those of executions under way are known by their roles.
var people = []Person{
	{Role: "reviewer", Deadline: 3 * day, RemindEvery: day},
	{Role: "manager", Deadline: 2 * day, RemindEvery: 12 * time.Hour},
}

// Question is a claim that a person is asked about.
type Question struct {
	Claim  Claim
	Person Person
}

// key identifies the question to other systems.
func (q Question) key() string { return q.Claim.ID + "/" + q.Person.Role }

// Task is what an inbox is given. Who has the ID can answer: it belongs into no log.
type Task struct {
	Question   Question
	CallbackID string
}

// Reminder is the message with a number about a question.
type Reminder struct {
	Question Question
	Number   int
}

// Verdict is what a person answers.
type Verdict string

// The verdicts.
const (
	Approve  Verdict = "approve"
	Reject   Verdict = "reject"
	Escalate Verdict = "escalate" // the next person is to decide
)

// decides reports whether an answer is a decision. Any other one goes to the next person.
func (a Answer) decides() bool { return a.Verdict == Approve || a.Verdict == Reject }

// Answer is what an inbox sends.
type Answer struct {
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
}

// Decision is the result.
type Decision struct {
	Verdict Verdict `json:"verdict"`
	By      string  `json:"by"` // a role, or "rule"
	Reason  string  `json:"reason,omitempty"`
}

// Case is a claim that was decided.
type Case struct {
	Claim    Claim
	Decision Decision
}
