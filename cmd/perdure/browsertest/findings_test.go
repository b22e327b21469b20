package browsertest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/cmd/perdure/internal/page"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// head returns what is said of the execution, in a line.
func (b *tab) head() string { return strings.Join(strings.Fields(b.text(".execution > .head")), " ") }

// TestPausedAgain: an execution that is resumed under code that still does not fit is not said to
// go on, and the banner of a divergence is short.
func TestPausedAgain(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	step := func(name string) op.Op[int] {
		return op.Step(name, func(context.Context) (int, error) { return 1, nil })
	}
	loan := func(names ...string) local.Handler {
		return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			for _, name := range names {
				if err := replay.Exec(ctx, step(name)); err != nil {
					return op.None{}, err
				}
			}
			return op.None{}, replay.Exec(ctx, op.Wait("cool-off", time.Hour))
		}, replay.WithDivergence(replay.DivergenceHold))
	}
	if err := s.service.Host("loan", loan("charge-card")); err != nil {
		t.Fatal(err)
	}
	arn := s.start("loan", "L-1", "null")
	s.advance(time.Minute)
	if err := s.service.Host("loan", loan("check-fraud", "charge-card")); err != nil {
		t.Fatal(err)
	}
	s.advance(2 * time.Hour)
	b := newTab(t, 1280, 720)
	b.open(s.address(arn, ""), ".waiting.paused")
	for _, want := range []string{"Paused", "an operation was inserted", `recorded Step "charge-card"`, `code now Step "check-fraud"`, "The reason as it was given", `declare the change: op.`, "before that a resume pauses it again"} {
		if got := b.head(); !strings.Contains(got, want) {
			t.Errorf("it does not say %q: %s", want, got)
		}
	}
	if high := js[float64](b, `document.querySelector('.waiting.paused').clientHeight`); high > 110 {
		t.Errorf("the banner is %v pixels high", high)
	}
	s.clock.Advance(time.Minute)
	b.await(`document.querySelector('.title .actions button')`, "the buttons")
	if strong := b.text(".title .actions .strong"); strong != "" {
		t.Errorf("the page recommends %q, which has it paused again", strong)
	}
	b.click("Resume…")
	b.click("Resume it")
	b.await(`document.querySelector('#said').innerText.startsWith('It is resumed.')`, "it is resumed")
	s.settle()
	b.await(`document.querySelector('#said').innerText.startsWith('It was paused again at once: the code is not the code')`, "it says that it is paused again")
	b.quiet()
}

// TestRedrivenIsOnItsOwn: an execution that was made of one whose invocations have failed counts
// its own, says where it is from, and is found from there; the old one has nothing that goes on.
func TestRedrivenIsOnItsOwn(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	if err := s.service.Host("import", local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("out of memory") })); err != nil {
		t.Fatal(err)
	}
	s.start("import", "I-1", "1")
	s.advance(time.Hour)
	b := newTab(t, 1280, 720)
	b.open(s.url+"/", ".executions .row[data-index]")
	b.await(`document.querySelector('.executions .why')?.innerText.includes('out of memory')`, "the list says why it has failed")
	js[any](b, `document.querySelector('.executions .row[data-index]').click(); 0`)
	b.await(`document.querySelector('.title .actions button')`, "the buttons")
	b.click("Redrive…")
	b.await(`document.querySelector('dialog').innerText.includes('The new one has nine attempts of its own. If neither code nor function was mended, it fails again.')`, "it says so")
	b.click("Redrive it")
	b.await(`document.querySelector('h1').innerText === 'I-1-redrive-1'`, "the new one is shown")
	s.settle()
	b.await(`document.querySelector('.waiting.failing')?.innerText.includes('Failed invocation 1 of 9')`, "it counts its own")
	if got := b.head(); !strings.Contains(got, "1 invocation, 1 failed, after 9 of I-1") || !strings.Contains(got, "made of I-1") {
		t.Errorf("it says %s", got)
	}
	js[any](b, `document.querySelector('.chain a').click(); 0`)
	b.await(`document.querySelector('h1').innerText === 'I-1' && document.querySelector('.chain')?.innerText.includes('made of it: I-1-redrive-1')`, "the old one names it")
	b.quiet()
}

