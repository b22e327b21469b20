package page

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// jsonPlace is what the page knows of the place that it shows.
type jsonPlace struct {
	Place     string     `json:"place"`
	Functions []Function `json:"functions"`
	Actions   []string   `json:"actions"`
	Logs      bool       `json:"logs"`
	Opens     bool       `json:"opens,omitempty"` // what is closed, when it is asked to
	Cheap     bool       `json:"cheap,omitempty"` // reading is, so that more is read than is seen
	Now       int64      `json:"now"`
}

func (p *Page) place(r *http.Request) (any, error) {
	functions, err := p.Source.Functions(r.Context())
	if err != nil {
		return nil, err
	}
	if functions == nil {
		functions = []Function{}
	}
	_, cheap := p.Source.(shelf)
	return jsonPlace{p.Place, functions, p.offered(), p.Written != nil, p.Open != nil, cheap, milli(p.Now())}, nil
}

// pageItems is how many executions an answer has unless the page says otherwise, and mostItems at
// most.
const (
	pageItems = 200
	mostItems = 5000
)

func (p *Page) executions(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit := pageItems
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostItems {
			return nil, badRequest("limit is a number from 1 to 5000")
		}
		limit = n
	}
	found, next, err := p.Source.List(r.Context(), Query{Function: q.Get("function"), Marker: q.Get("marker"), Limit: limit})
	if err != nil {
		return nil, err
	}
	rows := make([]jsonRow, len(found))
	for i := range found {
		rows[i] = rowOf(&found[i])
	}
	return struct {
		Executions []jsonRow `json:"executions"`
		Next       string    `json:"next,omitempty"`
		Now        int64     `json:"now"`
	}{rows, next, milli(p.Now())}, nil
}

// arn returns the execution that a request is about.
func arn(r *http.Request) (string, error) {
	if arn := r.URL.Query().Get("arn"); arn != "" {
		return arn, nil
	}
	return "", badRequest("arn is missing")
}

// after returns the event that a request knows already.
func after(r *http.Request) (int, error) {
	text := r.URL.Query().Get("after")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, badRequest("after is the ID of an event")
	}
	return n, nil
}

// quickItems is how many operations are sent at first: more than a screen has.
const quickItems = 150

// execution returns what is shown of an execution, or what has changed of it.
func (p *Page) execution(r *http.Request) (any, error) {
	arn, err := arn(r)
	if err != nil {
		return nil, err
	}
	known, err := after(r)
	if err != nil {
		return nil, err
	}
	first := 0
	if r.URL.Query().Has("quick") {
		first = quickItems
	}
	e, err := p.Source.Execution(r.Context(), arn)
	if err != nil {
		return nil, err
	}
	var today []view.Today
	if p.Today != nil && e.End.IsZero() {
		today = p.Today(r.Context(), arn)
	}
	var text json.RawMessage
	err = p.histories.of(r.Context(), arn, func(h *view.History) error {
		h.SetToday(today)
		if known > h.Event {
			known = 0
		}
		m := modelOf(e, h, scope{known, first, longText}, p.Now(), p.Build)
		if p.Written == nil && p.Hint != nil {
			m.Where = p.Hint(arn)
		}
		m.CutAt = p.cutAt(arn, h)
		text, err = json.Marshal(m)
		return err
	})
	return text, err
}

// forks returns the executions that were made of one.
func (p *Page) forks(r *http.Request) (any, error) {
	arn, err := arn(r)
	if err != nil {
		return nil, err
	}
	e, err := p.Source.Execution(r.Context(), arn)
	if err != nil {
		return nil, err
	}
	found, err := p.Source.Forks(r.Context(), e)
	rows := make([]jsonRow, len(found))
	for i := range found {
		rows[i] = rowOf(&found[i])
	}
	return struct {
		Executions []jsonRow `json:"executions"`
	}{rows}, err
}

// mostReasons is of how many executions a request may ask for the reason.
const mostReasons = 50

