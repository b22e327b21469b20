// Command etl sums up a day of 2,000 stores on the local service, and prints what happens: files
// that cannot be read, a bucket that is busy, results that are too large for a log, and a process
// that is killed in the middle.
//
//	go run ./docs/examples/etl
//
// The handler is in etl.go, the operations in operations.go.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/perdure/perdure/codec/offload/filestore"

	"github.com/perdure/perdure/docs/examples/internal/demo"
)

func main() {
	if err := show(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

const (
	today  = "2026-09-01"
	stores = 2000
)

// show prints one night.
func show(ctx context.Context, w io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "etl")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writeDay(filepath.Join(dir, "files", today), stores); err != nil {
		return err
	}
	store, err := filestore.Open(filepath.Join(dir, "payloads"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	d := demo.New(w, time.Date(2026, 9, 2, 1, 0, 0, 0, time.UTC)) //nolint:contextcheck // it lives as long as its run
	d.Brief(0)
	d.CrashBefore("convert[1400]/convert-file")
	files, warehouse := &bucket{FS: os.DirFS(filepath.Join(dir, "files")), slow: "/07"}, new(memory)
	report, err := demo.Run(ctx, d, "etl", NewFunction(files, warehouse, store, d.Options()...), today)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s: %d files, %d rows, %d products, %s\n",
		report.Day, report.Files, report.Rows, len(warehouse.days[today]), warehouse.revenue(today))
	for _, f := range report.Failed {
		fmt.Fprintf(w, "  %s: %s\n", f.Store, f.Why)
	}
	objects, size := 0, int64(0)
	for o, err := range store.Objects(ctx) {
		if err != nil {
			return err
		}
		objects++
		size += o.Size
	}
	fmt.Fprintf(w, "%d results of %.1f MB are in the store, and not in the log\n", objects, float64(size)/1e6)
	return nil
}

// writeDay writes the files of a day into a folder.
func writeDay(dir string, stores int) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for n := range stores {
		if err := writeFile(filepath.Join(dir, fmt.Sprintf("%04d.csv", n)), n); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes what a store has sold: a corner shop a few products, each 250th store thousands,
// and one more than fits a record.
func writeFile(name string, n int) (err error) {
	f, err := os.Create(name) //nolint:gosec // in a folder of its own
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	defer func() { err = errors.Join(err, w.Flush()) }()
	if n == 1312 {
		return nil // it is empty
	}
	fmt.Fprintln(w, "sku,pieces,cents")
	products := 20
	switch {
	case n == 999:
		products = 28_000
	case n%250 == 120:
		products = 5000
	}
	for i := range products {
		switch {
		case n%500 == 404 && i == 17:
			_, err := fmt.Fprintf(w, "P-%05d,3\n", i) // the transfer was cut off
			return err
		case n == 777 && i == 5:
			fmt.Fprintf(w, "P-%05d,many,100\n", i)
		default:
			fmt.Fprintf(w, "P-%05d,%d,%d\n", (i*7+n)%40_000, 1+i%3, 99+(i*n)%900)
		}
	}
	return nil
}
