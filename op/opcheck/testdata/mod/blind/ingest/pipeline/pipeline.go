package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"

	"example.test/shop/blind/ingest/assist"
	"example.test/shop/blind/ingest/feed"
)

const (
	window = 400 // files of a round
	turns  = 5
)

// ErrIncomplete says that the warehouse has fewer rows than were sent.
var ErrIncomplete = errors.New("rows are missing")

// Import is the handler.
func (p *Pipeline) Import(ctx op.Context, cur feed.Cursor) (feed.Report, error) {
	files, err := p.bucket.List(ctx.InvocationContext(), cur.Day, cur.After, window)
	if err != nil {
		return feed.Report{}, fmt.Errorf("list %s: %w", cur.Day, err)
	}
	report, tables, err := p.read(ctx, cur, files)
	if err != nil {
		return report, err
	}
	if report.Profiles, err = p.research(ctx, feed.Suppliers(files)); err != nil {
		return report, fmt.Errorf("research: %w", err)
	}
	if err := p.load(ctx, cur.Day, tables); err != nil {
		return report, err
	}
	if err := replay.Exec(ctx, op.Map("publish-all", tables, p.publish, op.WithMaxConcurrency(8))); err != nil {
		return report, fmt.Errorf("publish: %w", err)
	}
	if len(files) == window {
		cur.After, cur.Rows, cur.Round = files[len(files)-1].Name, cur.Rows+report.Rows, cur.Round+1
		return report, p.close(ctx, cur, files)
	}
	if err := replay.Exec(ctx, p.switchOver(cur.Day)); err != nil {
		return report, fmt.Errorf("switch over: %w", err)
	}
	report.Rows += cur.Rows
	return report, nil
}

// read converts files; one in ten may be broken.
func (p *Pipeline) read(ctx op.Context, cur feed.Cursor, files []feed.File) (feed.Report, []feed.Table, error) {
	report := feed.Report{Day: cur.Day}
	var stats feed.Stats
	batch, err := replay.Run(ctx, op.Map("convert-all", files, p.convert(&stats), op.WithMaxConcurrency(16),
		op.WithCompletion(op.ToleratePercent(10))))
	if err != nil {
		return report, nil, fmt.Errorf("convert: %w", err)
	}
	report.Rows, report.Bad = stats.Totals()
	report.Manifest = feed.Manifest(files, batch.Values())
	for _, it := range batch.Failed() {
		ctx.Logger().Warn("file left out", "file", it.Key, "error", it.Err)
	}
	for _, t := range batch.Values() {
		for _, bad := range t.Problems {
			ctx.Logger().Info("row left out", "location", t.Location, "problem", bad.String())
		}
	}
	return report, batch.Values(), nil
}

// load puts tables into the warehouse while that takes loads.
func (p *Pipeline) load(ctx op.Context, day string, tables []feed.Table) error {
	staged, err := replay.Run(ctx, p.stage(day, tables))
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	want := 0
	for _, t := range tables {
		want += t.Rows
	}
	once := op.Group("load", func(ctx op.Context) (op.None, error) {
		load := op.Do("copy", func(ctx context.Context) error { return p.house.Load(ctx, staged) })
		if err := replay.Exec(ctx, load); err != nil {
			return op.None{}, err
		}
		if err := replay.Exec(ctx, op.Wait("settle", time.Minute)); err != nil {
			return op.None{}, err
		}
		got, err := replay.Run(ctx, op.Step("check", func(ctx context.Context) (int, error) {
			return p.house.Check(ctx, staged)
		}))
		if err == nil && got < want {
			err = fmt.Errorf("%w: %d of %d", ErrIncomplete, got, want)
		}
		return op.None{}, err
	})
	return replay.Exec(ctx, op.Retry("load-in-window", once, p.window.Policy))
}

// research has the model describe each supplier.
func (p *Pipeline) research(ctx op.Context, suppliers []string) ([]feed.Profile, error) {
	describe := op.GroupFunc("describe", p.describe).Key(func(s string) string { return s })
	batch, err := replay.Run(ctx, op.Map("describe-all", suppliers, describe, op.WithMaxConcurrency(4),
		op.WithCompletion(op.AllCompleted())))
	if err != nil {
		return nil, err
	}
	if err := batch.Err(); err != nil {
		ctx.Logger().Warn("suppliers without a profile", "count", len(batch.Failed()), "error", err)
	}
	return batch.Values(), nil
}

// describe is the loop of the agent: the model may ask for a report that costs money.
func (p *Pipeline) describe(ctx op.Context, supplier string) (feed.Profile, error) {
	talk := []assist.Message{{Role: assist.User, Text: "Describe " + supplier}}
	bought := false
	for turn := range turns {
		reply, err := replay.Run(ctx, p.ask(assist.Prompt{Turn: turn, Supplier: supplier, Talk: talk}))
		if err != nil {
			return feed.Profile{}, fmt.Errorf("turn %d: %w", turn, err)
		}
		if !reply.WantReport || bought {
			return feed.Profile{Supplier: supplier, Summary: reply.Text}, nil
		}
		talk = append(talk, assist.Message{Role: assist.Assistant, Text: reply.Text})
		text, err := replay.Run(ctx, p.obtain(supplier))
		if err != nil {
			text = "there is no report"
		}
		bought = true
		talk = append(talk, assist.Message{Role: assist.User, Text: text})
	}
	return feed.Profile{Supplier: supplier, Summary: "unknown"}, nil
}

// obtain buys a report and fetches it; the market is often late with reports that it has sold.
func (p *Pipeline) obtain(supplier string) op.Op[string] {
	return op.Retry("obtain", op.Group("report", func(ctx op.Context) (string, error) {
		purchase, err := replay.Run(ctx, p.buy(supplier))
		if err != nil {
			return "", err
		}
		return replay.Run(ctx, p.fetch(purchase.ID))
	}), retry.Exponential(retry.MaxAttempts(4), retry.InitialDelay(10*time.Minute)))
}

// close archives the files of a round and goes on with the next one.
func (p *Pipeline) close(ctx op.Context, cur feed.Cursor, files []feed.File) error {
	return replay.Exec(ctx, op.Group("close-round", func(ctx op.Context) (op.None, error) {
		if err := replay.Exec(ctx, op.Map("archive-all", files, p.archive, op.WithMaxConcurrency(16))); err != nil {
			return op.None{}, fmt.Errorf("archive: %w", err)
		}
		return op.None{}, p.goOn(ctx, cur)
	}))
}

// goOn continues with the next round.
func (p *Pipeline) goOn(ctx op.Context, cur feed.Cursor) error {
	ctx.Logger().Info("going on", "round", cur.Round, "after", cur.After)
	return replay.ContinueAsNew(ctx, cur)
}
