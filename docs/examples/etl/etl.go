package main

import (
	"fmt"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Nightly sums up what all stores have sold in a day, from a file of each. A file that cannot be
// read is reported, and the others count. If too many cannot, the fault is not theirs: nothing is
// loaded.
func (e *ETL) Nightly(ctx op.Context, day string) (Report, error) {
	files, err := replay.Run(ctx, e.list(day))
	if err != nil {
		return Report{}, fmt.Errorf("list the files of %s: %w", day, err)
	}
	tables, err := replay.Run(ctx, op.Map("convert", files, e.convert, op.WithFlat(),
		op.WithMaxConcurrency(open), op.WithMaxRunning(running), op.WithCompletion(op.ToleratePercent(tolerated))))
	if err != nil {
		return Report{}, fmt.Errorf("convert the files of %s: %w", day, err)
	}
	report := newReport(day, files, tables)
	return report, replay.Exec(ctx, e.load(Totals{Day: day, Lines: merge(tables.Values())}))
}
