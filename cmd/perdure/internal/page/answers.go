package page

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// Earlier answers to a callback are looked for in that many of the last executions of the function,
// and no answer that is longer is offered.
const (
	lastAnswers = 5
	longAnswer  = 4 << 10
)

// jsonAnswer is a result that a callback has had in another execution.
type jsonAnswer struct {
	Name string `json:"name"` // of the execution
	Text string `json:"text"`
	// Plain says that it is no JSON: it was sent as it stands.
	Plain bool `json:"plain,omitempty"`
}

// answers returns what a callback of that name was answered with in an earlier execution of the
// function: no record has the type of a callback, and an answer that was taken is an example of it.
func (p *Page) answers(r *http.Request) (any, error) {
	arn, err := arn(r)
	if err != nil {
		return nil, err
	}
	out := struct {
		Answers []jsonAnswer `json:"answers"`
	}{[]jsonAnswer{}}
	name := ""
	if err := p.histories.of(r.Context(), arn, func(h *view.History) error {
		o := h.Operation(r.URL.Query().Get("id"))
		if o == nil || o.Kind != "callback" {
			return refusal{http.StatusNotFound, "there is no such callback"}
		}
		name = o.Path()
		return nil
	}); err != nil {
		return nil, err
	}
	e, err := p.Source.Execution(r.Context(), arn)
	if err != nil {
		return nil, err
	}
	found, _, err := p.Source.List(r.Context(), Query{Function: nameOf(e.Function), Limit: pageItems})
	if err != nil {
		return nil, err
	}
	read := 0
	for i := range found {
		if f := &found[i]; read < lastAnswers && f.ARN != arn && f.Status == "SUCCEEDED" {
			read++
			if a, ok := p.answerIn(r.Context(), f, name); ok {
				out.Answers = append(out.Answers, a)
				break
			}
		}
	}
	return out, nil
}

// answerIn returns what a callback was answered with in an execution.
func (p *Page) answerIn(ctx context.Context, e *Execution, path string) (jsonAnswer, bool) {
	events, err := p.Source.Events(ctx, e.ARN, 0)
	if err != nil {
		return jsonAnswer{}, false // it is an example, and there are others
	}
	for _, o := range view.Read(events).All {
		if o.Kind == "callback" && o.Path() == path && o.Result != nil && len(*o.Result) <= longAnswer && !isClosed(o.Result) {
			return jsonAnswer{e.Name, *o.Result, !json.Valid([]byte(*o.Result))}, true
		}
	}
	return jsonAnswer{}, false
}
