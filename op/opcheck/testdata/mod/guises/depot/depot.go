// Package depot ships parcels.
package depot

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"example.test/shop/guises/depot/carrier"
	"example.test/shop/guises/depot/journal"
	"example.test/shop/guises/depot/label"
	"example.test/shop/guises/depot/picking"
	"example.test/shop/guises/depot/returns"
	"example.test/shop/guises/depot/shelf"
	"example.test/shop/guises/depot/unit"
)

// Load is what is shipped together.
type Load struct {
	ID      string        `json:"id"`
	Parcels []unit.Parcel `json:"parcels"`
	Back    []unit.Parcel `json:"back"`
}

// Manifest is what has been shipped.
type Manifest struct {
	Labels  []string `json:"labels"`
	Carrier string   `json:"carrier"`
	Places  int      `json:"places"`
}

// Stage is a part of the work.
type Stage interface {
	Run(ctx op.Context, l Load, m *Manifest) error
}

type staging struct {
	pickers *picking.Picker
	desk    *label.Desk
}

func (s *staging) Run(ctx op.Context, l Load, m *Manifest) error {
	for !s.pickers.Ready() {
		s.pickers.Pause() // MISTAKE 26: blocking: a promoted method waits for a timer
	}
	f := shelf.NewFinder(ctx)
	if _, err := f.Start(); err != nil {
		return err
	}
	if err := s.pickers.All(ctx, l.Parcels); err != nil {
		return err
	}
	return s.pickers.Zones(ctx, l.Parcels)
}

type labelling struct{ desk *label.Desk }

func (s labelling) Run(ctx op.Context, l Load, m *Manifest) error {
	for p := range unit.Heavy(l.Parcels, 10) {
		text, err := replay.Run(ctx, op.GroupFunc("label", s.desk.Both).Key(func(p unit.Parcel) string { return p.ID })(p))
		if err != nil {
			return err
		}
		m.Labels = append(m.Labels, text)
	}
	return nil
}

type handing struct{}

func (handing) Run(ctx op.Context, l Load, m *Manifest) error {
	var failures []string
	note := func(what string) func(error) error {
		return func(err error) error {
			if err != nil {
				failures = append(failures, what) // MISTAKE 27: bodywrite: a closure of a closure, called in a branch
			}
			return err
		}
	}
	weigh := func(ctx op.Context) (string, error) {
		f := note("weigh")
		return "weighed", f(replay.Exec(ctx, op.Wait("scale", time.Minute)))
	}
	scan := func(ctx op.Context) (string, error) {
		f := note("scan")
		return "scanned", f(replay.Exec(ctx, op.Wait("scanner", time.Minute)))
	}
	out, err := replay.Run(ctx, op.Parallel("hand-over", []op.Op[string]{op.Group("weigh", weigh), op.Group("scan", scan)},
		op.WithCompletion(op.AllCompleted())))
	if err != nil {
		return err
	}
	if len(failures) > 0 || out.Len() == 0 {
		return errors.New(strings.Join(failures, ", "))
	}
	q, err := carrier.Cheapest(ctx, l.Parcels[0])
	if err != nil {
		return err
	}
	m.Carrier = q.Carrier
	pending := map[string]*replay.Future[bool]{}
	pending[q.Carrier] = replay.Go(ctx, carrier.Pickup(q.Carrier)) // MISTAKE 28: future: kept in a map, never awaited
	return nil
}

// Ship is the handler.
func Ship(ctx op.Context, l Load) (Manifest, error) {
	var m Manifest
	j := journal.New("https://journal.example/" + l.ID)
	defer finish(j) // MISTAKE 32: deferred: a helper sends, on each suspension
	desk := label.NewDesk(l.ID)
	for _, s := range []Stage{&staging{picking.New(), desk}, labelling{desk}, handing{}} {
		j.Note(fmt.Sprintf("%T", s))
		if err := s.Run(ctx, l, &m); err != nil {
			return m, err
		}
	}
	n, err := returns.Process(ctx, l.Back)
	m.Places = n
	return m, err
}

func finish(j *journal.J) {
	if err := j.Close(); err != nil {
		j.Note(err.Error())
	}
}