// TestWhatHasEndedDoesNotGoOn: an operation that the end has cut off is red, and what someone has
// stopped is not said to have failed.
func TestWhatHasEndedDoesNotGoOn(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	store := local.NewMemoryStore()
	h := ago(time.Hour).step(local.EventStepStarted, "render", nil, 0).after(time.Minute).ends(local.EventExecutionStopped, because("", "not needed"))
	arn := keep(t, store, "S-1", local.StatusStopped, begin.Add(23*time.Hour), h.events)
	b := newTab(t, 1280, 720)
	b.open(show(t, store)+"/#/execution/"+escaped(arn), ".tree .row[data-index]")
	if got := b.text(".tree .row[data-index] .status"); got != "CUT OFF" {
		t.Errorf("the step is %s", got)
	}
	red, failed := js[string](b, `getComputedStyle(document.querySelector('.tree .row[data-index] .status')).color`), js[string](b, `getComputedStyle(document.querySelector('.title .status')).color`)
	if red != failed {
		t.Errorf("it has the color %s, want %s", red, failed)
	}
	if got := b.head(); !strings.Contains(got, "It was stopped by hand") || !strings.Contains(got, `"render" ran then`) || strings.Contains(got, "Look at the operation that failed") {
		t.Errorf("it says %s", got)
	}
	b.row("render")
	b.await(`document.querySelector('.detail .cut-off')?.innerText.includes('its effect may have happened')`, "the operation says so")
	if n := js[float64](b, `document.querySelectorAll('.detail .actions button').length`); n > 0 {
		t.Errorf("it offers %v actions", n)
	}
	b.click("Timeline")
	b.await(`document.querySelector('.timeline .bar.attempt.broken.cut')`, "the bar is cut off")
	b.quiet()
}

// TestPoison: an input that does not fit is to be changed; a redrive has the same one.
func TestPoison(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	arn := s.start("report", "R-1", `"seven"`)
	s.advance(time.Minute)
	b := newTab(t, 1280, 720)
	b.open(s.address(arn, ""), ".title .status")
	b.await(`document.querySelector('.title .actions button')`, "the buttons")
	if got := b.head(); !strings.Contains(got, "a redrive has the same input, and fails again") || strings.Contains(got, "Redrive…") {
		t.Errorf("it says %s", got)
	}
	b.click("Start with another input…")
	b.await(`document.querySelector('dialog textarea').value === '"seven"'`, "the input is there")
	b.click("Start it")
	b.await(`document.querySelector('dialog [role=alert]').innerText.includes('change it first')`, "the same input is refused")
	js[any](b, `document.querySelector('dialog textarea').value = '2'; 0`)
	b.do(chromedp.SendKeys(chromedp.CSS("dialog input"), "R-2"))
	b.click("Start it")
	b.await(`document.querySelector('h1').innerText === 'R-2'`, "the new one is shown")
	b.quiet()
}

// TestPanicWithoutStack: it says how to get one.
func TestPanicWithoutStack(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	if err := s.service.Host("total", replay.Handler(func(ctx op.Context, n int) (int, error) {
		return replay.Run(ctx, op.Step("sum", func(context.Context) (int, error) { return []int{1}[n], nil }, op.WithRetry(retry.Never())))
	})); err != nil {
		t.Fatal(err)
	}
	arn := s.start("total", "T-1", "3")
	s.advance(time.Minute)
	b := newTab(t, 1280, 720)
	b.open(s.address(arn, ""), ".tree .row[data-index]")
	b.row("sum")
	b.await(`document.querySelector('.detail .no-stack')?.innerText.includes('replay.WithStackTraces()')`, "it says how to get a stack")
	b.quiet()
}

