package flow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"

	"example.test/shop/blind/internal/durable"
	"example.test/shop/blind/loans/domain"
)

const (
	reviewTime = 72 * time.Hour
	signTime   = 14 * 24 * time.Hour
	passScore  = 540
)

var lists = []string{"sanctions", "bankruptcy", "fraud"}

// Decide is the handler.
func (f *Flow) Decide(ctx op.Context, a domain.Application) (domain.Outcome, error) {
	out := domain.Outcome{ID: a.ID, Status: domain.Rejected}
	if err := replay.Exec(ctx, f.lock(a.ID)); err != nil {
		return out, fmt.Errorf("lock: %w", err)
	}
	defer f.unlock(a.ID)

	if arriving(ctx) {
		if err := replay.Exec(ctx, f.inform(a, "received", "We have received your application.")); err != nil {
			return out, err
		}
	}
	if why, err := f.screen(ctx, a); err != nil || why != "" {
		out.Reason, out.Decided = why, replay.Now(ctx)
		return out, err
	}
	verified, err := durable.Each(ctx, a.Documents, f.verify)
	if err != nil {
		return out, fmt.Errorf("verify documents: %w", err)
	}
	for _, v := range verified {
		if !v.Genuine {
			out.Reason, out.Decided = "document "+v.DocumentID+" is not genuine", replay.Now(ctx)
			return out, replay.Exec(ctx, f.inform(a, "rejected", out.Reason))
		}
	}
	score, err := replay.Run(ctx, f.score(ctx, a))
	if err != nil {
		return out, fmt.Errorf("score: %w", err)
	}
	review, err := f.review(ctx, a, score)
	if err != nil {
		return out, fmt.Errorf("review: %w", err)
	}
	if !review.Approved {
		out.Reason, out.Decided = review.Note, replay.Now(ctx)
		return out, replay.Exec(ctx, f.inform(a, "rejected", review.Note))
	}
	return f.conclude(ctx, a, out)
}

// arriving reports whether the application has just come in.
func arriving(ctx op.Context) bool {
	e := ctx.Execution()
	return !e.Replaying
}

// screen says why an application is rejected without a review; it is empty if it is not.
func (f *Flow) screen(ctx op.Context, a domain.Application) (string, error) {
	report, err := replay.Run(ctx, f.report(a.Applicant))
	if err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	if !report.Allows(a.Cents, a.Months) {
		return "more than the bureau allows", nil
	}
	hits, errs := make([]bool, len(lists)), make([]error, len(lists))
	var wg sync.WaitGroup
	for i, l := range lists {
		wg.Go(func() { hits[i], errs[i] = replay.Run(ctx, f.onList(l, a)) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return "", fmt.Errorf("lists: %w", err)
	}
	for i, hit := range hits {
		if hit {
			return "found on the list " + lists[i], nil
		}
	}
	return "", nil
}

// score rates the applicant.
func (f *Flow) score(scope op.Context, a domain.Application) op.Op[int] {
	return op.Step("score", func(ctx context.Context) (int, error) {
		incomes, err := f.bureau.Incomes(ctx, a.Applicant, []string{"2024", "2025"})
		if err != nil {
			return 0, err
		}
		rate, err := f.rate(scope, a)
		if err != nil {
			return 0, err
		}
		return int(incomes[0]+incomes[1])/(100*a.Months) - rate, nil
	})
}

// rate is the interest rate for the loan, in basis points.
func (f *Flow) rate(ctx op.Context, a domain.Application) (int, error) {
	return replay.Run(ctx, op.Step("rate", func(ctx context.Context) (int, error) {
		return f.bank.Rate(ctx, a.Months)
	}))
}

// review has a person decide what the score does not.
func (f *Flow) review(ctx op.Context, a domain.Application, score int) (domain.Review, error) {
	if score >= passScore && a.Cents < 10_000_00 {
		return domain.Review{Approved: true, Reviewer: "rule"}, nil
	}
	f.desks.Take()
	review, err := replay.Run(ctx, op.WaitForCallback[domain.Review]("review", f.office.Reviewing(a, "clerk"),
		op.WithTimeout(reviewTime)))
	f.desks.Leave()
	if errors.Is(err, op.ErrTimedOut) {
		return replay.Run(ctx, op.WaitForCallback[domain.Review]("second-review", f.office.Reviewing(a, "manager"),
			op.WithTimeout(reviewTime)))
	}
	return review, err
}

// conclude has the contract signed and entered, and pays out.
func (f *Flow) conclude(ctx op.Context, a domain.Application, out domain.Outcome) (domain.Outcome, error) {
	err := replay.Exec(ctx, op.WaitForCallback[domain.Signature]("signature", f.office.Signing(a),
		op.WithTimeout(signTime)))
	if errors.Is(err, op.ErrTimedOut) {
		out.Status, out.Decided = domain.Expired, replay.Now(ctx)
		return out, replay.Exec(ctx, f.inform(a, "expired", "Your offer has expired."))
	}
	if err != nil {
		return out, fmt.Errorf("signature: %w", err)
	}
	if err := f.enter(ctx, a); err != nil {
		return out, err
	}
	session := durable.Open(ctx, "application "+a.ID)
	if err := session.Do(f.inform(a, "entered", "Your loan is in the registry.")); err != nil {
		return out, err
	}
	out.PayoutID, err = replay.Run(ctx, op.Group("payout", func(ctx op.Context) (string, error) {
		if _, err := durable.Each(ctx, a.Documents, f.seal); err != nil {
			return "", fmt.Errorf("seal: %w", err)
		}
		if err := session.Do(f.inform(a, "payout", "Your loan is being paid out.")); err != nil {
			return "", err
		}
		return replay.Run(ctx, f.payout(a))
	}))
	if err != nil {
		return out, fmt.Errorf("pay out: %w", err)
	}
	out.Status, out.Decided = domain.Granted, replay.Now(ctx)
	return out, nil
}

// enter has the charge on the house entered in the registry.
func (f *Flow) enter(ctx op.Context, a domain.Application) error {
	filing, err := replay.Run(ctx, f.file(a.ID))
	if errors.Is(err, domain.ErrRegistryClosed) {
		if err := replay.Exec(ctx, op.WaitUntil("opening", replay.Now(ctx).Add(12*time.Hour))); err != nil {
			return err
		}
		filing, err = replay.Run(ctx, f.file.Key(func(string) string { return "second" })(a.ID))
	}
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	return replay.Exec(ctx, f.entered(filing))
}

// entered waits until the registry has the entry. Three failures in a row end it.
func (f *Flow) entered(filing string) op.Op[bool] {
	var failures int
	return op.WaitForCondition("entered", false, func(ctx context.Context, _ bool) (bool, bool, error) {
		done, err := f.registry.Entered(ctx, filing)
		if err != nil {
			if failures++; failures >= 3 {
				return false, false, err
			}
			return false, false, nil
		}
		failures = 0
		return done, done, nil
	}, op.WithPolling(retry.Polling(retry.InitialDelay(time.Hour), retry.MaxDelay(6*time.Hour), retry.MaxAttempts(200))))
}
