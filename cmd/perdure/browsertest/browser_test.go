package browsertest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// wanted has the tests run: a browser takes its time, and memory.
const wanted = "PERDURE_BROWSER"

// chromium returns the path of the browser.
func chromium(tb testing.TB) string {
	tb.Helper()
	if os.Getenv(wanted) == "" {
		tb.Skipf("%s is not set: with %[1]s=1 the tests drive Chromium", wanted)
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	tb.Skip("there is no Chromium: apt-get install chromium")
	return ""
}

// tab is a tab of the browser.
type tab struct {
	t   testing.TB
	ctx context.Context //nolint:containedctx // that of the tab

	mu sync.Mutex // guards what follows
	// troubles are what the console has reported: a script that failed, or what the policy refused.
	troubles []string
	// asked are the addresses that were asked for.
	asked []string
}

// mostTime is how long a test of the browser may take.
const mostTime = 2 * time.Minute

func newTab(tb testing.TB, width, height int64) *tab {
	tb.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(tb)), chromedp.NoSandbox,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(tb.Context(), mostTime)
	tb.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	tb.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	tb.Cleanup(cancel)
	b := &tab{t: tb, ctx: ctx}
	if err := chromedp.Listen(ctx, b.heard); err != nil {
		tb.Fatal(err)
	}
	call(b, log.Enable, cdp.Empty{})
	call(b, network.Enable, network.EnableParams{})
	call(b, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	b.size(width, height, 1)
	return b
}

// heard takes in what the browser says.
func (b *tab) heard(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.troubles = append(b.troubles, text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.troubles = append(b.troubles, e.Entry.Text+" "+e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *page.EventJavascriptDialogOpening:
		b.troubles = append(b.troubles, "a script has opened a dialog: "+e.Message)
	}
}

// call makes a call of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], parameters P) R {
	b.t.Helper()
	out, err := chromedp.Call(b.ctx, command, parameters)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// size sets how large the window is, in pixels of CSS, and how many of the screen each has.
func (b *tab) size(width, height int64, zoom float64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: zoom,
	})
}

// do has the tab do something.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%v; the console: %s", err, b.console())
	}
}

// console returns what the console has reported.
func (b *tab) console() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.troubles, "\n")
}

// open opens an address and waits until something is there.
func (b *tab) open(url, selector string) {
	b.t.Helper()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(url))
	b.await(fmt.Sprintf("document.querySelector(%q)", selector), "open "+url)
}

// js returns the value of an expression.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v; the console: %s", expression, err, b.console())
	}
	return value
}

// await waits until an expression is true.
func (b *tab) await(expression, why string) {
	b.t.Helper()
	for begin := time.Now(); time.Since(begin) < 20*time.Second; {
		if js[bool](b, "Boolean("+expression+")") {
			return
		}
		b.do(chromedp.Sleep(30 * time.Millisecond))
	}
	b.t.Fatalf("%s: %s is not true; the page shows:\n%s\nthe console: %s", why, expression, b.text("body"), b.console())
}

// text returns what is shown of an element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return js[string](b, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

// click clicks on the button with a text. One that is drawn again between being found and being
// clicked on is looked for again.
func (b *tab) click(text string) {
	b.t.Helper()
	button := chromedp.Search(fmt.Sprintf(`//button[normalize-space()=%q or @aria-label=%q]`, text, text))
	for n := 1; ; n++ {
		err := chromedp.Do(b.ctx, chromedp.Click(button))
		if err == nil {
			return
		}
		if n == 5 || !strings.Contains(err.Error(), "Could not find node") {
			b.t.Fatalf("click on %q: %v; the console: %s", text, err, b.console())
		}
	}
}

// scheme sets which colors the system has.
func (b *tab) scheme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

// shot writes a screenshot into the folder in PERDURE_SCREENSHOTS, if there is one.
func (b *tab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("PERDURE_SCREENSHOTS")
	if dir == "" {
		return
	}
	b.do(chromedp.Sleep(200 * time.Millisecond))
	image, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), image, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// quiet fails the test if the console has reported anything.
func (b *tab) quiet() {
	b.t.Helper()
	if text := b.console(); text != "" {
		b.t.Errorf("the console: %s", text)
	}
}

// settled is how long the page takes to draw what it was sent.
const settled = 150 * time.Millisecond

// await returns what a promise is resolved to.
func await[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v; the console: %s", expression, err, b.console())
	}
	return value
}

// row clicks on the row of an operation.
func (b *tab) row(name string) {
	b.t.Helper()
	b.await(fmt.Sprintf(`[...document.querySelectorAll('.row .label')].some((l) => l.innerText === %q)`, name), "the row "+name)
	js[any](b, fmt.Sprintf(`[...document.querySelectorAll('.row .label')].find((l) => l.innerText === %q).click(); 0`, name))
}

// keys presses keys by their names.
func (b *tab) keys(names ...string) {
	b.t.Helper()
	known := map[string]string{
		"ArrowDown": kb.ArrowDown, "ArrowUp": kb.ArrowUp, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
		"Enter": kb.Enter, "Home": kb.Home, "End": kb.End, "Escape": kb.Escape,
	}
	for _, name := range names {
		key, ok := known[name]
		if !ok {
			key = name
		}
		b.do(chromedp.KeyEvent(key), chromedp.Sleep(settled))
	}
}
