// Package flow takes a loan application from its filing to the payout.
package flow

import (
	"context"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/retry"

	"example.test/shop/blind/loans/bureau"
	"example.test/shop/blind/loans/domain"
	"example.test/shop/blind/loans/office"
)

// Archive keeps documents.
type Archive interface {
	Verify(ctx context.Context, d domain.Document) (domain.Verified, error)
	Lock(ctx context.Context, applicationID string) error
	Unlock(ctx context.Context, applicationID string) error
	Seal(ctx context.Context, d domain.Document) (string, error)
	Tell(ctx context.Context, applicationID, text string) error
}

// Registry is the land registry.
type Registry interface {
	File(ctx context.Context, applicationID string) (string, error)
	Entered(ctx context.Context, filing string) (bool, error)
}

// Bank pays out.
type Bank interface {
	Payout(ctx context.Context, key string, cents int64) (string, error)
	Rate(ctx context.Context, months int) (int, error)
}

// Flow is the service.
type Flow struct {
	bureau   *bureau.Client
	archive  Archive
	registry Registry
	bank     Bank
	office   *office.Office
	desks    *office.Desks

	lock   op.Builder[string, op.None]
	unlock op.Builder[string, op.None]
	verify op.Builder[domain.Document, domain.Verified]
	seal   op.Builder[domain.Document, string]
	report op.Builder[string, bureau.Report]
	file   op.Builder[string, string]
}

// New declares the operations of a flow.
func New(b *bureau.Client, a Archive, r Registry, k Bank, o *office.Office) *Flow {
	again := op.WithRetry(retry.Exponential(retry.MaxAttempts(8), retry.InitialDelay(2*time.Second)))
	f := &Flow{bureau: b, archive: a, registry: r, bank: k, office: o, desks: office.NewDesks(20)}
	f.lock = op.DoFunc("lock", a.Lock, again)
	f.unlock = op.DoFunc("unlock", a.Unlock, again)
	f.verify = op.StepFunc("verify", a.Verify, again)
	f.seal = op.StepFunc("seal", a.Seal, again).Key(func(d domain.Document) string { return d.ID })
	f.report = op.StepFunc("report", b.Report, again)
	f.file = op.StepFunc("file", r.File, again, op.WithErrors(codec.Sentinel("registry-closed", domain.ErrRegistryClosed)))
	return f
}

// inform writes to the applicant.
func (f *Flow) inform(a domain.Application, about, text string) op.Op[op.None] {
	return op.Do("inform", func(ctx context.Context) error { return f.archive.Tell(ctx, a.ID, text) }).Key(about)
}

// onList asks whether a list has the applicant.
func (f *Flow) onList(list string, a domain.Application) op.Op[bool] {
	return op.Step("listed", func(ctx context.Context) (bool, error) {
		return f.bureau.Listed(ctx, list, a.Applicant)
	}).Key(list)
}

// payout pays the loan out.
func (f *Flow) payout(a domain.Application) op.Op[string] {
	return op.Step("payout", func(ctx context.Context) (string, error) {
		return f.bank.Payout(ctx, "loan/"+a.ID, a.Cents)
	})
}
