package main

import (
	"fmt"
	"strconv"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Decide asks one person after the other about a claim. If none of them decides in time, the rule
// for such claims does.
func (r *Review) Decide(ctx op.Context, c Claim) (Decision, error) {
	decision := c.byRule()
	for _, person := range people {
		answer, err := replay.Run(ctx, r.ask(Question{c, person}))
		if err != nil && !noAnswer(err) {
			return Decision{}, fmt.Errorf("ask the %s: %w", person.Role, err)
		}
		if answer.decides() {
			decision = Decision{Verdict: answer.Verdict, By: person.Role, Reason: answer.Reason}
			break
		}
	}
	return decision, replay.Exec(ctx, r.carryOut(Case{c, decision}))
}

// answer waits for the answer of one person until the deadline, and reminds on the way.
func (r *Review) answer(ctx op.Context, q Question) (Answer, error) {
	answer, err := replay.Run(ctx, op.CreateCallback[Answer]("answer", op.WithTimeout(q.Person.Deadline)))
	if err != nil {
		return Answer{}, err
	}
	if err := replay.Exec(ctx, r.assign(Task{q, answer.ID})); err != nil {
		return Answer{}, err
	}
	for n := 1; ; n++ {
		first, err := replay.Run(ctx, op.RaceWinner("answer-or-pause", answer.Result(), pause(q)).Key(strconv.Itoa(n)))
		if err != nil || first.Name != pauseName {
			return first.Value, err
		}
		if err := replay.Exec(ctx, r.remind(Reminder{q, n})); err != nil {
			return Answer{}, err
		}
	}
}
