package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/perdure/perdure/op"
)

// ErrBusy says that the database could not do something now.
var ErrBusy = errors.New("deadlock detected")

// DB is the database. Whatever one of its methods changes, it changes in one transaction.
type DB struct {
	// Watch is called when an upload has come further, as a page that shows a bar would be.
	Watch func(Progress)
	// Deadlock is the number of a chunk that is refused once, Down that of one that is refused
	// always.
	Deadlock, Down int

	mu       sync.Mutex
	products map[string]Product // by sku
	bad      []BadRow
	progress Progress
	chunks   map[string]Written // by upload and number
	written  int                // rows, those that were written twice included
}

// Progress is how far an upload is: a row of the database, for everyone who wants to know.
type Progress struct {
	Upload           string
	Rows, Bad, Total int
	State            string
}

// Begin makes the row of an upload. Repeated, it changes nothing.
func (db *DB) Begin(ctx context.Context, u Upload, total int) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.progress.Upload != u.ID {
		db.products, db.chunks = make(map[string]Product), make(map[string]Written)
		db.progress = Progress{Upload: u.ID, Total: total, State: "importing"}
	}
	op.LoggerFrom(ctx).InfoContext(ctx, "found", slog.Int("rows", total))
	return nil
}

// Write writes a chunk, unless it is written: then it returns what it returned before.
func (db *DB) Write(ctx context.Context, c Chunk, good []Product, bad []BadRow) (Written, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	key := fmt.Sprintf("%s/%d", c.Upload.ID, c.Number)
	if w, ok := db.chunks[key]; ok {
		op.LoggerFrom(ctx).InfoContext(ctx, "was written before")
		return w, nil
	}
	switch c.Number {
	case db.Down:
		return Written{}, ErrBusy
	case db.Deadlock:
		db.Deadlock = 0
		return Written{}, ErrBusy
	}
	for _, p := range good {
		db.products[p.SKU] = p
	}
	db.written += len(good)
	db.bad = append(db.bad, bad...)
	w := Written{Rows: len(good), Bad: len(bad), First: bad[:min(shown, len(bad))]}
	db.chunks[key] = w
	db.progress.Rows += w.Rows
	db.progress.Bad += w.Bad
	op.LoggerFrom(ctx).InfoContext(ctx, "wrote", slog.Int("from", c.Line), slog.Int("to", c.Line+c.Rows-1))
	db.changed()
	return w, nil
}

// Discard takes everything out that an upload has brought.
func (db *DB) Discard(ctx context.Context, _ Upload) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	clear(db.products)
	db.progress.State = "refused"
	op.LoggerFrom(ctx).InfoContext(ctx, "took out", slog.Int("rows", db.progress.Rows))
	db.changed()
	return nil
}

// Finish says that an upload is complete.
func (db *DB) Finish(context.Context, Upload) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.progress.State = "complete"
	db.changed()
	return nil
}

// Progress returns how far an upload is.
func (db *DB) Progress() Progress {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.progress
}

func (db *DB) changed() {
	if db.Watch != nil {
		db.Watch(db.progress)
	}
}
