package browsertest_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

func escaped(arn string) string { return url.PathEscape(arn) }

// planted is what runs if anything reads it as HTML, or as a script.
const planted = `<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>"><svg onload=alert(1)>';window.pwned=3;//{{pwned}}`

// TestPlantedScripts: names, payloads, errors, reasons and logs are text, whatever they contain.
func TestPlantedScripts(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	store := local.NewMemoryStore()
	quoted, err := json.Marshal(planted)
	if err != nil {
		t.Fatal(err)
	}
	failure := &checkpoint.Failure{Type: planted, Message: planted, Data: planted, Stack: []string{planted}}
	text := checkpoint.TextPayload(string(quoted))
	arn := keep(t, store, planted, local.StatusRunning, begin, []local.Event{
		{Type: local.EventExecutionStarted, Time: begin, Input: text},
		{Type: local.EventContextStarted, Time: begin, OperationID: planted, Name: planted, SubType: planted},
		{Type: local.EventStepStarted, Time: begin, OperationID: "s", Name: planted, ParentID: planted, SubType: planted},
		{Type: local.EventStepFailed, Time: begin.Add(time.Second), OperationID: "s", Name: planted, ParentID: planted, Failure: failure, Attempt: 1},
		{Type: local.EventStepSucceeded, Time: begin.Add(time.Second), OperationID: "t", Name: planted, Result: text},
		{Type: local.EventCallbackStarted, Time: begin.Add(time.Second), OperationID: "c", Name: planted, CallbackID: planted},
		{Type: local.EventChainedInvokeStarted, Time: begin.Add(time.Second), OperationID: "i", Name: planted, Function: planted, Target: planted, Input: text},
		{Type: local.EventInvocationCompleted, Time: begin.Add(time.Second), Start: begin, End: begin.Add(time.Second), RequestID: planted, Failure: failure},
		{Type: local.EventExecutionPaused, Time: begin.Add(2 * time.Second), Reason: planted},
	})
	server := show(t, store)
	b := newTab(t, 1280, 720)
	b.open(server+"/", ".executions .row[data-index]")
	if got := b.text(".executions .name"); !strings.Contains(got, "<img src=x") {
		t.Errorf("the name is shown as %q", got)
	}
	address := server + "/#/execution/" + escaped(arn)
	b.open(address, ".tree .row[data-index]")
	for i := range 5 {
		js[any](b, `document.querySelectorAll('.tree .row[data-index]')[`+string(rune('0'+i))+`].click(); 0`)
		b.await(`document.querySelector('.detail h2')?.innerText.includes('<script>')`, "the operation")
		b.do(chromedp.Sleep(settled))
	}
	for _, view := range []string{"timeline", "invocations", "history", "logs"} {
		b.open(address+"?view="+view, ".panel > *")
		b.do(chromedp.Sleep(settled))
	}
	b.open(server+"/#/execution/"+escaped(planted)+"?view="+url.QueryEscape(planted)+"&op="+url.QueryEscape(planted), ".error-line")
	if got := js[any](b, `window.pwned ?? null`); got != nil {
		t.Errorf("what was planted has run: %v", got)
	}
	if n := js[float64](b, `document.querySelectorAll('main img, main script, main svg').length`); n > 0 {
		t.Errorf("%v elements were planted", n)
	}
	for _, trouble := range b.troubles {
		if !strings.Contains(trouble, "404") { // of the execution that there is not
			t.Errorf("the console: %s", trouble)
		}
	}
}

// TestAsksNoOtherServer: the page asks the server that it is from, and no other.
func TestAsksNoOtherServer(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	order, _ := s.story()
	b := newTab(t, 1280, 720)
	b.open(s.url+"/", ".executions .row[data-index]")
	b.open(s.address(order, "?view=timeline"), ".timeline .row[data-index]")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, asked := range b.asked {
		if !strings.HasPrefix(asked, s.url+"/") && asked != "about:blank" {
			t.Errorf("it has asked for %s", asked)
		}
	}
	if len(b.asked) < 10 {
		t.Errorf("it has asked for %q", b.asked)
	}
}

// TestLiveWithoutReload: what changes is shown, in the list and in an execution.
func TestLiveWithoutReload(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	b := newTab(t, 1280, 720)
	b.open(s.url+"/", ".empty")
	b.await(`document.querySelector('#live').dataset.state === 'live'`, "it is live")
	arn := s.start("order", "A-1", `{"id":"A-1","items":["hat"]}`)
	b.await(`document.querySelector('.executions .row[data-index]')?.innerText.includes('A-1')`, "the execution comes into the list")
	b.open(s.address(arn, ""), ".head h1")
	s.advance(time.Hour)
	b.await(`[...document.querySelectorAll('.tree .label')].some((l) => l.innerText === 'cool-off')`, "operations come into the tree")
	b.await(`document.querySelector('.waiting')?.innerText.includes('Waiting for wait "cool-off"')`, "it says what it waits for")
	s.advance(15 * 24 * time.Hour)
	b.await(`document.querySelector('.waiting')?.innerText.includes('collected-callback')`, "it waits for something else")
	b.quiet()
}

