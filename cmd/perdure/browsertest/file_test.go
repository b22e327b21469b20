package browsertest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// TestSavedPage: the page of one execution, opened from a file, shows what the page does, and asks
// for nothing.
func TestSavedPage(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	_, failed := s.story()
	source := page.FromService(s.service)
	e, err := source.Execution(t.Context(), failed)
	if err != nil {
		t.Fatal(err)
	}
	events, err := source.Events(t.Context(), failed, 0)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "R-7.html")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Write(f, e, events, nil, "as it was", s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b := newTab(t, 1280, 720)
	b.open("file://"+path, ".tree .row[data-index]")
	b.row("average")
	b.await(`document.querySelector('.detail .stack')?.innerText.includes('goroutine')`, "the stack")
	if n := js[float64](b, `document.querySelectorAll('.actions button').length`); n > 0 {
		t.Errorf("it offers %v actions", n)
	}
	for _, view := range []string{"Timeline", "Invocations 1", "History 7"} {
		b.do(chromedp.Click(chromedp.Search(`//button[@role="tab" and normalize-space()="`+view+`"]`)), chromedp.Sleep(settled))
		if n := js[float64](b, `document.querySelectorAll('.panel .row[data-index]').length`); n == 0 {
			t.Errorf("%s shows nothing", view)
		}
		if shown := js[bool](b, `!document.querySelector('.detail').hidden`); shown != (view == "Timeline") {
			t.Errorf("%s: the operation beside it: %v", view, shown)
		}
	}
	b.shot("page-saved.png")
	b.mu.Lock()
	for _, asked := range b.asked {
		if !strings.HasPrefix(asked, "file://"+path) && asked != "about:blank" {
			t.Errorf("it has asked for %s", asked)
		}
	}
	b.mu.Unlock()
	b.quiet()
}
