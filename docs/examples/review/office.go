package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"

	"github.com/perdure/perdure/docs/examples/internal/demo"
)

// fakeOffice stands for inboxes and a cashier.
type fakeOffice struct {
	away []string // roles without an inbox

	mu    sync.Mutex
	keys  map[string]bool
	calls []string // what was done for the first time, by key

	// In the demo people answer: by role, after a time. Tests answer themselves.
	demo    *demo.Demo
	answers map[string]reply
}

// reply is what a person does.
type reply struct {
	after  time.Duration
	answer Answer
}

// Assign implements Office.
func (o *fakeOffice) Assign(ctx context.Context, key string, t Task) error {
	role := t.Question.Person.Role
	if slices.Contains(o.away, role) {
		return ErrAway
	}
	if !o.first("assign " + key) {
		op.LoggerFrom(ctx).InfoContext(ctx, "the inbox has this task already", slog.String("key", key))
		return nil
	}
	op.LoggerFrom(ctx).InfoContext(ctx, "is in the inbox", slog.String("role", role))
	if a, ok := o.answers[role]; ok {
		o.demo.After(a.after, func() {
			said := fmt.Sprintf("%ss the claim: %s", a.answer.Verdict, a.answer.Reason)
			payload, err := json.Marshal(a.answer)
			if err == nil {
				err = o.demo.Service.CompleteCallback(t.CallbackID, payload)
			}
			if errors.Is(err, local.ErrCallbackTimedOut) {
				said += ", and is refused: that was too late"
			} else if err != nil {
				said += ", and is refused: " + err.Error()
			}
			o.demo.Say(role, said)
		})
	}
	return nil
}

// Remind implements Office.
func (o *fakeOffice) Remind(ctx context.Context, key string, r Reminder) error {
	if o.first("remind " + key) {
		op.LoggerFrom(ctx).InfoContext(ctx, "reminded", slog.String("role", r.Question.Person.Role))
	}
	return nil
}

// CarryOut implements Office.
func (o *fakeOffice) CarryOut(ctx context.Context, key string, c Case) error {
	if o.first(string(c.Decision.Verdict) + " " + key) {
		op.LoggerFrom(ctx).InfoContext(ctx, "done", slog.String("verdict", string(c.Decision.Verdict)))
	}
	return nil
}

// first reports whether a request is the first with its key.
func (o *fakeOffice) first(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keys[key] {
		return false
	}
	if o.keys == nil {
		o.keys = make(map[string]bool)
	}
	o.keys[key] = true
	o.calls = append(o.calls, key)
	return true
}

// reset forgets all requests.
func (o *fakeOffice) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keys, o.calls = nil, nil
}

// euros writes an amount.
func euros(cents int64) string { return fmt.Sprintf("%d.%02d EUR", cents/100, cents%100) }
