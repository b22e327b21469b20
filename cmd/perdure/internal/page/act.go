package page

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/perdure/perdure/checkpoint"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// mostBody is how long a request may be: the longest input, in JSON.
const mostBody = 16 << 20

// tokenHeader is the header that actions need. A browser sends it for no form, and for another page
// only if this server allowed that.
const tokenHeader = "X-Perdure-Token" //nolint:gosec // a name

// order is what the page asks to be done.
type order struct {
	Action    string `json:"action"`
	ARN       string `json:"arn"`
	Callback  string `json:"callback"`
	Operation string `json:"operation"`
	Function  string `json:"function"`
	Name      string `json:"name"`
	Reason    string `json:"reason"`
	// Text is a result or an input as it is to be sent; nil for none.
	Text  *string    `json:"text"`
	Error *jsonError `json:"error"`
	// By is how much time is skipped, as Go writes it; empty for all of a wait.
	By string `json:"by"`
}

func (o *order) failure() checkpoint.Failure {
	if o.Error == nil {
		return checkpoint.Failure{}
	}
	return checkpoint.Failure{Type: o.Error.Type, Message: o.Error.Message, Data: o.Error.Data}
}

// bytes returns the text of the order, nil for none.
func (o *order) bytes() []byte {
	if o.Text == nil {
		return nil
	}
	return []byte(*o.Text)
}

// action is something that can be done.
type action struct {
	name    string
	offered func(*Actions) bool
	// needs are the members of the order that are not empty.
	needs func(*order) bool
	do    func(context.Context, *Actions, *order) (started string, err error)
}

func actions() []action {
	execution := func(o *order) bool { return o.ARN != "" }
	callback := func(o *order) bool { return o.Callback != "" }
	return []action{
		{"succeed", func(a *Actions) bool { return a.Succeed != nil }, callback, func(ctx context.Context, a *Actions, o *order) (string, error) {
			return "", a.Succeed(ctx, o.Callback, o.bytes())
		}},
		{"fail", func(a *Actions) bool { return a.Fail != nil }, callback, func(ctx context.Context, a *Actions, o *order) (string, error) {
			return "", a.Fail(ctx, o.Callback, o.failure())
		}},
		{"heartbeat", func(a *Actions) bool { return a.Heartbeat != nil }, callback, func(ctx context.Context, a *Actions, o *order) (string, error) {
			return "", a.Heartbeat(ctx, o.Callback)
		}},
		{"pause", func(a *Actions) bool { return a.Pause != nil }, execution, func(ctx context.Context, a *Actions, o *order) (string, error) {
			return "", a.Pause(ctx, o.ARN, o.Reason)
		}},
		{"resume", func(a *Actions) bool { return a.Resume != nil }, execution, func(ctx context.Context, a *Actions, o *order) (string, error) {
			return "", a.Resume(ctx, o.ARN, o.Reason)
		}},
		{"stop", func(a *Actions) bool { return a.Stop != nil }, execution, func(ctx context.Context, a *Actions, o *order) (string, error) {
			return "", a.Stop(ctx, o.ARN, o.failure())
		}},
		{"skip", func(a *Actions) bool { return a.Skip != nil }, execution, skip},
		{"redrive", func(a *Actions) bool { return a.Redrive != nil }, execution, func(ctx context.Context, a *Actions, o *order) (string, error) {
			return a.Redrive(ctx, o.ARN, o.Name)
		}},
		{
			"fork", func(a *Actions) bool { return a.Fork != nil }, func(o *order) bool { return o.ARN != "" && o.Operation != "" },
			func(ctx context.Context, a *Actions, o *order) (string, error) {
				return a.Fork(ctx, o.ARN, o.Operation, o.Name)
			},
		},
		{
			"start", func(a *Actions) bool { return a.Start != nil }, func(o *order) bool { return o.Function != "" },
			func(ctx context.Context, a *Actions, o *order) (string, error) {
				return a.Start(ctx, o.Function, o.Name, o.bytes())
			},
		},
	}
}

func skip(ctx context.Context, a *Actions, o *order) (string, error) {
	var by time.Duration
	if o.By != "" {
		var err error
		if by, err = view.ParseSpan(o.By); err != nil || by <= 0 {
			return "", badRequest("the time to skip is a duration such as 24h, 90m or 3d, not " + o.By)
		}
	}
	if by == 0 && o.Operation == "" {
		return "", badRequest("say which operation to skip, or how much time")
	}
	return "", a.Skip(ctx, o.ARN, o.Operation, by)
}

// offered returns the names of what can be done.
func (p *Page) offered() []string {
	names := []string{}
	for _, a := range actions() {
		if a.offered(&p.Actions) {
			names = append(names, a.name)
		}
	}
	return names
}

// ordered returns the body of a request for an action: of the page that has its token, and of no
// one else. It has answered if ok is false.
func (p *Page) ordered(w http.ResponseWriter, r *http.Request) (text []byte, ok bool) {
	switch {
	case !p.hasCookie(r) || !same(r.Header.Get(tokenHeader), p.token):
		refuse(w, http.StatusUnauthorized, "the page was opened before perdure was started again: load it once more")
		return nil, false
	case r.Header.Get("Content-Type") != "application/json":
		refuse(w, http.StatusUnsupportedMediaType, "an action is sent as application/json")
		return nil, false
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		refuse(w, http.StatusBadRequest, "the action cannot be read: "+err.Error())
		return nil, false
	}
	return text, true
}

// act does something.
func (p *Page) act(w http.ResponseWriter, r *http.Request) {
	text, ok := p.ordered(w, r)
	if !ok {
		return
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		refuse(w, http.StatusBadRequest, "the action cannot be read: "+err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), mostTime)
	defer cancel()
	started, err := p.do(ctx, &o)
	if err != nil {
		if !is[refusal](err) && !errors.Is(err, ErrNotFound) {
			err = refusal{http.StatusConflict, err.Error()} // the service does not do it as things are
		}
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"started": started})
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func (p *Page) do(ctx context.Context, o *order) (started string, err error) {
	for _, a := range actions() {
		switch {
		case a.name != o.Action:
		case !a.offered(&p.Actions):
			return "", badRequest(o.Action + " cannot be done here")
		case !a.needs(o):
			return "", badRequest(o.Action + " does not say of what")
		default:
			return a.do(ctx, &p.Actions, o)
		}
	}
	return "", badRequest("there is no action " + o.Action)
}
