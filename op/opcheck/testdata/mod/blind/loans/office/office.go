// Package office is where people work on applications.
package office

import (
	"context"
	"log/slog"

	"example.test/shop/blind/loans/domain"
)

// Desks is how many reviews may be open at once.
type Desks struct{ free chan struct{} }

// NewDesks returns n desks.
func NewDesks(n int) *Desks { return &Desks{free: make(chan struct{}, n)} }

// Take takes a desk, when one is free.
func (d *Desks) Take() { d.free <- struct{}{} }

// Leave leaves a desk.
func (d *Desks) Leave() { <-d.free }

// Task is something for a person to do.
type Task struct {
	Reference string
	Role      string
	Applicant string
}

// Inbox is the list of tasks.
type Inbox interface {
	Put(ctx context.Context, t Task) error
}

// Office assigns tasks to people.
type Office struct {
	Inbox Inbox
	Log   *slog.Logger
}

// Reviewing returns what assigns the review of an application to a role.
func (o *Office) Reviewing(a domain.Application, role string) func(ctx context.Context, id string) error {
	return func(ctx context.Context, id string) error {
		o.Log.InfoContext(ctx, "review assigned", slog.String("application", a.ID), slog.String("role", role))
		return o.Inbox.Put(ctx, Task{Reference: id, Role: role, Applicant: a.Applicant})
	}
}

// Signing returns what asks the applicant to sign.
func (o *Office) Signing(a domain.Application) func(ctx context.Context, id string) error {
	task := Task{Reference: a.ID, Role: "applicant", Applicant: a.Applicant}
	return func(ctx context.Context, _ string) error { return o.Inbox.Put(ctx, task) }
}
