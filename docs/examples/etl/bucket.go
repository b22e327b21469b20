package main

import (
	"context"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// bucket holds the files of this program in a folder.
type bucket struct {
	fs.FS

	// slow is a part of the names of files at whose first requests the bucket is too busy, times
	// how often: once unless it is more.
	slow  string
	times int

	mu   sync.Mutex
	busy map[string]int
	open int // files
	peak int
}

// List implements [Files].
func (b *bucket) List(_ context.Context, day string) ([]File, error) {
	entries, err := fs.ReadDir(b.FS, day)
	var files []File
	for _, e := range entries {
		files = append(files, File{Day: day, Store: strings.TrimSuffix(e.Name(), ".csv")})
	}
	return files, err
}

// Open implements [Files].
func (b *bucket) Open(_ context.Context, file File) (io.ReadCloser, error) {
	name := file.Day + "/" + file.Store + ".csv"
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.slow != "" && strings.Contains(name, b.slow) && b.busy[name] < max(1, b.times) {
		if b.busy == nil {
			b.busy = make(map[string]int)
		}
		b.busy[name]++
		return nil, ErrSlowDown
	}
	f, err := b.FS.Open(name)
	if err != nil {
		return nil, err
	}
	b.open++
	b.peak = max(b.peak, b.open)
	return closing{f, b}, nil
}

// closing counts the files that are open.
type closing struct {
	fs.File

	b *bucket
}

// Close closes the file.
func (c closing) Close() error {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	c.b.open--
	return c.File.Close()
}

// memory is a warehouse that keeps the totals of days.
type memory struct {
	mu    sync.Mutex
	days  map[string][]Line
	loads int
}

// Replace implements [Warehouse].
func (m *memory) Replace(_ context.Context, t Totals) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.days == nil {
		m.days = make(map[string][]Line)
	}
	m.days[t.Day] = slices.Clone(t.Lines)
	m.loads++
	return nil
}

// revenue is the sum of a day.
func (m *memory) revenue(day string) (sum Cents) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.days[day] {
		sum += l.Cents
	}
	return sum
}
