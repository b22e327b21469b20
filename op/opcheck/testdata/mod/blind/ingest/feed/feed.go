// Package feed has the types of supplier feeds.
package feed

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Cursor is the input of the function: where an import goes on.
type Cursor struct {
	Day   string `json:"day"`
	After string `json:"after"`
	Round int    `json:"round"`
	Rows  int    `json:"rows"`
}

// File is a file that a supplier has sent.
type File struct {
	Name     string `json:"name"`
	ETag     string `json:"etag"`
	Supplier string `json:"supplier"`
}

// Problem is what is wrong with a row.
type Problem struct {
	Row int   `json:"row"`
	Err error `json:"err"`
}

// Table is a file that was read.
type Table struct {
	Rows     int       `json:"rows"`
	Location string    `json:"location"`
	Problems []Problem `json:"problems"`
}

// Version is a table that customers see.
type Version struct {
	Location string `json:"location"`
	Number   int    `json:"number"`
}

// Profile is what is known of a supplier.
type Profile struct {
	Supplier string `json:"supplier"`
	Summary  string `json:"summary"`
}

// Report is the result of the function.
type Report struct {
	Day      string         `json:"day"`
	Rows     int            `json:"rows"`
	Bad      int            `json:"bad"`
	Manifest map[string]int `json:"manifest"`
	Profiles []Profile      `json:"profiles"`
}

// Errors of rows.
var (
	ErrNoPrice = errors.New("row has no price")
	ErrNoSKU   = errors.New("row has no SKU")
)

// Stats counts what is read.
type Stats struct {
	mu   sync.Mutex
	rows int
	bad  int
}

// Add counts a table.
func (s *Stats) Add(t Table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows += t.Rows
	s.bad += len(t.Problems)
}

// Totals says what was counted.
func (s *Stats) Totals() (rows, bad int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows, s.bad
}

// Manifest says how many rows each file had.
func Manifest(files []File, tables []Table) map[string]int {
	m := make(map[string]int, len(tables))
	for i, t := range tables {
		m[files[i].Name] = t.Rows
	}
	return m
}

// Suppliers are those of the files, each once.
func Suppliers(files []File) []string {
	seen := make(map[string]bool)
	for _, f := range files {
		seen[f.Supplier] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// String describes a problem.
func (p Problem) String() string { return fmt.Sprintf("row %d: %v", p.Row, p.Err) }