// reasons returns by ARN what executions wait for, or why they have ended without a result. Those
// that are not there any more are left out.
func (p *Page) reasons(r *http.Request) (any, error) {
	arns := r.URL.Query()["arn"]
	if len(arns) > mostReasons {
		return nil, badRequest("ask for the reasons of at most 50 executions")
	}
	out := make(map[string]string, len(arns))
	for _, arn := range arns {
		e, err := p.Source.Execution(r.Context(), arn)
		if err == nil {
			var reason string
			if reason, err = p.reason(r.Context(), e); err == nil {
				out[arn] = cut(reason, shortText)
			}
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
	}
	return struct {
		Reasons map[string]string `json:"reasons"`
	}{out}, nil
}

// reason says in a few words, the same for all that are alike, what an execution waits for, or why
// it has ended without a result.
func (p *Page) reason(ctx context.Context, e *Execution) (string, error) {
	reason := reasonOf(e)
	if reason != "" && e.Failing == 0 || !e.End.IsZero() {
		return reason, nil
	}
	events, err := p.Source.Events(ctx, e.ARN, 0)
	if err != nil {
		return "", err
	}
	h := view.Read(events)
	h.Invoked = e.Invoked
	if reason != "" { // it is paused
		if h.Last != nil && h.InRow > 0 {
			reason += "; the last invocation failed: " + view.InvocationFailure(h.Last)
		}
		return reason, nil
	}
	cause := h.Cause(p.Now())
	if body, running := strings.CutPrefix(cause, "the body of "); running {
		return "the body of " + body + " runs", nil
	}
	return "waits for " + cause, nil
}

// operation returns what is shown of one operation beside its row.
func (p *Page) operation(r *http.Request) (any, error) {
	arn, err := arn(r)
	if err != nil {
		return nil, err
	}
	var out *jsonDetail
	err = p.histories.of(r.Context(), arn, func(h *view.History) error {
		o := h.Operation(r.URL.Query().Get("id"))
		if o == nil {
			return refusal{http.StatusNotFound, "there is no such operation"}
		}
		out = detailOf(o, longText)
		return nil
	})
	return out, err
}

// payload returns a whole payload, as text: of an execution, or of one of its operations.
func (p *Page) payload(r *http.Request) (any, error) {
	arn, err := arn(r)
	if err != nil {
		return nil, err
	}
	of, id := r.URL.Query().Get("of"), r.URL.Query().Get("id")
	var text *string
	if id == "" {
		e, err := p.Source.Execution(r.Context(), arn)
		if err != nil {
			return nil, err
		}
		text = e.Result
		if of == "input" {
			text = e.Input
		}
	} else if err := p.histories.of(r.Context(), arn, func(h *view.History) error {
		if o := h.Operation(id); o != nil {
			text = o.Result
			if of == "input" {
				text = o.Input
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if text == nil {
		return nil, refusal{http.StatusNotFound, "there is no such payload"}
	}
	return jsonText{Text: *text}, nil
}

// pageEvents is how many events an answer has.
const pageEvents = 1000

// history returns events as the Lambda API has them, without those that are known.
func (p *Page) history(r *http.Request) (any, error) {
	arn, err := arn(r)
	if err != nil {
		return nil, err
	}
	known, err := after(r)
	if err != nil {
		return nil, err
	}
	events, err := p.Source.Events(r.Context(), arn, known)
	if err != nil {
		return nil, err
	}
	more := len(events) > pageEvents
	if more {
		events = events[:pageEvents]
	}
	return struct {
		Events []jsonEvent `json:"events"`
		More   bool        `json:"more,omitempty"`
	}{eventsOf(events), more}, nil
}

// jsonEvent is an event in the history.
type jsonEvent struct {
	ID        int    `json:"id"`
	Time      int64  `json:"time"`
	Type      string `json:"type"`
	Operation string `json:"operation,omitempty"`
	Name      string `json:"name,omitempty"`
	About     string `json:"about,omitempty"`
	Failed    bool   `json:"failed,omitempty"`
}

func eventsOf(events []local.Event) []jsonEvent {
	out := make([]jsonEvent, len(events))
	for i := range events {
		e := &events[i]
		out[i] = jsonEvent{
			ID: e.ID, Time: milli(e.Time), Type: string(e.Type), Name: e.Name, About: cut(view.About(e), shortText), Failed: e.Failure != nil,
		}
		if !strings.HasPrefix(string(e.Type), "Execution") {
			out[i].Operation = e.OperationID
		}
	}
	return out
}

// logs returns what the function has written in an execution.
func (p *Page) logs(r *http.Request) (any, error) {
	arn, err := arn(r)
	if err != nil {
		return nil, err
	}
	out := struct {
		Lines []jsonLine `json:"lines"`
		Hint  string     `json:"hint,omitempty"`
	}{Lines: []jsonLine{}}
	if p.Written == nil {
		if p.Hint != nil {
			out.Hint = p.Hint(arn)
		}
		return out, nil
	}
	var requests map[string]bool
	err = p.histories.of(r.Context(), arn, func(h *view.History) error {
		requests = requestsOf(h)
		return nil
	})
	for _, l := range p.Written(arn, requests) {
		out.Lines = append(out.Lines, jsonLine{l, milli(l.Time)})
	}
	return out, err
}

// requestsOf returns the request IDs of the invocations that have ended.
func requestsOf(h *view.History) map[string]bool {
	requests := make(map[string]bool, len(h.Ended))
	for i := range h.Ended {
		requests[h.Ended[i].RequestID] = true
	}
	return requests
}

// cutAt says in which lines of code bodies were when their invocations timed out, if that was
// logged and the logs are known.
func (p *Page) cutAt(arn string, h *view.History) string {
	if p.Written == nil || !h.TimedOut() {
		return ""
	}
	var lines []string
	for _, l := range p.Written(arn, requestsOf(h)) {
		lines = append(lines, l.Text)
	}
	return view.WhereCutOff(lines)
}

type jsonLine struct {
	Line

	At int64 `json:"time"`
}
