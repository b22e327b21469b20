// Package lending pays out loans.
package lending

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"example.test/shop/guises/lending/bureau"
	"example.test/shop/guises/lending/dossier"
	"example.test/shop/guises/lending/fault"
	"example.test/shop/guises/lending/ledger"
	"example.test/shop/guises/lending/mail"
	"example.test/shop/guises/lending/policy"
	"example.test/shop/guises/lending/terms"
	"example.test/shop/guises/lending/vault"
)

// Application is what a customer asks for.
type Application struct {
	ID     string            `json:"id"`
	Person string            `json:"person"`
	Cents  int64             `json:"cents"`
	Limits map[string]int    `json:"limits"`
	Papers map[string]string `json:"papers"`
}

// Decision is the outcome.
type Decision struct {
	Approved bool   `json:"approved"`
	Reason   string `json:"reason"`
}

// Service decides about applications.
type Service struct {
	desk   *terms.Desk
	bureau *bureau.Client
	books  *ledger.Ledger
	vault  *vault.Vault
}

// New makes a service.
func New(b *bureau.Client, l *ledger.Ledger) *Service {
	return &Service{terms.NewDesk(), b, l, vault.New()}
}

// run is what one application needs while it is decided.
type run struct {
	*Service
	ctx op.Context
	app Application
}

// Decide is the handler.
func (s *Service) Decide(ctx op.Context, app Application) (Decision, error) {
	r := &run{s, ctx, app}
	if s.bureau.Blocked(app.Person) { // MISTAKE 2: network: a database is read by a helper without a context
		return Decision{Reason: "blocked"}, nil
	}
	checks := []func() (bool, error){r.papers, r.scores, r.limits}
	for _, check := range checks {
		ok, err := check()
		if err != nil {
			return Decision{}, err
		}
		if !ok {
			return Decision{Reason: "declined"}, nil
		}
	}
	if s.desk.Immediate() { // MISTAKE 3: clock: four packages away, by a promoted method and a generic function
		return r.payOut()
	}
	if err := replay.Exec(ctx, op.Wait("next-banking-day", 24*time.Hour)); err != nil {
		return Decision{}, err
	}
	return r.payOut()
}

func (r *run) papers() (bool, error) {
	list := dossier.NewChecklist()
	n := 0
	for paper := range dossier.Papers("/var/task/papers.txt") { // MISTAKE 4: files: an iterator reads a file
		n++
		err := replay.Exec(r.ctx, op.Do("check-paper", func(context.Context) error {
			list.Tick(paper) // MISTAKE 5: bodywrite: an element of a map is written by a method
			return nil
		}).Key(paper))
		if err != nil {
			return false, err
		}
	}
	return list.Complete(n), nil
}

func (r *run) scores() (bool, error) {
	page, err := replay.Run(r.ctx, op.Step("fetch-scores",
		func(ctx context.Context) (bureau.Page[bureau.Score], error) { // MISTAKE 6: lossy: a generic type has an unexported field
			return r.bureau.Scores(ctx, r.app.Person)
		}))
	if bureau.IsTransient(err) { // MISTAKE 7: unregistered: errors.As in a helper of another package
		return false, mail.Inform(r.ctx, r.app.Person, "we ask again")
	}
	if err != nil {
		return false, err
	}
	if page.More() {
		return false, nil
	}
	best := 0
	p := &best
	err = replay.Exec(r.ctx, op.Do("rate", func(context.Context) error {
		for _, s := range page.Items {
			*p = max(*p, s.Points) // MISTAKE 8: bodywrite: through a pointer
		}
		return nil
	}))
	return best > 500, err
}

func (r *run) limits() (bool, error) {
	probes := map[string]op.Builder[int, bool]{
		"income": op.StepFunc("probe-income", func(_ context.Context, n int) (bool, error) { return n > 0, nil }),
		"debt":   op.StepFunc("probe-debt", func(_ context.Context, n int) (bool, error) { return n < 9, nil }),
	}
	for name, probe := range probes { // MISTAKE 9: maporder: builders in a map
		ok, err := replay.Run(r.ctx, probe(r.app.Limits[name]))
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (r *run) payOut() (Decision, error) {
	ticket := r.bureau.Ticket() // MISTAKE 10: random: a method of an embedded interface
	reason := "standard"
	if c := r.desk.Campaign(); c != "" { // MISTAKE 11: environ: a function field that a constructor sets
		reason = c
	}
	id := r.app.ID + strconv.Itoa(ticket)
	booked := op.Step("book-loan", func(ctx context.Context) (ledger.Entry, error) {
		return r.books.Book(ctx, id, r.app.Cents)
	}, policy.Once(policy.Patient, policy.Soon)...) // MISTAKE 12: repeatcharge: options of a helper in another package
	entry, err := replay.Run(r.ctx, booked.Undo(func(ctx context.Context, e ledger.Entry) error {
		e.ID += reason // MISTAKE 13: undoreads: the variable changes afterwards
		return r.books.Reverse(ctx, e)
	}))
	if err != nil {
		return Decision{}, err
	}
	reason = "paid " + entry.ID
	if ledger.Last.Cents < 0 { // MISTAKE 14: packagevar: a helper writes it through a pointer, in a body
		return Decision{}, errors.New("the ledger went backwards")
	}
	settled := op.StepFunc("await-settlement", r.books.Settled) // MISTAKE 15: ignorescontext: a method value polls
	rounds := fault.Or(replay.Run(r.ctx, settled(entry)))       // MISTAKE 16: dropped: a generic helper drops the error
	r.ctx.Logger().Info("settled", "rounds", rounds)
	if err := r.secure(); err != nil {
		return Decision{}, err
	}
	mail.Send(mail.Letter{To: r.app.Person, Text: reason}) // MISTAKE 17: neverrun: a helper makes the operation
	return Decision{true, reason}, mail.Inform(r.ctx, r.app.Person, "paid")
}

func (r *run) secure() error {
	return replay.Exec(r.ctx, op.Group("secure", func(ctx op.Context) (string, error) {
		if err := r.vault.Place(ctx, "deed"); err != nil {
			return "", err
		}
		return "secured", r.sign() // MISTAKE 18: outercontext: a method uses the context of a field
	}))
}

func (r *run) sign() error {
	cb, err := replay.Run(r.ctx, op.CreateCallback[bool]("signature"))
	if err != nil {
		return err
	}
	request := struct {
		Person string
		Link   string
	}{r.app.Person, "https://sign.example/" + cb.ID}
	slog.Info("asked for a signature", slog.Any("request", request)) // MISTAKE 19: secretlog: in a field, in a link
	signed, err := replay.Run(r.ctx, cb.Result())
	if err == nil && !signed {
		err = errors.New("not signed")
	}
	return err
}

// Portfolio is what is reviewed each quarter.
type Portfolio struct {
	Loans []string `json:"loans"`
}

// Review is a handler.
func (s *Service) Review(ctx op.Context, p Portfolio) (int, error) {
	n := terms.Shards() // MISTAKE 20: process: the number of processors decides how many branches there are
	var shards []op.Op[int]
	for i := range n {
		shards = append(shards, op.Step("shard", func(context.Context) (int, error) { return i + len(p.Loans), nil }).Key(strconv.Itoa(i)))
	}
	sums, err := replay.Run(ctx, op.All("shards", shards...))
	if err != nil {
		return 0, err
	}
	for i, loan := range p.Loans {
		if err := replay.Exec(ctx, mail.Named(loan, mail.Letter{To: loan})); err != nil {
			return i, err
		}
	}
	return len(sums), nil
}
