package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// Imports declares what is done with an upload.
type Imports struct {
	files fs.FS
	db    *DB
	rows  int // of a chunk

	split   op.Builder[Upload, []Chunk]
	write   op.Builder[Chunk, Written]
	discard op.Builder[Upload, op.None]
	finish  op.Builder[Upload, op.None]
}

// NewFunction returns the durable function: what lambda.Start takes.
func NewFunction(files fs.FS, db *DB, rows int, opts ...replay.HandlerOption) *replay.Function[Upload, Report] {
	return replay.Handler(newImports(files, db, rows).Import, append(opts, replay.WithErrors(wrongFile()))...)
}

func wrongFile() codec.KnownError { return codec.Sentinel("WrongFile", ErrWrongFile) }

func newImports(files fs.FS, db *DB, rows int) *Imports {
	s := &Imports{files: files, db: db, rows: rows}
	again := op.WithRetry(retry.Exponential(retry.MaxAttempts(8), retry.InitialDelay(2*time.Second),
		retry.Unless(retry.OnIs(ErrWrongFile, fs.ErrNotExist))))
	known := op.WithErrors(codec.Sentinel("DatabaseBusy", ErrBusy), wrongFile())
	s.split = op.StepFunc("split", s.cut, again, known)
	s.write = op.StepFunc("write", s.copyRows, again, known).Key(func(c Chunk) string { return strconv.Itoa(c.Number) })
	s.discard = op.DoFunc("discard", db.Discard, again, known)
	s.finish = op.DoFunc("finish", db.Finish, again, known)
	return s
}

// ErrWrongFile says that a file is no price list.
var ErrWrongFile = errors.New("this is no price list")

// cut finds where each chunk begins. The log keeps the places, the rows stay in the file.
func (s *Imports) cut(ctx context.Context, u Upload) ([]Chunk, error) {
	f, err := s.files.Open(u.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := readHeader(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrongFile, err)
	}
	var chunks []Chunk
	total := 0
	for {
		at := rows.Offset()
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return chunks, s.db.Begin(ctx, u, total)
		}
		if err != nil {
			return nil, err
		}
		if total%s.rows == 0 {
			chunks = append(chunks, Chunk{Upload: u, Number: len(chunks) + 1, Offset: at, Line: row.Line})
		}
		total++
		chunks[len(chunks)-1].Rows++
	}
}

// copyRows writes a chunk in one transaction, with its number: if it was written before, and that
// was not recorded, the database returns what it has.
func (s *Imports) copyRows(ctx context.Context, c Chunk) (Written, error) {
	f, err := s.files.Open(c.Upload.File)
	if err != nil {
		return Written{}, err
	}
	defer f.Close()
	rows, err := readFrom(f, c.Offset, c.Line)
	if err != nil {
		return Written{}, err
	}
	var good []Product
	var bad []BadRow
	for range c.Rows {
		row, err := rows.Next()
		if err != nil {
			return Written{}, err
		}
		product, err := row.Product()
		if err != nil {
			bad = append(bad, BadRow{Line: row.Line, Why: err.Error()})
			continue
		}
		good = append(good, product)
	}
	return s.db.Write(ctx, c, good, bad)
}
