package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/retry"
)

// ErrAway says that a person has no inbox for now: on holiday, or no longer here.
var ErrAway = errors.New("the person is away")

// noAnswer reports whether an error means that the next person is to be asked.
func noAnswer(err error) bool { return errors.Is(err, op.ErrTimedOut) || errors.Is(err, ErrAway) }

// Review declares what is done for a claim. Nothing runs yet.
type Review struct {
	ask      op.Builder[Question, Answer]
	assign   op.Builder[Task, op.None]
	remind   op.Builder[Reminder, op.None]
	carryOut op.Builder[Case, op.None]
}

// Office is what the operations call. Requests may be repeated: it knows them by their key.
type Office interface {
	// Assign puts a task into the inbox of a person, which answers the callback. The error is
	// ErrAway if there is no inbox.
	Assign(ctx context.Context, key string, t Task) error
	// Remind sends a message about a task.
	Remind(ctx context.Context, key string, r Reminder) error
	// CarryOut pays a claim or refuses it.
	CarryOut(ctx context.Context, key string, c Case) error
}

// NewReview declares the operations.
func NewReview(o Office) *Review {
	away := op.WithErrors(codec.Sentinel("Away", ErrAway))
	again := op.WithRetry(retry.Exponential(retry.MaxAttempts(10), retry.MaxDelay(10*time.Minute),
		retry.Unless(retry.OnIs(ErrAway))))
	r := &Review{
		assign: op.DoFunc("assign", func(ctx context.Context, t Task) error {
			return o.Assign(ctx, t.Question.key(), t)
		}, again, away),
		remind: op.DoFunc("remind", func(ctx context.Context, r Reminder) error {
			return o.Remind(ctx, r.Question.key()+"/"+strconv.Itoa(r.Number), r)
		}, again).Key(func(r Reminder) string { return strconv.Itoa(r.Number) }),
		carryOut: op.DoFunc("carry-out", func(ctx context.Context, c Case) error {
			return o.CarryOut(ctx, c.Claim.ID, c)
		}, again),
	}
	r.ask = op.GroupFunc("ask", r.answer, away).Key(func(q Question) string { return q.Person.Role })
	return r
}

// pauseName is the name of the wait between two reminders.
const pauseName = "pause"

// pause is the time until the next reminder of a question, as an operand beside an answer.
func pause(q Question) op.Op[Answer] {
	return op.Transform(op.Wait(pauseName, q.Person.RemindEvery), func(op.None) (Answer, error) { return Answer{}, nil })
}
