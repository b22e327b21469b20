package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/codec/offload/filestore"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"

	"github.com/perdure/perdure/docs/examples/internal/golden"
	"github.com/perdure/perdure/docs/examples/internal/histories"
)

const (
	header = "sku,pieces,cents\n"
	right  = header + "A,2,200\nB,1,50\nA,1,100\n"
)

// day is a folder of files, all of which are right but for some.
func day(files int, wrong map[int]string) fstest.MapFS {
	fsys := make(fstest.MapFS)
	for n := range files {
		text, ok := wrong[n]
		if !ok {
			text = right
		}
		fsys[fmt.Sprintf("d/%02d.csv", n)] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// long is a file of that many products.
func long(products int) string {
	var b strings.Builder
	b.WriteString(header)
	for i := range products {
		fmt.Fprintf(&b, "P-%06d,1,1\n", i)
	}
	return b.String()
}

func store(tb testing.TB) *filestore.Store {
	tb.Helper()
	s, err := filestore.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestNightly(t *testing.T) {
	t.Parallel()
	// Of 54 and 104 operations one says how many are hidden in the map that has ended.
	tests := []struct {
		name, reason string
		files        int
		wrong        map[int]string
		bucket       bucket
		failed       []Failure
		fails        error
		operations   int
	}{
		{name: "all", reason: "each file counts", files: 3, operations: 6},
		{name: "none", reason: "a day without files is a day without sales", operations: 3},
		{
			name: "one-of-twenty", reason: "what is tolerated is reported", files: 20, wrong: map[int]string{7: right + "C,-1,100\n"}, operations: 23,
			failed: []Failure{{"07", `malformed file: line 5: pieces are "-1"`}},
		},
		{
			name: "each kind", reason: "a file is right as a whole, or reported", files: 100, operations: 104,
			wrong: map[int]string{3: "", 7: "sku,cents\n", 20: header + "A,1\n", 30: header + "A,1,1.5\n", 99: header + "A,\"1,1\n"},
			failed: []Failure{
				{"03", "malformed file: it is empty"},
				{"07", `malformed file: the columns are ["sku" "cents"]`},
				{"20", "malformed file: record on line 2: wrong number of fields"},
				{"30", `malformed file: line 2: cents are "1.5"`},
				{"99", `malformed file: parse error on line 2, column 8: extraneous or missing " in quoted-field`},
			},
		},
		{
			name: "too-many", reason: "two of twenty are more than five in a hundred", files: 20, wrong: map[int]string{7: "", 8: ""},
			fails: ErrMalformed, operations: 22,
		},
		{name: "slow", reason: "a bucket that is busy is asked again", files: 20, bucket: bucket{slow: "/1", times: 3}, operations: 54},
		{
			name: "never", reason: "a file that is not to be had is reported as well", files: 20, bucket: bucket{slow: "/13", times: 100}, operations: 28,
			failed: []Failure{{"13", "503 Slow Down"}},
		},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files, warehouse := &tt.bucket, new(memory)
			files.FS = day(tt.files, tt.wrong)
			if tt.files == 0 {
				files.FS = fstest.MapFS{"d": {Mode: fs.ModeDir}}
			}
			r := replaytest.Run(t, NewFunction(files, warehouse, store(t)), "d",
				replaytest.WithBudget(replaytest.Budget{Operations: tt.operations}))
			if tt.fails != nil {
				if !errors.Is(r.Err, tt.fails) || warehouse.loads != 0 {
					t.Errorf("%s: got %v and %d loads, want %v and none", tt.reason, r.Err, warehouse.loads, tt.fails)
				}
				return
			}
			good := tt.files - len(tt.failed)
			want := Report{Day: "d", Files: tt.files, Rows: 3 * good, Failed: tt.failed}
			if diff := cmp.Diff(want, r.Value); diff != "" || r.Err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", tt.reason, r.Err, diff)
			}
			totals := []Line{{"A", 3 * good, Cents(300 * good)}, {"B", good, Cents(50 * good)}}
			if good == 0 {
				totals = []Line{}
			}
			if diff := cmp.Diff(totals, warehouse.days["d"]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if files.peak > running || files.open != 0 {
				t.Errorf("%d files were open at a time, and %d are open", files.peak, files.open)
			}
			if tt.files <= 3 {
				histories.Keep(t, tt.name, r)
			}
		})
	}
}

// TestLargeResults: results that a record does not hold are kept in the store, and the log does not
// grow by them. Without a store such a file is one of those that are reported.
func TestLargeResults(t *testing.T) {
	t.Parallel()
	fsys := day(20, map[int]string{4: long(5000), 5: long(28_000)})
	s, warehouse := store(t), new(memory)
	r := replaytest.Run(t, NewFunction(&bucket{FS: fsys}, warehouse, s), "d", replaytest.WithBudget(replaytest.Budget{Bytes: 20_000}))
	if r.Err != nil || len(r.Value.Failed) > 0 || len(warehouse.days["d"]) != 28_002 {
		t.Errorf("got %+v, %v and %d products", r.Value, r.Err, len(warehouse.days["d"]))
	}
	objects, size := 0, int64(0)
	for o, err := range s.Objects(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		objects++
		size += o.Size
	}
	if objects != 2 || size < 1<<20 {
		t.Errorf("there are %d objects of %d bytes in the store", objects, size)
	}

	plain := replay.Handler(newETL(&bucket{FS: fsys}, new(memory)).Nightly)
	r = replaytest.Run(t, plain, "d")
	if len(r.Value.Failed) != 1 || r.Value.Failed[0].Store != "05" || !strings.Contains(r.Value.Failed[0].Why, "and the service takes at most") {
		t.Errorf("got %+v, %v, want the largest file to be reported", r.Value, r.Err)
	}
}

// TestEveryCrash: wherever the function is lost, and in whatever order the files are converted, the
// totals are the same.
func TestEveryCrash(t *testing.T) {
	t.Parallel()
	warehouse, files := new(memory), &bucket{FS: day(3, nil), slow: "/01"}
	reset := func() { // before each execution, and so after the one before
		if warehouse.loads > 0 && cmp.Diff([]Line{{"A", 9, 900}, {"B", 3, 150}}, warehouse.days["d"]) != "" {
			t.Errorf("the totals are %v", warehouse.days["d"])
		}
		warehouse.days, warehouse.loads, files.busy = nil, 0, nil
	}
	replaytest.Explore(t, NewFunction(files, warehouse, store(t)), "d", replaytest.WithReset(reset), replaytest.WithSchedules(5))
	reset()
}

// TestOrderOfFilesMakesNoDifference: tables add up to the same totals in any order, and nothing is
// lost.
func TestOrderOfFilesMakesNoDifference(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		tables := make([]Table, r.IntN(6))
		pieces, cents := 0, Cents(0)
		for i := range tables {
			for range r.IntN(8) {
				l := Line{SKU: string(rune('A' + r.IntN(5))), Pieces: 1 + r.IntN(3), Cents: Cents(r.IntN(500))}
				pieces, cents = pieces+l.Pieces, cents+l.Cents
				tables[i].Lines = append(tables[i].Lines, l)
			}
		}
		want := merge(tables)
		r.Shuffle(len(tables), func(i, j int) { tables[i], tables[j] = tables[j], tables[i] })
		if diff := cmp.Diff(want, merge(tables)); diff != "" {
			t.Fatalf("%v (-want +got):\n%s", tables, diff)
		}
		for _, l := range want {
			pieces, cents = pieces-l.Pieces, cents-l.Cents
		}
		if pieces != 0 || cents != 0 {
			t.Fatalf("%v: %d pieces and %s are missing", tables, pieces, cents)
		}
	}
}

