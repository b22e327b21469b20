package page

import (
	"net/http"
	"strings"
	"unicode/utf8"
)

// The form that starts an execution is offered the inputs of that many of the last executions of
// the function, if they are no longer than that.
const (
	lastInputs = 8
	longInput  = 64 << 10
)

// jsonInput is the input of an execution.
type jsonInput struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// inputs returns the last inputs of a function, each once.
func (p *Page) inputs(r *http.Request) (any, error) {
	function, _, _ := strings.Cut(r.URL.Query().Get("function"), ":")
	if function == "" {
		return nil, badRequest("function is missing")
	}
	found, _, err := p.Source.List(r.Context(), Query{Function: function, Limit: lastInputs})
	if err != nil {
		return nil, err
	}
	out := struct {
		Inputs []jsonInput `json:"inputs"`
	}{[]jsonInput{}}
	seen := make(map[string]bool)
	for i := range found {
		e, err := p.Source.Execution(r.Context(), found[i].ARN)
		if err != nil {
			return nil, err
		}
		if e.Input == nil || seen[*e.Input] || len(*e.Input) > longInput || !utf8.ValidString(*e.Input) {
			continue
		}
		seen[*e.Input] = true
		out.Inputs = append(out.Inputs, jsonInput{e.Name, *e.Input})
	}
	return out, nil
}
