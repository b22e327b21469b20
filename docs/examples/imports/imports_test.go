package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/replay/replaytest"

	"github.com/perdure/perdure/docs/examples/internal/golden"
	"github.com/perdure/perdure/docs/examples/internal/histories"
)

const header = "sku,name,price\n"

// list is a price list of that many rows, all of which are right.
func list(rows int) string {
	var b strings.Builder
	b.WriteString(header)
	for i := range rows {
		fmt.Fprintf(&b, "A-%d,Screw,1.%02d\n", i, i%100)
	}
	return b.String()
}

func file(text string) fstest.MapFS { return fstest.MapFS{"a.csv": {Data: []byte(text)}} }

func upload() Upload { return Upload{ID: "U-1", File: "a.csv"} }

func TestImport(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason, text string
		want               Report
		fails              error
		message            string
		inDB, operations   int
	}{
		{name: "clean", reason: "three chunks, the last one is short", text: list(7), want: Report{Rows: 7}, inDB: 7, operations: 5},
		{name: "full chunks", reason: "there is no empty one at the end", text: list(6), want: Report{Rows: 6}, inDB: 6, operations: 4},
		{name: "no rows", reason: "a header alone is a list", text: header, operations: 2},
		{
			name: "bad-rows", reason: "each has its line and its reason, in all chunks; the others are written",
			text: header + "A,Screw,1.00\nB,Screw\n,Screw,1.00\n\nC,Screw,1.005\nD,\"two\nlines\",2\nE,Screw,-1.00\nF,a \"quote\",1.00\n",
			want: Report{Rows: 2, Bad: 5, First: []BadRow{
				{3, "2 columns, want 3"}, {4, "no sku"}, {6, `the price is "1.005"`}, {9, `the price is "-1.00"`}, {10, `bare " in non-quoted-field`},
			}},
			inDB: 2, operations: 5,
		},
		{
			name: "another-header", reason: "nothing is written", text: "sku,pieces\nA,1\n", fails: ErrWrongFile,
			message: `this is no price list: the columns are ["sku" "pieces"], want ["sku" "name" "price"]`, operations: 1,
		},
		{
			name: "hopeless", reason: "it is refused as soon as that is clear, and what was written is taken out",
			text: list(90) + strings.Repeat("?\n", 100), fails: ErrWrongFile,
			message: "this is no price list: 12 of 102 rows are wrong, the first in line 92: 1 columns, want 3", operations: 36,
		},
		{
			name: "few rows are enough for no verdict", reason: "a short list may be wrong as a whole, and the report says so",
			text: header + "?\n", want: Report{Bad: 1, First: []BadRow{{2, "1 columns, want 3"}}}, operations: 3,
		},
		{name: "no file", reason: "it is not found, and that is not repeated", message: "open a.csv: file does not exist", operations: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := file(tt.text)
			if tt.text == "" {
				files = nil
			}
			db := new(DB)
			r := replaytest.Run(t, NewFunction(files, db, 3), upload(), replaytest.WithBudget(replaytest.Budget{Operations: tt.operations}))
			if tt.message != "" && (r.Err == nil || r.Err.Error() != tt.message || !errors.Is(r.Err, tt.fails) && tt.fails != nil) {
				t.Errorf("%s: got the error %v, want %s", tt.reason, r.Err, tt.message)
			}
			if diff := cmp.Diff(tt.want, r.Value); diff != "" || tt.message == "" && r.Err != nil {
				t.Errorf("%s: %v, (-want +got):\n%s", tt.reason, r.Err, diff)
			}
			if len(db.products) != tt.inDB || len(db.bad) != tt.want.Bad && tt.message == "" {
				t.Errorf("%s: %d rows and %d bad ones are in the database", tt.reason, len(db.products), len(db.bad))
			}
			if !strings.Contains(tt.name, " ") {
				histories.Keep(t, tt.name, r)
			}
		})
	}
}