// TestCompatible: nights that were begun with the code whose histories are kept go on with this
// one.
func TestCompatible(t *testing.T) {
	t.Parallel()
	histories.Check(t, NewFunction(&bucket{}, new(memory), store(t)))
}

func TestShape(t *testing.T) {
	t.Parallel()
	replaytest.Shape(t, "etl.shape", NewFunction(&bucket{FS: day(2, nil)}, new(memory), store(t)), []string{"d"})
}

// chance are the numbers that differ from run to run: how far bodies that run beside each other
// were when the process was lost.
var chance = regexp.MustCompile(`(\d+) (times|replayed|checkpoint calls)( *)`)

func TestOutput(t *testing.T) {
	t.Parallel()
	golden.Output(t, func(ctx context.Context, w io.Writer) error {
		var out bytes.Buffer
		err := show(ctx, &out)
		text := chance.ReplaceAllStringFunc(out.String(), func(found string) string {
			part := chance.FindStringSubmatch(found)
			if part[2] == "replayed" { // columns begin where they begin
				part[3] += strings.Repeat(" ", len(part[1])-1)
			}
			return "N " + part[2] + part[3]
		})
		return errors.Join(err, write(w, text))
	})
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// TestDayIsWhole: the program shows as many files as it says.
func TestDayIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := writeDay(dir, 30); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil || len(entries) != 30 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}
