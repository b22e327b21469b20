package browsertest_test

import (
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
)

// address returns that of an execution.
func (s *site) address(arn string, parameters string) string {
	return s.url + "/#/execution/" + url.PathEscape(arn) + parameters
}

// TestScreenshots shows what docs/page.md does: with PERDURE_SCREENSHOTS, a folder, it writes the
// images; with -trimpath they have no paths of the machine.
func TestScreenshots(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	s := newSite(t)
	order, failed := s.story()
	b := newTab(t, 1280, 720)
	b.scheme("light")
	b.open(s.url+"/", ".executions .row[data-index]")
	b.shot("page-list.png")
	b.open(s.address(order, ""), ".tree .row[data-index]")
	b.shot("page-tree.png")
	b.open(s.address(order, "?view=timeline"), ".timeline .row[data-index]")
	b.shot("page-timeline.png")
	b.open(s.address(failed, ""), ".tree .row[data-index]")
	b.await(`document.querySelectorAll('.tree .row').length > 2`, "the tree")
	js[bool](b, `(() => { const r = [...document.querySelectorAll('.tree .row')].find((r) => r.innerText.includes('average')); r.click(); return true })()`)
	b.await(`document.querySelector('.detail .stack')`, "the stack")
	b.shot("page-error.png")
	b.scheme("dark")
	b.open(s.address(order, "?view=timeline"), ".timeline .row[data-index]")
	b.do(chromedp.Click(chromedp.Search(`//label[contains(., "short waits")]`)))
	b.shot("page-dark.png")
	b.quiet()
}