// TestActionsOfThePage: callbacks are answered, and executions paused, resumed, stopped, forked,
// redriven and started, by the buttons of the page.
func TestActionsOfThePage(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	order, failed := s.story()
	b := newTab(t, 1280, 900)
	e, _ := s.service.Execution(order)

	b.open(s.address(order, ""), ".tree .row[data-index]")
	b.await(`document.querySelector('.title .actions button')`, "the buttons")
	b.click("Pause…")
	b.do(chromedp.SendKeys(chromedp.CSS("dialog input"), "I look at it"))
	b.click("Pause it")
	b.await(`document.querySelector('.waiting.paused')?.innerText.includes('I look at it')`, "it is paused")
	b.click("Resume…")
	b.await(`document.querySelector('dialog').innerText.includes('It was paused: I look at it')`, "it says why it was paused")
	b.click("Resume it")
	b.await(`!document.querySelector('.waiting.paused')`, "it goes on")
	b.await(`document.querySelector('#said').innerText.includes('It is resumed. Now: waiting for callback')`, "it says what is so now")

	b.row("collected-callback")
	b.await(`document.querySelector('.detail .actions .strong')`, "the buttons of the callback")
	b.click("Heartbeat")
	b.await(`document.querySelector('#said').innerText.includes('begins again')`, "the heartbeat")
	b.click("Complete…")
	b.do(chromedp.SendKeys(chromedp.CSS("dialog textarea"), `{"by":`))
	b.click("Complete it")
	b.await(`document.querySelector('dialog [role=alert]').innerText.includes('no JSON')`, "what is no JSON is refused")
	js[any](b, `document.querySelector('dialog textarea').value = '"Ann"'; 0`)
	b.click("Complete it")
	b.await(`!document.querySelector('dialog')`, "the dialog closes")
	s.settle()
	b.await(`document.querySelector('.title .status').innerText === 'SUCCEEDED'`, "it has ended")
	if got := string(e.Result()); got != `"collected by \"Ann\""` && got != `"collected by Ann"` {
		t.Errorf("the result is %s", got)
	}

	other := s.start("order", "A-3", `{"id":"A-3","items":["hat"]}`)
	s.advance(2 * time.Hour)
	b.open(s.address(other, ""), ".tree .row[data-index]")
	b.await(`document.querySelector('.title .actions button')`, "the buttons")
	b.click("Skip time…")
	b.click("Skip this time")
	b.await(`document.querySelector('.waiting').innerText.includes('ends in 12d')`, "a day is skipped")
	b.row("cool-off")
	b.await(`document.querySelector('.detail .actions button')`, "the buttons of the wait")
	b.click("Skip the wait…")
	b.await(`/otherwise it ends in \d+d/.test(document.querySelector('dialog').innerText)`, "it says what is skipped")
	b.click("Skip it")
	b.await(`document.querySelector('#said').innerText === 'The wait cool-off is over.'`, "the wait is skipped")
	s.advance(0)
	b.await(`document.querySelector('.waiting').innerText.includes('callback')`, "it has gone on")

	b.open(s.address(failed, ""), ".tree .row[data-index]")
	b.await(`document.querySelector('.title .actions button')`, "the buttons")
	b.row("average")
	b.click("Fork before it…")
	b.click("Fork it")
	b.await(`document.querySelector('h1').innerText === 'R-7-fork-1'`, "the fork is shown")
	b.open(s.address(failed, ""), ".tree .row[data-index]")
	b.await(`document.querySelector('.title .actions button')`, "the buttons")
	b.click("Redrive…")
	b.click("Redrive it")
	b.await(`document.querySelector('h1').innerText === 'R-7-redrive-1'`, "the new one is shown")
	b.await(`document.querySelector('.title .actions .danger')`, "it can be stopped")
	b.click("Stop…")
	b.click("Stop it")
	b.await(`document.querySelector('.title .status').innerText === 'STOPPED'`, "it is stopped")

	b.click("Start again…")
	b.await(`document.querySelector('dialog textarea').value === '7'`, "the last input is there")
	b.do(chromedp.SendKeys(chromedp.CSS("dialog input"), "R-8"))
	b.click("Start it")
	b.await(`document.querySelector('h1').innerText === 'R-8'`, "the new one is shown")
	b.quiet()
}
