package browsertest_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axeVersion is the version of axe-core that judges the page.
const axeVersion = "4.14.1"

// axe returns the source of axe-core, which npm brings into the cache of the user.
func axe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("there is no folder for axe-core: %v", err)
	}
	dir := filepath.Join(cache, "perdure-axe-"+axeVersion)
	file := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(file); err != nil {
		npm, err := exec.LookPath("npm")
		if err != nil {
			t.Skip("there is no npm, which brings axe-core")
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), npm, "install", "--no-audit", "--no-fund", "--prefix", dir, "axe-core@"+axeVersion)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("npm cannot install axe-core: %v\n%s", err, out)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAxe: axe-core finds nothing on any part of the page, in light and in dark.
func TestAxe(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	order, failed := s.story()
	b := newTab(t, 1280, 720)
	source := axe(t)
	views := []struct{ name, address, ready, click string }{
		{"list", s.url + "/", ".executions .row[data-index]", ""},
		{"tree", s.address(order, ""), ".tree .row[data-index]", ""},
		{"operation", s.address(order, ""), ".tree .row[data-index]", "collected-callback"},
		{"error", s.address(failed, ""), ".tree .row[data-index]", "average"},
		{"timeline", s.address(order, "?view=timeline"), ".timeline .row[data-index]", ""},
		{"invocations", s.address(order, "?view=invocations"), ".invocations .row[data-index]", ""},
		{"history", s.address(order, "?view=history"), ".history .row[data-index]", ""},
		{"logs", s.address(order, "?view=logs"), ".panel .empty", ""},
		{"dialog", s.url + "/", ".executions .row[data-index]", "Start…"},
	}
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, v := range views {
			b.open(v.address, v.ready)
			switch {
			case v.name == "dialog":
				b.await(`document.querySelector('#bar .strong')`, "the button that starts an execution")
				b.click(v.click)
			case v.click != "":
				b.row(v.click)
				b.await(`document.querySelector('.detail h2')`, "the operation")
			}
			b.judge(source, v.name+", "+scheme)
		}
	}
}

// judge fails the test if axe-core finds something on the page as it is.
func (b *tab) judge(source, what string) {
	b.t.Helper()
	var found struct {
		Violations []struct {
			ID, Help string
			Nodes    []struct {
				HTML           string
				FailureSummary string
			}
		}
		Passes int
	}
	b.do(chromedp.Sleep(settled))
	js[any](b, source+"; 0")
	text := await[string](b, `axe.run().then((r) => JSON.stringify({violations: r.violations, passes: r.passes.length}))`)
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, bad := range found.Violations {
		for _, n := range bad.Nodes[:min(3, len(bad.Nodes))] {
			b.t.Errorf("%s: %s (%s): %.200s\n%s", what, bad.ID, bad.Help, n.HTML, n.FailureSummary)
		}
	}
	b.t.Logf("axe-core %s: %s: %d rules pass, %d violations", axeVersion, what, found.Passes, len(found.Violations))
	if found.Passes < 10 {
		b.t.Errorf("axe-core has looked at nothing")
	}
}

// TestKeyboard: everything is reached without a mouse.
func TestKeyboard(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	order, _ := s.story()
	b := newTab(t, 1280, 720)
	b.open(s.url+"/", ".executions .row[data-index]")
	js[any](b, `document.querySelector('.list input').focus(); 0`)
	b.do(chromedp.KeyEvent("a-1"))
	b.await(`document.querySelectorAll('.executions .row[data-index]').length === 1`, "the search")
	b.keys("ArrowDown", "Enter")
	b.await(`document.querySelector('.tree .row[data-index]')`, "Enter opens the execution")
	if got := js[string](b, `decodeURIComponent(location.hash)`); !strings.Contains(got, order) {
		t.Errorf("the address is %s, want that of %s", got, order)
	}
	js[any](b, `document.querySelector('.tree').focus(); 0`)
	b.keys("Home", "ArrowDown", "ArrowDown")
	chosen := func() string { return b.text(`.rows [aria-selected=true] .label`) }
	if got := chosen(); got != "parcels" {
		t.Errorf("the third row is %q, want parcels", got)
	}
	b.await(`document.querySelector('.detail h2')?.innerText === 'parcels'`, "what is chosen is shown")
	b.keys("ArrowLeft")
	b.await(`[...document.querySelectorAll('.tree .label')].every((l) => l.innerText !== 'item-0')`, "left closes the group")
	b.keys("ArrowRight", "ArrowRight")
	if got := chosen(); got != "item-0" {
		t.Errorf("inside of it is %q, want item-0", got)
	}
	if got := js[string](b, `document.querySelector('.tree [aria-selected=true]').ariaLevel`); got != "2" {
		t.Errorf("its level is %s", got)
	}
	b.keys("End")
	if got := chosen(); got != "collected-submitter" {
		t.Errorf("the last row is %q", got)
	}
	js[any](b, `document.querySelector('[role=tab][aria-selected=true]').focus(); 0`)
	b.keys("ArrowRight")
	b.await(`document.querySelector('.timeline .row[data-index]')`, "right goes to the next tab")
	js[any](b, `document.querySelector('.timeline').focus(); 0`)
	whole := b.text(".seen")
	b.keys("+")
	if got := b.text(".seen"); got == whole {
		t.Errorf("+ does not zoom: %s", got)
	}
	b.keys("0")
	if got := b.text(".seen"); got != whole {
		t.Errorf("0 shows %s, want %s", got, whole)
	}
	b.quiet()
}

// TestZoomedTo200: at 200 % nothing is cut off, and no text lies over another.
func TestZoomedTo200(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	order, _ := s.story()
	b := newTab(t, 640, 360) // 1280 × 720 at 200 %
	b.size(640, 360, 2)
	for _, address := range []string{s.url + "/", s.address(order, ""), s.address(order, "?view=timeline")} {
		b.open(address, ".rows .row[data-index]")
		if wide := js[float64](b, `document.documentElement.scrollWidth`); wide > 640 {
			t.Errorf("%s is %v pixels wide, of 640: it has to be scrolled sideways", address, wide)
		}
		if high := js[float64](b, `document.querySelector('.rows').clientHeight`); high < 100 {
			t.Errorf("%s: %v pixels are left for rows", address, high)
		}
	}
	b.shot("page-200.png")
	b.quiet()
}

// TestNarrowWindow: at 900 pixels the timeline has room beside an operation that is chosen, and
// nothing is cut off.
func TestNarrowWindow(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	order, _ := s.story()
	b := newTab(t, 900, 800)
	b.open(s.address(order, "?view=timeline"), ".timeline .row[data-index]")
	b.row("cool-off")
	b.await(`document.querySelector('.detail h2')`, "the operation")
	if wide := js[float64](b, `document.querySelector('.axis').clientWidth`); wide < 600 {
		t.Errorf("the axis is %v pixels wide, of 900", wide)
	}
	if wide := js[float64](b, `document.documentElement.scrollWidth`); wide > 900 {
		t.Errorf("the page is %v pixels wide", wide)
	}
	b.shot("page-900.png")
	b.quiet()
}
