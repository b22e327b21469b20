package browsertest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/cmd/perdure/internal/page"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// asking is an execution of each kind that has a dialog or a banner of its own.
type asking struct {
	order, tried, waits, failed, paused, held, poisoned, failing, cut string
}

// asking brings executions to where something can be done.
func (s *site) asking() (a asking) {
	s.t.Helper()
	answered := s.start("order", "A-0", `{"id":"A-0","items":["hat"]}`)
	a.order, a.failed = s.story()
	e, _ := s.service.Execution(answered)
	for _, o := range e.Operations() {
		if o.CallbackID != "" && !o.Status.Terminal() {
			if err := s.service.CompleteCallback(o.CallbackID, []byte("Ann")); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	s.settle()
	for _, e := range s.service.Executions() {
		if e.Name() == "A-2" {
			a.paused = e.ARN()
		}
	}
	loan := func(names ...string) local.Handler {
		return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			for _, name := range names {
				if err := replay.Exec(ctx, op.Step(name, func(context.Context) (int, error) { return 1, nil })); err != nil {
					return op.None{}, err
				}
			}
			return op.None{}, replay.Exec(ctx, op.Wait("cool-off", time.Hour))
		}, replay.WithDivergence(replay.DivergenceHold))
	}
	host := func(name string, h local.Handler) {
		if err := s.service.Host(name, h); err != nil {
			s.t.Fatal(err)
		}
	}
	host("loan", loan("charge-card"))
	a.held = s.start("loan", "L-1", "null")
	s.advance(time.Minute)
	host("loan", loan("check-fraud", "charge-card"))
	s.advance(2 * time.Hour)
	a.poisoned = s.start("report", "R-1", `"seven"`)
	host("shop", replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		return replay.Run(ctx, op.Step("charge", func(context.Context) (int, error) { return 0, op.ErrInterrupted }, atMostOnce))
	}))
	a.cut = s.start("shop", "C-1", "null")
	a.waits = s.start("order", "W-1", `{"id":"W-1","items":[]}`)
	s.advance(time.Hour)
	a.tried = s.start("order", "T-1", `{"id":"T-1","items":["tie"]}`)
	s.advance(time.Hour)
	host("import", local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("out of memory") }))
	a.failing = s.start("import", "I-1", "1")
	s.settle()
	return a
}