// TestServiceGoesAndComes: a page whose server is gone says so, and goes on with the next one.
func TestServiceGoesAndComes(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	store := local.NewMemoryStore()
	keep(t, store, "A-1", local.StatusRunning, begin, ago(time.Hour).events)
	var gone atomic.Bool
	var now atomic.Pointer[page.Page]
	start := func() { now.Store(page.New(page.Options{Source: page.FromStore(store), Every: 50 * time.Millisecond})) }
	start()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		now.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b := newTab(t, 1280, 720)
	b.open(server.URL+"/", ".executions .row[data-index]")
	b.await(`document.querySelector('#live').dataset.state === 'live'`, "it is live")
	gone.Store(true)
	server.CloseClientConnections()
	b.await(`!document.querySelector('#down').hidden && document.querySelector('#down').innerText.includes('Nothing answers at `+server.URL+`. Start perdure again')`, "it says what to do")
	start() // with another cookie and another token
	gone.Store(false)
	b.await(`document.querySelector('#down').hidden && document.querySelector('#live').dataset.state === 'live'`, "it goes on by itself")
	keep(t, store, "A-2", local.StatusRunning, begin.Add(time.Hour), ago(time.Hour).events)
	b.await(`[...document.querySelectorAll('.executions .name')].some((n) => n.innerText === 'A-2')`, "what is new is shown")
}

// failing is a source whose service does not answer.
type failing struct{ page.Source }

func (failing) List(context.Context, page.Query) ([]page.Execution, string, error) {
	return nil, "", errors.New("no answer at http://127.0.0.1:9090: start perdure dev")
}

// TestServiceBehindIsDown: perdure ui is there, and the service that it shows is not.
func TestServiceBehindIsDown(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	server := httptest.NewServer(page.New(page.Options{Source: failing{page.FromStore(local.NewMemoryStore())}, Every: 50 * time.Millisecond}))
	t.Cleanup(server.Close)
	b := newTab(t, 1280, 720)
	b.open(server.URL+"/", ".list")
	b.await(`document.querySelector('#down').innerText.includes('no answer at http://127.0.0.1:9090: start perdure dev')`, "it says what is not there")
	if got := b.text(".list .empty"); strings.Contains(got, "There are no executions yet") {
		t.Errorf("the list says %q", got)
	}
}

// TestUnknownExecution: an address of an execution that there is not says so, and leads on.
func TestUnknownExecution(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	b := newTab(t, 1280, 720)
	b.open(show(t, local.NewMemoryStore())+"/#/execution/"+escaped(function+"/durable-execution/A-1/0"), ".error-line")
	if got := b.head(); !strings.Contains(got, "There is no such execution") || !strings.Contains(got, "All executions") || !strings.Contains(got, "was deleted") {
		t.Errorf("it says %s", got)
	}
	if js[bool](b, `document.querySelector('.tabs').checkVisibility()`) {
		t.Error("it has tabs of nothing")
	}
}

// TestReasonsAreSearched: an execution is found by what it waits for.
func TestReasonsAreSearched(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	store := local.NewMemoryStore()
	for i := range 300 {
		h := ago(time.Hour)
		if i == 7 { // it is not seen
			h.add(local.Event{Type: local.EventCallbackStarted, OperationID: "c", Name: "approval", CallbackID: "cb"})
		}
		keep(t, store, fmt.Sprintf("A-%d", i), local.StatusRunning, begin.Add(time.Duration(i)*time.Second), h.events)
	}
	b := newTab(t, 1280, 720)
	b.open(show(t, store)+"/", ".executions .row[data-index]")
	b.await(`document.querySelector('.executions .why')?.innerText === 'waits for its function to be invoked'`, "a row says what it waits for")
	js[any](b, `document.querySelector('.list input').focus(); 0`)
	b.do(chromedp.KeyEvent("approval"))
	b.await(`document.querySelector('.count').innerText === '1 of 300'`, "it is found")
	if got := b.text(".executions .row[data-index] .why"); got != `waits for callback "approval"` {
		t.Errorf("it waits for %q", got)
	}
	b.quiet()
}

