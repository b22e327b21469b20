// Package pipeline imports supplier feeds.
package pipeline

import (
	"context"
	"os"
	"strconv"
	"time"

	"github.com/perdure/perdure/op"

	"example.test/shop/blind/ingest/assist"
	"example.test/shop/blind/ingest/feed"
	"example.test/shop/blind/ingest/schedule"
)

// Bucket is where suppliers put files.
type Bucket interface {
	List(ctx context.Context, day, after string, most int) ([]feed.File, error)
	Convert(ctx context.Context, f feed.File) (feed.Table, error)
	Archive(ctx context.Context, f feed.File) error
}

// Warehouse is where tables go.
type Warehouse interface {
	Stage(ctx context.Context, day string, tables []feed.Table) (string, error)
	Load(ctx context.Context, staged string) error
	Check(ctx context.Context, staged string) (int, error)
	Publish(ctx context.Context, t feed.Table) (feed.Version, error)
	Withdraw(ctx context.Context, v feed.Version) error
	SwitchOver(ctx context.Context, day string) error
}

// Pipeline is the service.
type Pipeline struct {
	bucket Bucket
	house  Warehouse
	market assist.Market
	window schedule.Window
	worker string

	ask        op.Builder[assist.Prompt, assist.Reply]
	publish    op.Builder[feed.Table, feed.Version]
	archive    op.Builder[feed.File, op.None]
	switchOver op.Builder[string, op.None]
	buy        op.Builder[string, assist.Purchase]
	fetch      op.Builder[string, string]
}

// New declares the operations of a pipeline.
func New(b Bucket, w Warehouse, m *assist.Model, k assist.Market) *Pipeline {
	worker, err := os.Hostname()
	if err != nil {
		worker = "local"
	}
	p := &Pipeline{
		bucket: b, house: w, market: k, worker: worker,
		window: schedule.Window{From: 1, To: 6, Pause: 5 * time.Minute},
	}
	brief := op.WithRetry(schedule.Brief())
	p.ask = op.StepFunc("ask-model", m.Ask, brief, op.WithTimeout(45*time.Second)).
		Key(func(q assist.Prompt) string { return q.Supplier + "/" + strconv.Itoa(q.Turn) })
	// Customers do not see versions of a day that could not be finished.
	p.publish = op.StepFunc("publish", w.Publish, brief).
		Key(func(t feed.Table) string { return t.Location }).
		Undo(w.Withdraw, brief)
	p.archive = op.DoFunc("archive", b.Archive, brief).Key(func(f feed.File) string { return f.Name })
	p.switchOver = op.DoFunc("switch-over", w.SwitchOver, brief)
	p.buy = op.StepFunc("buy", p.purchase, brief)
	p.fetch = op.StepFunc("fetch", k.Fetch, brief)
	return p
}

// purchase buys the report of a supplier.
func (p *Pipeline) purchase(ctx context.Context, supplier string) (assist.Purchase, error) {
	info, _ := op.InfoFrom(ctx)
	op.LoggerFrom(ctx).Info("buying a report", "supplier", supplier)
	return p.market.Buy(ctx, info.IdempotencyKey, supplier)
}

// convert reads a file and counts what it has.
func (p *Pipeline) convert(stats *feed.Stats) op.Builder[feed.File, feed.Table] {
	return op.StepFunc("convert", func(ctx context.Context, f feed.File) (feed.Table, error) {
		begun := time.Now()
		t, err := p.bucket.Convert(ctx, f)
		if err != nil {
			return t, err
		}
		stats.Add(t)
		op.LoggerFrom(ctx).Info("converted", "file", f.Name, "took", time.Since(begun))
		return t, nil
	}, op.WithRetry(schedule.Brief())).Key(func(f feed.File) string { return f.Name })
}

// stage puts tables where the warehouse loads them from.
func (p *Pipeline) stage(day string, tables []feed.Table) op.Op[string] {
	return op.Step("stage-"+p.worker, func(ctx context.Context) (string, error) {
		return p.house.Stage(ctx, day, tables)
	})
}