// TestAxeDialogs: axe-core finds nothing on any dialog and on any banner, in light and in dark.
func TestAxeDialogs(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	a := s.asking()
	b := newTab(t, 1280, 720)
	source := axe(t)
	const dialog, buttons = "dialog[open]", ".title .actions button"
	views := []struct {
		name, address, row string
		clicks             []string
		shows              string // what is looked at
	}{
		{name: "complete a callback, with an earlier answer", address: s.address(a.order, ""), row: "collected-callback", clicks: []string{"Complete…"}, shows: dialog + " .earlier pre"},
		{
			name: "a result is refused", address: s.address(a.order, ""), row: "collected-callback",
			clicks: []string{"Complete…", "Complete it"}, shows: dialog + " [role=alert]:not(:empty)",
		},
		{name: "fail a callback", address: s.address(a.order, ""), row: "collected-callback", clicks: []string{"Fail…"}, shows: dialog},
		{name: "fork", address: s.address(a.order, ""), row: "cool-off", clicks: []string{"Fork before it…"}, shows: dialog},
		{name: "pause", address: s.address(a.order, ""), clicks: []string{"Pause…"}, shows: dialog},
		{name: "stop", address: s.address(a.order, ""), clicks: []string{"Stop…"}, shows: dialog},
		{name: "skip time", address: s.address(a.order, ""), clicks: []string{"Skip time…"}, shows: dialog},
		{name: "skip a wait", address: s.address(a.waits, ""), row: "cool-off", clicks: []string{"Skip the wait…"}, shows: dialog},
		{name: "try again now", address: s.address(a.tried, ""), row: "pack", clicks: []string{"Try again now…"}, shows: dialog},
		{name: "start again", address: s.address(a.failed, ""), clicks: []string{"Start again…"}, shows: dialog + " select:not([hidden])"},
		{name: "start with another input", address: s.address(a.poisoned, ""), clicks: []string{"Start with another input…"}, shows: dialog},
		{name: "redrive", address: s.address(a.failed, ""), clicks: []string{"Redrive…"}, shows: dialog},
		{name: "redrive what was interrupted", address: s.address(a.cut, ""), clicks: []string{"Redrive…", "Redrive it"}, shows: dialog + " [role=alert]:not(:empty)"},
		{name: "resume", address: s.address(a.paused, ""), clicks: []string{"Resume…"}, shows: dialog},
		{name: "the banner of a pause", address: s.address(a.paused, ""), shows: ".waiting.paused"},
		{name: "the banner of a divergence", address: s.address(a.held, ""), shows: ".waiting.paused details"},
		{name: "the banner of failed invocations", address: s.address(a.failing, ""), shows: ".waiting.failing"},
		{name: "no such execution", address: s.address("arn:none", ""), shows: "h1"},
	}
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, v := range views {
			b.open(v.address, "h1")
			if v.row != "" {
				b.row(v.row)
				b.await(`document.querySelector('.detail h2')`, v.name)
			} else if len(v.clicks) > 0 {
				b.await(`document.querySelector('`+buttons+`')`, v.name)
			}
			for _, text := range v.clicks {
				b.press(text)
			}
			b.await(`document.querySelector('`+v.shows+`')`, v.name)
			js[any](b, `document.querySelectorAll('details').forEach((d) => { d.open = true; }); 0`)
			b.judge(source, v.name+", "+scheme)
		}
		b.open(s.url+"/", ".executions .row[data-index]")
		b.await(`document.querySelector('.list input')`, "the search")
		js[any](b, `{ const i = document.querySelector('.list input'); i.value = 'no such name'; i.dispatchEvent(new Event('input', { bubbles: true })); } 0`)
		b.await(`document.body.innerText.includes('No execution matches')`, "nothing is found")
		b.judge(source, "a list of nothing, "+scheme)
	}
}

// press clicks on the button with a text at once: the page may draw it again meanwhile.
func (b *tab) press(text string) {
	b.t.Helper()
	found := fmt.Sprintf(`[...document.querySelectorAll('button')].find((b) => b.innerText === %q)`, text)
	b.await(found, "the button "+text)
	js[any](b, found+`.click(); 0`)
}

// TestAxeOfWhatIsClosed: nor on an execution with sealed payloads, and a page whose server is gone.
func TestAxeOfWhatIsClosed(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	store, sealed := local.NewMemoryStore(), checkpoint.TextPayload(`"~perdure1:seal:bAAAA"`)
	arn := keep(t, store, "S-1", local.StatusRunning, begin, []local.Event{
		{Type: local.EventExecutionStarted, Time: begin, Input: sealed},
		{Type: local.EventStepStarted, Time: begin, OperationID: "s1", Name: "charge"},
		{Type: local.EventStepSucceeded, Time: begin.Add(time.Second), OperationID: "s1", Name: "charge", Result: sealed},
	})
	server := httptest.NewServer(page.New(page.Options{
		Source: page.FromStore(store), Place: "this machine", Now: func() time.Time { return begin.Add(time.Minute) },
		Open: func(context.Context, string, []local.Event, string) []string {
			return []string{"the result stays closed: there is no key"}
		},
	}))
	t.Cleanup(server.Close)
	b := newTab(t, 1280, 720)
	source := axe(t)
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		b.open(server.URL+"/#/execution/"+escaped(arn), ".tree .row[data-index]")
		b.row("charge")
		b.await(`[...document.querySelectorAll('.detail button')].some((b) => b.innerText === 'Open payloads')`, "the button")
		js[any](b, `[...document.querySelectorAll('.detail button')].find((b) => b.innerText === 'Open payloads').click(); 0`)
		b.await(`document.body.innerText.includes('there is no key')`, "why it stays closed")
		b.judge(source, "sealed payloads, "+scheme)
	}
	server.CloseClientConnections()
	server.Close()
	b.await(`!document.querySelector('#down').hidden`, "it says that nothing answers")
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		b.judge(source, "not connected, "+scheme)
	}
}
