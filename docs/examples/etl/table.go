package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/perdure/perdure/op"
)

// Cents is an amount of money.
type Cents int64

// String prints the amount in units of the currency.
func (c Cents) String() string { return fmt.Sprintf("%d.%02d EUR", c/100, c%100) }

// Line is what was sold of a product.
type Line struct {
	SKU    string `json:"sku"`
	Pieces int    `json:"pieces"`
	Cents  Cents  `json:"cents"`
}

// Table is what a store has sold in a day: a line for each product, by SKU.
type Table struct {
	Lines []Line `json:"lines"`
	Rows  int    `json:"rows"` // of the file
}

// Totals is what all stores have sold.
type Totals struct {
	Day   string
	Lines []Line
}

// Report is what became of a day.
type Report struct {
	Day    string    `json:"day"`
	Files  int       `json:"files"`
	Rows   int       `json:"rows"`
	Failed []Failure `json:"failed,omitempty"`
}

// Failure is a store whose file does not count.
type Failure struct {
	Store string `json:"store"`
	Why   string `json:"why"`
}

func newReport(day string, files []File, tables op.Batch[Table]) Report {
	r := Report{Day: day, Files: len(files)}
	for _, t := range tables.Values() {
		r.Rows += t.Rows
	}
	for _, item := range tables.Failed() {
		r.Failed = append(r.Failed, Failure{Store: files[item.Index].Store, Why: item.Err.Error()})
	}
	return r
}

// merge adds tables up. The lines are in the order of their SKUs: the order of a map is another one
// in each invocation.
func merge(tables []Table) []Line {
	sums := make(map[string]Line)
	for _, t := range tables {
		for _, l := range t.Lines {
			sum := sums[l.SKU]
			sums[l.SKU] = Line{SKU: l.SKU, Pieces: sum.Pieces + l.Pieces, Cents: sum.Cents + l.Cents}
		}
	}
	lines := make([]Line, 0, len(sums))
	for _, sku := range slices.Sorted(maps.Keys(sums)) {
		lines = append(lines, sums[sku])
	}
	return lines
}

// parse reads what a store has sent: a receipt's line in each row. All of it is right, or an error.
func parse(f io.Reader) (Table, error) {
	r := csv.NewReader(f)
	r.ReuseRecord = true
	header, err := r.Read()
	switch {
	case errors.Is(err, io.EOF):
		return Table{}, errors.New("it is empty")
	case err != nil:
		return Table{}, err
	case !slices.Equal(header, []string{"sku", "pieces", "cents"}):
		return Table{}, fmt.Errorf("the columns are %q", header)
	}
	var t Table
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			t.Lines = merge([]Table{t})
			return t, nil
		}
		if err != nil {
			return Table{}, err
		}
		line, _ := r.FieldPos(0)
		pieces, err := strconv.Atoi(row[1])
		if err != nil || pieces < 1 {
			return Table{}, fmt.Errorf("line %d: pieces are %q", line, row[1])
		}
		cents, err := strconv.ParseInt(row[2], 10, 64)
		if err != nil || cents < 0 {
			return Table{}, fmt.Errorf("line %d: cents are %q", line, row[2])
		}
		t.Rows++
		t.Lines = append(t.Lines, Line{SKU: row[0], Pieces: pieces, Cents: Cents(cents)})
	}
}
