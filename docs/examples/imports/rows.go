package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Upload is a file that a customer has sent.
type Upload struct {
	ID   string `json:"id"`
	File string `json:"file"`
}

// Chunk is a part of it.
type Chunk struct {
	Upload Upload `json:"upload"`
	// Number counts from one. Offset and Line are where its first row begins.
	Number int   `json:"number"`
	Offset int64 `json:"offset"`
	Line   int   `json:"line"`
	Rows   int   `json:"rows"`
}

// Written is what became of a chunk.
type Written struct {
	Rows int `json:"rows"`
	Bad  int `json:"bad"`
	// First are the first bad rows. The database has all of them.
	First []BadRow `json:"first,omitempty"`
}

// BadRow is a row that was not written.
type BadRow struct {
	Line int    `json:"line"`
	Why  string `json:"why"`
}

// Report is what became of an upload.
type Report Written

// shown is how many bad rows a report shows.
const shown = 5

// With is the report with a chunk more.
func (r Report) With(w Written) Report {
	r.Rows += w.Rows
	r.Bad += w.Bad
	r.First = slices.Concat(r.First, w.First)
	r.First = r.First[:min(shown, len(r.First))]
	return r
}

// Hopeless reports whether more than a tenth of at least a hundred rows is wrong.
func (r Report) Hopeless() bool {
	const few, tenth = 100, 10
	return r.Rows+r.Bad >= few && r.Bad*tenth > r.Rows+r.Bad
}

// String says how many rows are wrong, and what is wrong with the first.
func (r Report) String() string {
	text := fmt.Sprintf("%d of %d rows are wrong", r.Bad, r.Rows+r.Bad)
	if len(r.First) > 0 {
		text += fmt.Sprintf(", the first in line %d: %s", r.First[0].Line, r.First[0].Why)
	}
	return text
}

// Cents is an amount of money.
type Cents int64

// Product is a row that is right.
type Product struct {
	SKU, Name string
	Price     Cents
}

// columns is what a price list has.
var columns = []string{"sku", "name", "price"}

// rows are those of a file, from a place on.
type rows struct {
	r     *csv.Reader
	began int64
	line  int // that of the first row, and what the reader takes it for
	local int
}

// row is a row, right or wrong.
type row struct {
	Line   int
	fields []string
	err    error
}

// readHeader begins at the beginning of a file.
func readHeader(f io.Reader) (*rows, error) {
	rs := newRows(f)
	header, err := rs.r.Read()
	if err != nil {
		return nil, err
	}
	if !slices.Equal(header, columns) {
		return nil, fmt.Errorf("the columns are %q, want %q", header, columns)
	}
	return rs, nil
}

// readFrom begins at a row.
func readFrom(f fs.File, offset int64, line int) (*rows, error) {
	s, ok := f.(io.Seeker)
	if !ok {
		return nil, fmt.Errorf("%T cannot be read from the middle", f)
	}
	if _, err := s.Seek(offset, io.SeekStart); err != nil {
		return nil, err
	}
	rs := newRows(f)
	rs.began, rs.line = offset, line
	return rs, nil
}

func newRows(f io.Reader) *rows {
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1 // a row that is too short is the row's fault
	return &rows{r: r}
}

// Offset is where the next row begins.
func (rs *rows) Offset() int64 { return rs.began + rs.r.InputOffset() }

// Next returns the next row, which may be wrong. The error is that of the file.
func (rs *rows) Next() (row, error) {
	fields, err := rs.r.Read()
	wrong, isWrong := errors.AsType[*csv.ParseError](err)
	var line int
	switch {
	case isWrong:
		line = wrong.StartLine
	case err != nil:
		return row{}, err
	default:
		line, _ = rs.r.FieldPos(0)
	}
	if rs.local == 0 {
		rs.local = line
		if rs.line == 0 {
			rs.line = line
		}
	}
	out := row{Line: rs.line + line - rs.local, fields: fields}
	if isWrong {
		out.err = wrong.Err
	}
	return out, nil
}

// Product is what the row says. The error is for who sent it.
func (r row) Product() (Product, error) {
	if r.err != nil {
		return Product{}, r.err
	}
	if len(r.fields) != len(columns) {
		return Product{}, fmt.Errorf("%d columns, want %d", len(r.fields), len(columns))
	}
	price, err := parsePrice(r.fields[2])
	switch {
	case err != nil:
		return Product{}, err
	case r.fields[0] == "":
		return Product{}, errors.New("no sku")
	}
	return Product{SKU: r.fields[0], Name: r.fields[1], Price: price}, nil
}

// parsePrice reads a price such as 12.50. Money is counted in cents: no float holds a cent.
func parsePrice(text string) (Cents, error) {
	whole, part, _ := strings.Cut(text, ".")
	if part == "" {
		part = "00"
	}
	n, err := strconv.ParseInt(whole+part, 10, 64)
	if err != nil || len(part) != 2 || n < 0 {
		return 0, fmt.Errorf("the price is %q", text)
	}
	return Cents(n), nil
}
