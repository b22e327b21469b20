// Package ask has helpers and policies that are called on each replay.
package ask

import (
	"context"
	"net/http"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

type Window struct{ From, To int }

func (w Window) open(t time.Time) bool { return t.Hour() >= w.From && t.Hour() < w.To }

func (w Window) Policy(a retry.Attempt) retry.Decision {
	return retry.Decision{Retry: w.open(time.Now()) && a.Number < 3, After: time.Minute}
}

func (w Window) Counted(a retry.Attempt) retry.Decision { return retry.Decision{Retry: a.Number < 3} }

func Arriving(ctx op.Context) bool { return !ctx.Execution().Replaying }

func Each[In, Out any](ctx op.Context, items []In, b op.Builder[In, Out]) ([]Out, error) {
	var all []Out
	for _, it := range items {
		v, err := replay.Run(ctx, b(it))
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func One[In, Out any](ctx op.Context, item In, b op.Builder[In, Out]) (Out, error) {
	return replay.Run(ctx, b(item))
}

type Model struct {
	life context.Context
	http *http.Client
}

func (m *Model) Ask(context.Context) (string, error) {
	req, err := http.NewRequestWithContext(m.life, http.MethodGet, "https://model.example", nil)
	if err != nil {
		return "", err
	}
	res, err := m.http.Do(req)
	if err != nil {
		return "", err
	}
	return res.Status, res.Body.Close()
}

func (m *Model) Mark(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://model.example", nil)
	if err != nil {
		return "", err
	}
	return req.Method, nil
}

type Desks struct{ places chan struct{} }

func (d *Desks) Take() { d.places <- struct{}{} }

func (d *Desks) Leave() { <-d.places }

type Entry struct {
	Key   string
	Value int
}

func Entries(m map[string]int) []Entry {
	var all []Entry
	for k, v := range m {
		all = append(all, Entry{k, v})
	}
	return all
}
