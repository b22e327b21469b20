package browsertest

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

const function = "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST"

// firstPaint is within which time something is to be seen.
const firstPaint = 300 * time.Millisecond

// keep puts an execution into a store and returns its ARN.
func keep(t testing.TB, s local.Store, name string, status local.Status, start time.Time, events []local.Event) string {
	t.Helper()
	arn := fmt.Sprintf("%s/durable-execution/%s/00000000-0000-0000-0000-%012d", function, strings.Map(plain, name), start.Unix())
	for i := range events {
		events[i].ID = i + 1
	}
	e := local.ExecutionRecord{ARN: arn, Name: name, Function: function, Status: status, Start: start, Input: checkpoint.TextPayload("{}")}
	if status.Terminal() {
		e.End = start.Add(time.Minute)
	}
	if err := s.Commit(local.Transition{Execution: e, Events: events}); err != nil {
		t.Fatal(err)
	}
	return arn
}

func plain(r rune) rune {
	if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", r) {
		return r
	}
	return '-'
}

// show serves the page of a store.
func show(t testing.TB, s local.Store) string {
	t.Helper()
	server := httptest.NewServer(page.New(page.Options{
		Source: page.FromStore(s), Place: "a store", Now: func() time.Time { return begin.Add(24 * time.Hour) },
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// paints returns when the page has shown something for the first time, and when a mark was set: that
// what was read is on the screen. The least of several times counts, as other programs run.
func (b *tab) paints(url, selector, mark string) (first, whole time.Duration) {
	b.t.Helper()
	first, whole = time.Hour, time.Hour
	for range 5 {
		b.open(url, selector)
		b.await(fmt.Sprintf("performance.getEntriesByName(%q).length", mark), "it is painted")
		ms := func(name string) time.Duration {
			return time.Duration(js[float64](b, fmt.Sprintf("performance.getEntriesByName(%q)[0].startTime", name)) * float64(time.Millisecond))
		}
		first, whole = min(first, ms("first-contentful-paint")), min(whole, ms(mark))
	}
	return first.Round(time.Millisecond), whole.Round(time.Millisecond)
}

// Test20000Executions: the list of 20,000 executions is there at once, and scrolled and searched
// without a wait.
func Test20000Executions(t *testing.T) {
	store := local.NewMemoryStore()
	statuses := []local.Status{local.StatusSucceeded, local.StatusSucceeded, local.StatusSucceeded, local.StatusFailed, local.StatusRunning}
	const many = 20_000
	for i := range many {
		keep(t, store, fmt.Sprintf("order-%05d", i), statuses[i%len(statuses)], begin.Add(time.Duration(i)*time.Second), nil)
	}
	b := newTab(t, 1280, 720)
	first, rows := b.paints(show(t, store)+"/", ".executions .row[data-index]", "list")
	b.await(`performance.getEntriesByName('list-whole').length`, "all are read")
	whole := js[float64](b, `performance.getEntriesByName('list-whole')[0].startTime`)
	t.Logf("20,000 executions: first paint %v, rows %v, all read after %.0f ms", first, rows, whole)
	if first > firstPaint || rows > firstPaint {
		t.Errorf("first paint %v, rows after %v, want at most %v", first, rows, firstPaint)
	}
	if got := b.text(".count"); got != "20,000 of 20,000" {
		t.Errorf("the list has %s", got)
	}
	if n := js[float64](b, `document.querySelectorAll('.executions .row').length`); n > 100 {
		t.Errorf("%v rows are in the document", n)
	}
	js[any](b, `document.querySelector('.executions').focus(); 0`)
	b.keys("End")
	if got := b.text(`.executions [aria-selected=true] .name`); got != "order-00000" {
		t.Errorf("the last row is %q", got)
	}
	js[any](b, `document.querySelector('.list input').focus(); 0`)
	took := js[float64](b, `(() => { const i = document.querySelector('.list input'); const t = performance.now(); i.value = '1234';
		i.dispatchEvent(new Event('input')); document.body.offsetHeight; return performance.now() - t })()`)
	b.await(`document.querySelector('.count').innerText === '12 of 20,000'`, "the search")
	t.Logf("searching 20,000 executions: %.0f ms", took)
	b.quiet()
}

// Test3000Operations: an execution of 3,000 operations is there at once, as a tree and as a
// timeline.
func Test3000Operations(t *testing.T) {
	store := local.NewMemoryStore()
	events := []local.Event{{Type: local.EventExecutionStarted, Time: begin}}
	at := begin
	add := func(e local.Event) {
		at = at.Add(time.Second)
		e.Time = at
		events = append(events, e)
	}
	add(local.Event{Type: local.EventContextStarted, OperationID: "all", Name: "all", SubType: "Map"})
	for i := range 1499 {
		item, step := fmt.Sprintf("item-%d", i), fmt.Sprintf("step-%d", i)
		add(local.Event{Type: local.EventContextStarted, OperationID: item, Name: item, ParentID: "all", SubType: "MapIteration"})
		add(local.Event{Type: local.EventStepStarted, OperationID: step, Name: "pack", ParentID: item})
		add(local.Event{Type: local.EventStepSucceeded, OperationID: step, ParentID: item, Result: checkpoint.TextPayload(`"a box"`)})
		add(local.Event{Type: local.EventContextSucceeded, OperationID: item, ParentID: "all", Result: checkpoint.TextPayload(`"a box"`)})
	}
	add(local.Event{Type: local.EventWaitStarted, OperationID: "w", Name: "rest", Duration: time.Hour, ScheduledEnd: at.Add(time.Hour)})
	arn := keep(t, store, "large", local.StatusRunning, begin, events)
	b := newTab(t, 1280, 720)
	url := show(t, store) + "/#/execution/" + escaped(arn)
	for view, selector := range map[string]string{"tree": ".tree", "timeline": ".timeline"} {
		first, rows := b.paints(url+"?view="+view, selector+" .row[data-index]", "execution")
		t.Logf("3,000 operations, %s: first paint %v, rows %v", view, first, rows)
		if first > firstPaint || rows > firstPaint {
			t.Errorf("%s: first paint %v, rows after %v, want at most %v", view, first, rows, firstPaint)
		}
		if n := js[float64](b, `document.querySelectorAll('.row').length`); n > 100 {
			t.Errorf("%s: %v rows are in the document", view, n)
		}
		js[any](b, fmt.Sprintf(`document.querySelector(%q).focus(); 0`, selector))
		b.keys("End")
		if got := b.text(selector + ` [aria-selected=true] .label`); got != "rest" {
			t.Errorf("%s: the last row is %q", view, got)
		}
	}
	js[any](b, `document.querySelector('.timeline').focus(); 0`)
	frame := await[float64](b, `(async () => {
		const t = performance.now();
		for (let i = 0; i < 10; i++) {
			document.querySelector('.zooms button:nth-child(' + (i < 5 ? 2 : 1) + ')').click();
			await new Promise(requestAnimationFrame);
		}
		return (performance.now() - t) / 10;
	})()`)
	t.Logf("zooming over 3,000 operations: %.0f ms a step", frame)
	b.do(chromedp.Sleep(settled))
	b.quiet()
}
