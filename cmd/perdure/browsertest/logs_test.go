package browsertest_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/cmd/perdure/internal/page"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestLogLines: a line shows what it says before what all lines have, a click or a key opens all of
// it with its stack, and the execution says where its bodies were cut off.
func TestLogLines(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	timeout := because("Sandbox.Timedout", "RequestId: 8f7e Error: Task timed out after 900.00 seconds")
	store := local.NewMemoryStore()
	h := ago(time.Hour).step(local.EventStepStarted, "render", nil, 0).invocation(15*time.Minute, timeout).invocation(15*time.Minute, timeout)
	arn := keep(t, store, "R-1", local.StatusRunning, begin.Add(23*time.Hour), h.events)
	line := func(waits string) page.Line {
		return page.Line{Time: begin, Text: `{"timestamp":"2026-03-02T09:00:00Z","level":"WARN","message":"the invocation's time is nearly over, and it is held up by user code",` +
			`"executionArn":"` + arn + `","requestId":"8f7e","paths":"\"render\"","waits":"` + waits + `","stack":"goroutine 7 [select]:\nmain.readRows()\n\t/src/functions.go:86 +0x69"}`}
	}
	server := httptest.NewServer(page.New(page.Options{
		Source: page.FromStore(store), Now: func() time.Time { return begin.Add(24 * time.Hour) },
		Written: func(string, map[string]bool) []page.Line {
			return []page.Line{
				line("main.readRows was waiting in a select at functions.go:86"), line("main.layOut was running at functions.go:96"), {Time: begin, Text: "it begins"},
			}
		},
	}))
	t.Cleanup(server.Close)
	b := newTab(t, 1280, 720)
	b.open(server.URL+"/#/execution/"+escaped(arn)+"?view=logs", ".logs .row[data-index]")
	const where = "Where it was cut off: readRows functions.go:86 (1×), layOut functions.go:96 (1×): different lines, so it is slow, and does not hang."
	if got := b.head(); !strings.Contains(got, where) {
		t.Errorf("it does not say where it was cut off: %s", got)
	}
	row := b.text(".logs .row[data-index]")
	for _, want := range []string{"WARN", "the invocation's time is nearly over", "waits=main.readRows was waiting in a select at functions.go:86"} {
		if !strings.Contains(row, want) {
			t.Errorf("the line does not show %q: %s", want, row)
		}
	}
	if strings.Contains(row, "durable-execution") || strings.Contains(row, "8f7e") {
		t.Errorf("the line shows what all lines have: %s", row)
	}
	js[any](b, `document.querySelectorAll('.logs .row[data-index]')[0].click(); 0`)
	b.await(`document.querySelector('.log-lines .detail .stack')?.innerText.split('\n').length === 3`, "the stack is there in lines of its own")
	if got := b.text(".log-lines .detail"); !strings.Contains(got, "main.readRows was waiting in a select at functions.go:86") {
		t.Errorf("the whole record is %s", got)
	}
	js[any](b, `document.querySelector('.logs').focus(); 0`)
	b.keys("Escape")
	b.await(`document.querySelector('.log-lines .detail').hidden`, "the line is closed")
	b.keys("End", "Enter")
	b.await(`document.querySelector('.log-lines .message')?.innerText === 'it begins'`, "a key opens a line that is no record")
	b.quiet()
	b.judge(axe(t), "a log line")
}

// TestReadOnly: a page on which nothing can be done says so, and where it can.
func TestReadOnly(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	b := newTab(t, 1280, 720)
	b.open(show(t, local.NewMemoryStore())+"/", ".empty")
	b.await(`document.querySelector('#bar').innerText.includes('read-only: to act, open the page of perdure dev, or use the command line')`, "it says so")
	b.open(newSite(t).url+"/", ".empty")
	b.await(`document.querySelector('#bar .strong')`, "the buttons")
	if got := b.text("#bar"); strings.Contains(got, "read-only") {
		t.Errorf("a page with actions says %q", got)
	}
	b.quiet()
}

// TestAdviceWithButtons: what the page can do is a button beside the advice, and other commands are
// in lines of their own, without what follows them.
func TestAdviceWithButtons(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	host := func(name string, f func(op.Context, op.None) (op.None, error)) string {
		if err := s.service.Host(name, replay.Handler(f)); err != nil {
			t.Fatal(err)
		}
		return s.start(name, name+"-1", "null")
	}
	waits := host("renews", func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Wait("renewal", 365*24*time.Hour))
	})
	asks := host("asks", func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.WaitForCallback[string]("approval", func(context.Context, string) error { return nil }))
	})
	lost := host("pays", func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Invoke[int]("pay", "gone:live", 1))
	})
	s.advance(time.Minute)
	b := newTab(t, 1280, 720)
	for _, tt := range []struct{ arn, button, dialog string }{
		{waits, "Skip renewal…", "Skip the wait renewal"}, {asks, "Complete approval-callback…", "Complete callback approval-callback"},
	} {
		b.open(s.address(tt.arn, ""), ".advice")
		b.await(`document.querySelector('.advice button')`, "the button")
		if got := b.text(".advice"); !strings.Contains(got, tt.button) || strings.Contains(got, "perdure ") {
			t.Errorf("the advice is %q, want the button %q and no command", got, tt.button)
		}
		js[any](b, `document.querySelector('.advice button').click(); 0`)
		b.await(`document.querySelector('dialog h2')?.innerText === '`+tt.dialog+`'`, "its dialog")
	}
	b.open(s.address(lost, ""), ".advice .command")
	if got := b.text(".advice .command code"); got != "aws lambda get-function --function-name gone" {
		t.Errorf("the first command is %q", got)
	}
	b.quiet()
}

// TestNearTheEnd: the list warns of an execution of which five of nine invocations have failed.
func TestNearTheEnd(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	store := local.NewMemoryStore()
	for failed, name := range map[int]string{4: "early", 5: "late"} {
		h := ago(time.Hour)
		for range failed {
			h.invocation(time.Second, because("Runtime.ExitError", "signal: killed"))
		}
		arn := keep(t, store, name, local.StatusRunning, begin.Add(23*time.Hour), h.events)
		kept, err := store.Load(arn)
		if err != nil {
			t.Fatal(err)
		}
		kept.Execution.FailedInRow = failed
		if err := store.Commit(local.Transition{Execution: kept.Execution}); err != nil {
			t.Fatal(err)
		}
	}
	b := newTab(t, 1280, 720)
	b.open(show(t, store)+"/", ".executions .why")
	for name, want := range map[string]string{"early": "dim why", "late": "warn why"} {
		row := `[...document.querySelectorAll('.executions .row[data-index]')].find((r) => r.innerText.includes('` + name + `'))`
		b.await(row, "the row")
		if got := js[string](b, row+`.querySelector('.why').className`); got != want {
			t.Errorf("%s: the reason is %q, want %q", name, got, want)
		}
	}
	b.quiet()
}
