package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// What is live is sent at most so often, and something at least so often: a connection that is dead
// is noticed.
const (
	liveEvery = 100 * time.Millisecond
	liveBeat  = 15 * time.Second
)

// stream is what a page is sent while it is open.
type stream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func (s *stream) send(event string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, text); err != nil {
		return err
	}
	return s.c.Flush()
}

// live sends the rows of executions that have changed, as long as the page is open. If nothing says
// which ones have, it looks at the last ones and, with ?arn, at that one, now and then.
func (p *Page) live(w http.ResponseWriter, r *http.Request) {
	if !p.hasCookie(r) {
		refuse(w, http.StatusUnauthorized, "the page was opened before perdure was started again: load it once more")
		return
	}
	var news *reader
	if p.Bus != nil { // before it says hello, after which nothing is missed
		news = p.Bus.join()
		defer news.leave()
	}
	w.Header().Set("Content-Type", "text/event-stream")
	s := &stream{w, http.NewResponseController(w)}
	if err := s.send("hello", struct {
		Now int64 `json:"now"`
	}{milli(p.Now())}); err != nil {
		return
	}
	if news != nil {
		p.push(r.Context(), s, news)
		return
	}
	p.poll(r.Context(), s, r.URL.Query().Get("arn"))
}

// push sends what the bus says.
func (p *Page) push(ctx context.Context, s *stream, news *reader) {
	beat := time.NewTicker(liveBeat) //nolint:forbidigo // a page is open in real time
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if s.send("beat", milli(p.Now())) != nil {
				return
			}
		case <-news.wake:
			var rows []jsonRow
			for _, e := range news.take() {
				rows = append(rows, rowOf(&e))
			}
			if s.send("changed", rows) != nil || !rest(ctx, liveEvery) {
				return
			}
		}
	}
}

// rest waits, and reports whether it has not been cut short.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d) //nolint:forbidigo // as above
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// pollItems is how many of the last executions are looked at.
const pollItems = 100

// poll sends what has changed since it looked last.
func (p *Page) poll(ctx context.Context, s *stream, arn string) {
	seen := make(map[string]string) // the status of executions
	last := 0
	for first := true; ; first = false {
		var rows []jsonRow
		found, _, err := p.Source.List(ctx, Query{Limit: pollItems})
		for i := range found {
			if e := &found[i]; seen[e.ARN] != e.Status {
				seen[e.ARN] = e.Status
				rows = append(rows, rowOf(e))
			}
		}
		if arn != "" && err == nil {
			rows, last, err = p.pollOne(ctx, rows, arn, last)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			err = s.send("trouble", err.Error())
		case len(rows) > 0 && !first:
			err = s.send("changed", rows)
		default:
			err = s.send("beat", milli(p.Now()))
		}
		if err != nil || !rest(ctx, p.Every) {
			return
		}
	}
}

// pollOne adds the row of an execution that has new events.
func (p *Page) pollOne(ctx context.Context, rows []jsonRow, arn string, last int) ([]jsonRow, int, error) {
	now := last
	if err := p.histories.of(ctx, arn, func(h *view.History) error {
		now = h.Event
		return nil
	}); err != nil || now == last {
		return rows, now, err
	}
	e, err := p.Source.Execution(ctx, arn)
	if err != nil {
		return rows, now, err
	}
	return append(rows, rowOf(e)), now, nil
}
