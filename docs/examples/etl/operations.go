package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

const (
	// running is how many files are converted at a time, open how many are begun and not recorded:
	// a crash repeats no more than those.
	running, open = 16, 200
	// tolerated is how many files in a hundred may fail.
	tolerated = 5
)

// The errors of a file.
var (
	ErrMalformed = errors.New("malformed file")
	ErrSlowDown  = errors.New("503 Slow Down")
)

// File is what a store has sent.
type File struct {
	Day   string `json:"day"`
	Store string `json:"store"`
}

// Files is a bucket in which stores put their files.
type Files interface {
	// List returns the files of a day.
	List(ctx context.Context, day string) ([]File, error)
	// Open opens a file. The error is an ErrSlowDown if it is to be asked again later.
	Open(ctx context.Context, f File) (io.ReadCloser, error)
}

// Warehouse is where the totals go.
type Warehouse interface {
	// Replace puts the totals in place of those that a day has: twice is the same as once.
	Replace(ctx context.Context, t Totals) error
}

// ETL declares what is done in a night.
type ETL struct {
	files Files

	list    op.Builder[string, []File]
	convert op.Builder[File, Table]
	load    op.Builder[Totals, op.None]
}

// NewFunction returns the durable function: what lambda.Start takes. Results from 128 KiB on are
// kept in the store, and the log has where they are: the service takes none of more than 1 MB.
func NewFunction(files Files, warehouse Warehouse, store offload.Store, opts ...replay.HandlerOption) *replay.Function[string, Report] {
	payloads := replay.WithCodec(codec.Chain(codec.JSON(), offload.New(store)))
	return replay.Handler(newETL(files, warehouse).Nightly, append(opts, payloads, replay.WithErrors(known()...))...)
}

// known are the errors that keep their identity in the log.
func known() []codec.KnownError {
	return []codec.KnownError{codec.Sentinel("Malformed", ErrMalformed), codec.Sentinel("SlowDown", ErrSlowDown)}
}

func newETL(files Files, warehouse Warehouse) *ETL {
	e := &ETL{files: files}
	again := op.WithRetry(retry.Exponential(retry.MaxAttempts(6), retry.InitialDelay(2*time.Second), retry.OnIs(ErrSlowDown)))
	errs := op.WithErrors(known()...)
	e.list = op.StepFunc("list-files", files.List, again, errs)
	e.convert = op.StepFunc("convert-file", e.read, again, errs).Key(func(f File) string { return f.Store })
	e.load = op.DoFunc("load-totals", warehouse.Replace)
	return e
}

// read converts a file.
func (e *ETL) read(ctx context.Context, f File) (Table, error) {
	text, err := e.files.Open(ctx, f)
	if err != nil {
		return Table{}, err
	}
	defer text.Close()
	t, err := parse(text)
	if err != nil {
		return Table{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return t, nil
}