// TestChunksMakeNoDifference: however many rows a chunk has, the same rows are written, and the
// same ones are wrong, with their lines.
func TestChunksMakeNoDifference(t *testing.T) {
	t.Parallel()
	text := list(20) + "\n\"B\",\"Screw\nof two lines\",5\n?\n" + strings.TrimPrefix(list(9), header) + "C,\"x\"y,1\nD,Screw,1\n,,\n"
	whole := new(DB)
	want := replaytest.Run(t, NewFunction(file(text), whole, 1000), upload())
	for rows := 1; rows <= 36; rows++ {
		db := new(DB)
		got := replaytest.Run(t, NewFunction(file(text), db, rows), upload())
		if diff := cmp.Diff(want.Value, got.Value); diff != "" {
			t.Errorf("chunks of %d rows (-want +got):\n%s", rows, diff)
		}
		if diff := cmp.Diff(whole.products, db.products) + cmp.Diff(whole.bad, db.bad); diff != "" {
			t.Errorf("chunks of %d rows (-want +got):\n%s", rows, diff)
		}
	}
	if want.Value.Bad != 3 || want.Value.Rows != 31 {
		t.Errorf("the list has %v", want.Value)
	}
}

// TestProgress: whoever reads the row of the upload while it runs sees it grow, chunk by chunk.
func TestProgress(t *testing.T) {
	t.Parallel()
	db := new(DB)
	var seen []string
	db.Watch = func(p Progress) { seen = append(seen, fmt.Sprintf("%d of %d %s", p.Rows+p.Bad, p.Total, p.State)) }
	replaytest.Run(t, NewFunction(file(list(7)), db, 3), upload())
	want := []string{"3 of 7 importing", "6 of 7 importing", "7 of 7 importing", "7 of 7 complete"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestProgressWhileItWaits: while no function runs, the row of the upload says how far it is, and
// so does the log.
func TestProgressWhileItWaits(t *testing.T) {
	t.Parallel()
	db := &DB{Deadlock: 2}
	e := replaytest.Start(t, NewFunction(file(list(7)), db, 3), upload())
	e.RunUntilSuspended()
	if diff := cmp.Diff(Progress{Upload: "U-1", Rows: 3, Total: 7, State: "importing"}, db.Progress()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if first, second := e.Op("write[1]").Status, e.Op("write[2]").Status; first != checkpoint.StatusSucceeded || second != checkpoint.StatusPending {
		t.Errorf("the chunks are %s and %s", first, second)
	}
	if r := e.Result(); r.Err != nil || r.Value.Rows != 7 {
		t.Errorf("got %+v, %v", r.Value, r.Err)
	}
}

// TestEveryCrash: wherever the function is lost, no row is written twice, and none is missing.
func TestEveryCrash(t *testing.T) {
	t.Parallel()
	db := new(DB)
	reset := func() { // before each execution, and so after the one before
		if p := db.Progress(); p.State == "complete" && (db.written != 7 || len(db.bad) != 1 || p.Rows != 7 || p.Bad != 1) {
			t.Errorf("%d rows were written, and %d are bad; the row of the upload is %+v", db.written, len(db.bad), p)
		}
		db.forget()
	}
	replaytest.Explore(t, NewFunction(file(list(7)+"?\n"), db, 3), upload(), replaytest.WithReset(reset), replaytest.WithSchedules(5))
	reset()
}

func (db *DB) forget() {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.products, db.chunks, db.bad, db.progress, db.written, db.Deadlock = nil, nil, nil, Progress{}, 0, 2
}

// TestNextExecution: an upload whose execution has failed in the middle is imported by another one,
// which writes what is missing and nothing else.
func TestNextExecution(t *testing.T) {
	t.Parallel()
	db := &DB{Down: 2}
	if r := replaytest.Run(t, NewFunction(file(list(7)), db, 3), upload()); !errors.Is(r.Err, ErrBusy) || db.written != 3 {
		t.Fatalf("got %v with %d rows written, want it to fail at the second chunk", r.Err, db.written)
	}
	db.Down = 0
	r := replaytest.Run(t, NewFunction(file(list(7)), db, 3), upload())
	if r.Err != nil || r.Value.Rows != 7 || db.written != 7 {
		t.Errorf("got %+v, %v, with %d rows written, want 7", r.Value, r.Err, db.written)
	}
}

// TestCompatible: uploads that were begun with the code whose histories are kept go on with this
// one.
func TestCompatible(t *testing.T) {
	t.Parallel()
	histories.Check(t, NewFunction(fstest.MapFS{}, new(DB), 3))
}

func TestShape(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"a.csv": {Data: []byte(list(4))}, "b.csv": {Data: []byte(header + strings.Repeat("?\n", 101))}}
	replaytest.Shape(t, "imports.shape", NewFunction(files, new(DB), 50), []Upload{upload(), {ID: "U-2", File: "b.csv"}})
}

func TestOutput(t *testing.T) {
	t.Parallel()
	golden.Output(t, show)
}
