// Command imports writes a price list of 40,000 rows into a database on the local service, and
// prints what happens: what the page of the customer shows meanwhile, a deadlock, a process that is
// killed between a chunk and its record, and, last, a file that is no price list.
//
//	go run ./docs/examples/imports
//
// The handler is in imports.go, the operations in operations.go.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/perdure/perdure/docs/examples/internal/demo"
)

// chunk is how many rows are written at a time.
const chunk = 500

func main() {
	if err := show(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// show prints two imports.
func show(ctx context.Context, w io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "imports")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for name, wrong := range map[string]int{"prices.csv": 1237, "stock.csv": 3} {
		if err := writeList(filepath.Join(dir, name), 40_000, wrong); err != nil {
			return err
		}
	}
	fmt.Fprintln(w, "== 40,000 rows")
	d := demo.New(w, time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)) //nolint:contextcheck // it lives as long as its run
	d.CrashBefore("write[38]")
	if err := run(ctx, w, d, os.DirFS(dir), &DB{Deadlock: 51}, Upload{ID: "U-1", File: "prices.csv"}); err != nil {
		return err
	}
	fmt.Fprintln(w, "\n== another file")
	d = demo.New(w, time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC)) //nolint:contextcheck // it lives as long as its run
	return run(ctx, w, d, os.DirFS(dir), &DB{}, Upload{ID: "U-2", File: "stock.csv"})
}

// run imports one upload.
func run(ctx context.Context, w io.Writer, d *demo.Demo, files fs.FS, db *DB, u Upload) error {
	d.Brief(2) //nolint:mnd // lines of chunks
	db.Watch = page(d)
	report, err := demo.Run(ctx, d, "import", NewFunction(files, db, chunk, d.Options()...), u)
	if err != nil && db.Progress().State != "refused" {
		return err
	}
	p := db.Progress()
	fmt.Fprintf(w, "\n%s %s: %d rows are in the database, in %d writes\n", u.ID, p.State, len(db.products), db.written)
	for _, bad := range report.First {
		fmt.Fprintf(w, "  line %5d: %s\n", bad.Line, bad.Why)
	}
	if more := report.Bad - len(report.First); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
	return nil
}

// page is what the customer sees: it reads a row of the database, and knows nothing of executions.
func page(d *demo.Demo) func(Progress) {
	const width = 20
	shown := -1
	return func(p Progress) {
		tenth := (p.Rows + p.Bad) * width / p.Total
		if tenth/4 == shown/4 && p.State == "importing" {
			return
		}
		shown = tenth
		bar := strings.Repeat("#", tenth) + strings.Repeat(".", width-tenth)
		d.Say("page", fmt.Sprintf("[%s] %d of %d rows, %d bad, %s", bar, p.Rows+p.Bad, p.Total, p.Bad, p.State))
	}
}

// writeList writes a price list of which each row of a number is wrong.
func writeList(name string, rows, wrong int) (err error) {
	f, err := os.Create(name) //nolint:gosec // in a folder of its own
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, strings.Join(columns, ","))
	mistakes := []string{`A-%05d,"Screw, %[1]d",12,50`, `A-%05d,Screw`, `,Screw %05d,1.00`, `A-%05d,Screw,a dozen`}
	for i := range rows {
		line := fmt.Sprintf(`A-%05d,"Screw, %d mm",%d.%02d`, i, i%80+1, i%30, i%100)
		if i%wrong == wrong-1 {
			line = fmt.Sprintf(mistakes[i/wrong%len(mistakes)], i)
		}
		fmt.Fprintln(w, line)
	}
	return w.Flush()
}
