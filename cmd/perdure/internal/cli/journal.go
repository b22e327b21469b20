package cli

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint/local/process"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// journal keeps the last lines that functions have written.
type journal struct {
	mu    sync.Mutex // guards what follows
	lines []page.Line
	bytes int
}

// How much of what functions have written is kept.
const (
	journalLines = 20_000
	journalBytes = 16 << 20
)

func (j *journal) add(l process.Line) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, page.Line{Time: l.Time, RequestID: l.RequestID, Text: l.Text, Errors: l.Stream == process.Stderr})
	j.bytes += len(l.Text)
	if len(j.lines) <= journalLines && j.bytes <= journalBytes {
		return
	}
	for len(j.lines) > journalLines*9/10 || j.bytes > journalBytes*9/10 {
		j.bytes -= len(j.lines[0].Text)
		j.lines = j.lines[1:]
	}
	j.lines = slices.Clone(j.lines)
}

// of returns the lines that were written in invocations of an execution: those that are known, and
// those that have written a line with its ARN.
func (j *journal) of(arn string, requests map[string]bool) []page.Line {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.lines {
		if l := &j.lines[i]; l.RequestID != "" && !requests[l.RequestID] && strings.Contains(l.Text, arn) {
			requests[l.RequestID] = true
		}
	}
	var found []page.Line
	for _, l := range j.lines {
		if requests[l.RequestID] {
			found = append(found, l)
		}
	}
	return found
}

// page returns the page of perdure dev.
func (s *site) page(endpoint string) *page.Page {
	return page.New(page.Options{
		Source: page.FromService(s.service), Actions: page.ActionsOn(s.service), Place: "perdure dev at " + strings.TrimPrefix(endpoint, "http://"),
		Bus: s.bus, Now: s.Now, Written: s.journal.of, Open: s.opens, Today: s.today,
		Build: func(function string, at time.Time) string { return s.builds.build(function, at).text() },
	})
}
