// Package onboarding takes a person from signing up to the first paid month.
package onboarding

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"example.test/shop/unseen/onboarding/mail"
	"example.test/shop/unseen/onboarding/people"
	"example.test/shop/unseen/onboarding/risk"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// SignUp is what the function is given.
type SignUp struct {
	Name      string   `json:"name"`
	Email     string   `json:"email"`
	Documents []string `json:"documents"`
}

// Outcome is what it returns.
type Outcome struct {
	ID       string `json:"id"`
	Plan     string `json:"plan"`
	Verified bool   `json:"verified"`
}

// hooks are what differs between countries.
type hooks struct {
	welcome  func(name string) (string, error)
	premium  func() bool
	archived func(ctx context.Context, doc string) (string, error)
}

// Service signs people up.
type Service struct {
	Repo    people.DB
	Mail    mail.Sender
	Agency  risk.Agency
	Billing Billing
}

// Billing takes money.
type Billing interface {
	FirstMonth(ctx context.Context, person string) (string, error)
}

// seen are the people that have been verified.
var seen = map[string]bool{}

// Run is the handler.
func (s *Service) Run(ctx op.Context, in SignUp) (Outcome, error) {
	h := hooks{
		welcome:  func(name string) (string, error) { return s.Mail.Render("welcome", name) }, // MISTAKE 14: reads a file in handler code
		premium:  func() bool { return rand.IntN(10) == 0 },                                   // MISTAKE 16: chance decides which operations run
		archived: func(_ context.Context, doc string) (string, error) { return "archive/" + doc, nil },
	}
	p, err := replay.Run(ctx, op.Step("create-person", func(c context.Context) (people.Profile, error) { // MISTAKE 13: the address is in a field that JSON does not write
		return s.Repo.Create(c, in.Name, in.Email)
	}))
	if err != nil {
		return Outcome{}, err
	}

	text, err := h.welcome(p.Name)
	if err != nil {
		return Outcome{}, err
	}
	_ = replay.Exec(ctx, op.Do("send-welcome", func(c context.Context) error { // MISTAKE 15: nothing looks at the error
		return s.Mail.Send(c, p.Email(), text)
	}))

	if h.premium() {
		if err := replay.Exec(ctx, op.Do("gift", func(c context.Context) error { return s.Mail.Send(c, in.Email, "a gift") })); err != nil {
			return Outcome{}, err
		}
	}

	for _, d := range in.Documents {
		where, err := replay.Run(ctx, op.Step("archive", func(c context.Context) (string, error) { return h.archived(c, d) })) // MISTAKE 17: one name for each document, and no key
		if err != nil {
			return Outcome{}, fmt.Errorf("%s: %w", where, err)
		}
	}

	report, err := replay.Run(ctx, op.Step("check-"+in.Name, func(c context.Context) (risk.Report, error) { // MISTAKE 18: the name of the operation is not constant; MISTAKE 33: JSON has no maps with such keys
		return s.Agency.Check(c, p.ID)
	}))
	if err != nil {
		return Outcome{}, err
	}
	if report.Score > 0.8 {
		return Outcome{ID: p.ID}, nil
	}

	verified, err := s.verify(ctx, p)
	if err != nil {
		return Outcome{}, err
	}
	replay.Go(ctx, op.Do("announce", func(c context.Context) error { // MISTAKE 19: nothing waits for the future
		return s.Mail.Send(c, "sales@example.test", "one more person")
	}))

	_, err = replay.Run(ctx, op.Step("first-month", func(c context.Context) (string, error) { // MISTAKE 20: at most once, and yet charged again by the retries
		return s.Billing.FirstMonth(c, p.ID)
	}, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Exponential(retry.MaxAttempts(5)))))
	if err != nil {
		return Outcome{}, err
	}

	plan, err := s.Repo.Plan(ctx.InvocationContext(), p.ID) // MISTAKE 21: reads the database in handler code
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{ID: p.ID, Plan: plan, Verified: verified}, nil
}

// verify has the person click a link, or gives up after a day.
func (s *Service) verify(ctx op.Context, p people.Profile) (bool, error) {
	return replay.Run(ctx, op.Group("verify", func(g op.Context) (bool, error) {
		cb, err := replay.Run(g, op.CreateCallback[bool]("clicked", op.WithTimeout(24*time.Hour)))
		if err != nil {
			return false, err
		}
		link := "https://example.test/verify/" + cb.ID
		if err := replay.Exec(ctx, op.Do("send-link", func(c context.Context) error { // MISTAKE 22: runs in the handler's scope and not in the group's
			return s.Mail.Send(c, p.Email(), link)
		})); err != nil {
			return false, err
		}
		ok, err := replay.Run(g, cb.Result())
		if errors.Is(err, op.ErrTimedOut) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		err = replay.Exec(g, op.Do("remember", func(context.Context) error {
			seen[p.ID] = true
			return nil
		}))
		return ok && seen[p.ID], err // MISTAKE 23: reads what a body has written into a variable of the package
	}))
}