// TestAnsweringACallback: the dialog has an earlier answer to begin with, and sends nothing that is
// no JSON.
func TestAnsweringACallback(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	ask := replay.Handler(func(ctx op.Context, _ op.None) (map[string]bool, error) {
		return replay.Run(ctx, op.WaitForCallback[map[string]bool]("approval", func(context.Context, string) error { return nil }))
	})
	if err := s.service.Host("refund", ask); err != nil {
		t.Fatal(err)
	}
	s.start("refund", "A-0", "null")
	s.settle()
	answer := func(arn, text string) {
		e, _ := s.service.Execution(arn)
		for _, ev := range e.History() {
			if ev.CallbackID != "" {
				if err := s.service.CompleteCallback(ev.CallbackID, []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	answer(s.service.Executions()[0].ARN(), `{"approved":true}`)
	s.settle()
	s.clock.Advance(time.Minute)
	arn := s.start("refund", "A-1", "null")
	s.settle()
	b := newTab(t, 1280, 720)
	b.open(s.address(arn, ""), ".tree .row[data-index]")
	b.row("approval-callback")
	b.await(`document.querySelector('.detail .actions .strong')`, "the buttons")
	b.click("Complete…")
	b.await(`document.querySelector('dialog .earlier pre')?.innerText === '{"approved":true}'`, "an earlier answer")
	b.shot("page-complete.png")
	js[any](b, `document.querySelector('dialog textarea').value = '{approved: true}'; 0`)
	b.click("Complete it")
	b.await(`document.querySelector('dialog [role=alert]').innerText.includes('Nothing was sent')`, "what is no JSON is refused")
	b.click("Use this answer")
	b.click("Complete it")
	b.await(`!document.querySelector('dialog')`, "the dialog closes")
	s.settle()
	b.await(`document.querySelector('.title .status').innerText === 'SUCCEEDED'`, "it has ended")
	b.quiet()
}

// TestAboutToBePaused: an execution whose invocation runs is not paused yet, and the page says when
// the next invocation is of none that is held.
func TestAboutToBePaused(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	store := local.NewMemoryStore()
	h := ago(time.Minute).step(local.EventStepStarted, "call-bank", nil, 0)
	arn := keep(t, store, "P-1", local.StatusPausing, begin, h.events)
	kept, err := store.Load(arn)
	if err != nil {
		t.Fatal(err)
	}
	kept.Execution.Pause = local.Pause{Requested: h.now, Reason: "being mended"}
	if err := store.Commit(local.Transition{Execution: kept.Execution}); err != nil {
		t.Fatal(err)
	}
	failing := ago(time.Minute).invocation(time.Second, because("T", "m")).add(local.Event{Type: local.EventExecutionPaused, Reason: "x"})
	held := keep(t, store, "P-2", local.StatusPaused, begin, failing.events)
	if kept, err = store.Load(held); err != nil {
		t.Fatal(err)
	}
	kept.Execution.Pause = local.Pause{Requested: failing.now, At: failing.now, Reason: "x"}
	if err := store.Commit(local.Transition{Execution: kept.Execution}); err != nil {
		t.Fatal(err)
	}
	server := show(t, store)
	b := newTab(t, 1280, 720)
	b.open(server+"/#/execution/"+escaped(arn), ".waiting.paused")
	if got := b.head(); !strings.Contains(got, "About to be paused") || !strings.Contains(got, "when the invocation that runs has ended: being mended") ||
		!strings.Contains(got, `The body of step "call-bank" has run`) {
		t.Errorf("it says %s", got)
	}
	b.open(server+"/#/execution/"+escaped(held), ".waiting.failing")
	if got := b.head(); !strings.Contains(got, "The next one comes when it is resumed") || strings.Contains(got, "The next one comes in") {
		t.Errorf("it says %s", got)
	}
	b.quiet()
}
