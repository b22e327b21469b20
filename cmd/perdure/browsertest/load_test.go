package browsertest_test

import (
	"fmt"
	"net/http"
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

// firstPaint is within which time something is to be seen, firstRows within which time what was
// read is.
const (
	firstPaint = 300 * time.Millisecond
	firstRows  = 500 * time.Millisecond
)

// keep puts an execution into a store and returns its ARN.
func keep(tb testing.TB, s local.Store, name string, status local.Status, start time.Time, events []local.Event) string {
	tb.Helper()
	arn := fmt.Sprintf("%s/durable-execution/%s/00000000-0000-0000-0000-%012d", function, strings.Map(plain, name), start.Unix())
	for i := range events {
		events[i].ID = i + 1
	}
	e := local.ExecutionRecord{ARN: arn, Name: name, Function: function, Status: status, Start: start, Input: checkpoint.TextPayload("{}")}
	if status.Terminal() {
		e.End = start.Add(time.Minute)
	}
	if err := s.Commit(local.Transition{Execution: e, Events: events}); err != nil {
		tb.Fatal(err)
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
func show(tb testing.TB, s local.Store) string {
	tb.Helper()
	server := httptest.NewServer(page.New(page.Options{
		Source: page.FromStore(s), Place: "a store", Now: func() time.Time { return begin.Add(24 * time.Hour) },
	}))
	tb.Cleanup(server.Close)
	return server.URL
}

// idle returns when a page that has a word alone is shown: what the browser takes for itself,
// beside whatever else the machine does.
func (b *tab) idle() time.Duration {
	b.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>word</title><p>word")) // the browser is there
	}))
	defer server.Close()
	least := time.Hour
	for range 8 {
		b.open(server.URL, "p")
		least = min(least, b.mark("first-contentful-paint"))
	}
	return least
}

// mark returns how long after the beginning of the page something was marked.
func (b *tab) mark(name string) time.Duration {
	b.t.Helper()
	b.await(fmt.Sprintf("performance.getEntriesByName(%q).length", name), "it is painted")
	ms := js[float64](b, fmt.Sprintf("performance.getEntriesByName(%q)[0].startTime", name))
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Millisecond)
}

// paints says when the page has shown something for the first time, and when a mark was set: that
// what was read is on the screen. The least of several times counts, as other programs run. Both
// are within their limits, or, on a machine that is busy or slow, within a few times what the
// browser takes for a page that has a word alone.
func (b *tab) paints(what, url, selector, mark string) {
	b.t.Helper()
	idle, first, rows := b.idle(), time.Hour, time.Hour
	for range 8 {
		b.open(url, selector)
		first, rows = min(first, b.mark("first-contentful-paint")), min(rows, b.mark(mark))
	}
	b.t.Logf("%s: first paint %v, rows %v (a page of one word: %v)", what, first, rows, idle)
	if most, mostRows := max(firstPaint, 7*idle), max(firstRows, 10*idle); first > most || rows > mostRows {
		b.t.Errorf("%s: first paint %v, rows after %v, want at most %v and %v", what, first, rows, most, mostRows)
	}
}

// Test20000Executions: the list of 20,000 executions is there at once, and scrolled and searched
// without a wait.
func Test20000Executions(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	store := local.NewMemoryStore()
	statuses := []local.Status{local.StatusSucceeded, local.StatusSucceeded, local.StatusSucceeded, local.StatusFailed, local.StatusRunning}
	const many = 20_000
	for i := range many {
		keep(t, store, fmt.Sprintf("order-%05d", i), statuses[i%len(statuses)], begin.Add(time.Duration(i)*time.Second), nil)
	}
	b := newTab(t, 1280, 720)
	b.paints("20,000 executions", show(t, store)+"/", ".executions .row[data-index]", "list")
	t.Logf("20,000 executions: all read after %v", b.mark("list-whole"))
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
	took := js[float64](b, `(() => { const i = document.querySelector('.list input'); const t = performance.now(); i.value = 'order-1234';
		i.dispatchEvent(new Event('input')); document.body.offsetHeight; return performance.now() - t })()`)
	b.await(`document.querySelector('.count').innerText === '10 of 20,000'`, "the search")
	t.Logf("searching 20,000 executions: %.0f ms", took)
	b.quiet()
}

// Test3000Operations: an execution of 3,000 operations is there at once, as a tree and as a
// timeline.
func Test3000Operations(t *testing.T) { //nolint:paralleltest // each has a browser to itself
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
	for _, view := range []string{"tree", "timeline"} {
		selector := "." + view
		b.paints("3,000 operations, "+view, url+"?view="+view, selector+" .row[data-index]", "execution")
		b.await(`document.querySelector('.tools .count').innerText === '3,000 operations'`, "all are read")
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
