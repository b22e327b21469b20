package page

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// Opener opens, in place, what the events of an operation hold, or with an empty ID those of the
// execution itself. It is given all events of the execution, and returns why something stays
// closed.
type Opener func(ctx context.Context, arn string, events []local.Event, operation string) (closed []string)

// jsonOpened is what an operation, or an execution, holds, opened.
type jsonOpened struct {
	jsonDetail

	// Why says of each payload that stays closed why it does.
	Why []string `json:"why,omitempty"`
}

// open returns what an operation, or an execution, holds, opened: to the page that has the token,
// as for an action. Nothing is kept of it.
func (p *Page) open(w http.ResponseWriter, r *http.Request) {
	var o struct {
		ARN string `json:"arn"`
		ID  string `json:"id"`
	}
	text, ok := p.ordered(w, r)
	if !ok {
		return
	}
	err := json.Unmarshal(text, &o)
	switch {
	case p.Open == nil:
		refuse(w, http.StatusBadRequest, "perdure was started without keys: give it --keyring, --objects or --unpack")
		return
	case err != nil || o.ARN == "":
		refuse(w, http.StatusBadRequest, "say what to open: arn, and id of an operation")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), mostTime)
	defer cancel()
	out, err := p.opened(ctx, o.ARN, o.ID)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

func (p *Page) opened(ctx context.Context, arn, id string) (*jsonOpened, error) {
	events, err := p.Source.Events(ctx, arn, 0)
	if err != nil {
		return nil, err
	}
	events = slices.Clone(events)
	why := p.Open(ctx, arn, events, id)
	if id == "" {
		return &jsonOpened{jsonDetail: *endsOf(events), Why: why}, nil
	}
	o := view.Read(events).Operation(id)
	if o == nil {
		return nil, refusal{http.StatusNotFound, "there is no such operation"}
	}
	return &jsonOpened{*detailOf(o, math.MaxInt), why}, nil
}

// endsOf returns what an execution was given, and how it has ended.
func endsOf(events []local.Event) *jsonDetail {
	d := &jsonDetail{}
	for i := range events {
		e := &events[i]
		if !strings.HasPrefix(string(e.Type), "Execution") {
			continue
		}
		for p, text := range map[**jsonText][]byte{&d.Input: e.Input.Bytes(), &d.Result: e.Result.Bytes()} {
			if text != nil {
				*p = &jsonText{Text: string(text)}
			}
		}
		if e.Failure != nil {
			d.Error = errorOf(e.Failure)
		}
	}
	return d
}

// isClosed reports whether a payload, or what it holds, went through transforms of a codec.Chain.
func isClosed(texts ...*string) bool {
	return slices.ContainsFunc(texts, func(text *string) bool {
		return text != nil && strings.Contains(*text, "~perdure1:")
	})
}

// hasClosed reports whether something of what is shown of an operation is closed.
func (d *jsonDetail) hasClosed() bool {
	texts := []*string{}
	for _, t := range []*jsonText{d.Input, d.Result} {
		if t != nil {
			texts = append(texts, &t.Text)
		}
	}
	errs := []*jsonError{d.Error, d.Cut}
	for i := range d.Attempts {
		errs = append(errs, d.Attempts[i].Error)
	}
	for _, e := range errs {
		if e != nil {
			texts = append(texts, &e.Data)
		}
	}
	return isClosed(texts...)
}
