// Package browsertest tests the page in a real browser: Chromium, driven by chromedp. It is a
// module of its own, since nothing else needs the driver. The tests run with PERDURE_BROWSER=1, and
// skip, with the reason, without it and where there is no Chromium.
package browsertest
