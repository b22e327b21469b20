package main

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Import writes the rows of a price list into the database, some hundred at a time. Rows that are
// wrong are collected for who sent them. If too many are, it is the wrong file: what was written is
// taken out again.
func (s *Imports) Import(ctx op.Context, u Upload) (Report, error) {
	chunks, err := replay.Run(ctx, s.split(u))
	if err != nil {
		return Report{}, err
	}
	var report Report
	for _, c := range chunks {
		written, err := replay.Run(ctx, s.write(c))
		if err != nil {
			return report, err
		}
		if report = report.With(written); report.Hopeless() {
			return report, errors.Join(fmt.Errorf("%w: %v", ErrWrongFile, report), replay.Exec(ctx, s.discard(u)))
		}
	}
	return report, replay.Exec(ctx, s.finish(u))
}
