package page_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// TestOtherPagesAreRefused: what another page, or a name that leads here, makes a browser ask for
// is refused, and nothing is done.
func TestOtherPagesAreRefused(t *testing.T) {
	t.Parallel()
	store := local.NewMemoryStore()
	waiting().keep(t, store)
	var notes []string
	v := serve(t, page.Options{Source: page.FromStore(store), Actions: noted(&notes)})
	good := map[string]string{"Content-Type": "application/json", "X-Perdure-Token": v.token}
	with := func(more ...string) map[string]string {
		all := map[string]string{}
		maps.Copy(all, good)
		for i := 0; i < len(more); i += 2 {
			if all[more[i]] = more[i+1]; more[i+1] == "" {
				delete(all, more[i])
			}
		}
		return all
	}
	const stop = `{"action":"stop","arn":"a"}`
	tests := []struct {
		name, reason, method, path, body string
		header                           map[string]string
		status                           int
	}{
		{"own", "the page itself", "POST", "/ui/act", stop, good, 200},
		{"own origin", "browsers say where a request is from", "POST", "/ui/act", stop, with("Origin", v.address, "Sec-Fetch-Site", "same-origin"), 200},
		{"no token", "a form of another page has none", "POST", "/ui/act", stop, with("X-Perdure-Token", ""), 401},
		{"wrong token", "it is guessed", "POST", "/ui/act", stop, with("X-Perdure-Token", "AAAA"), 401},
		{"form", "a form can send text/plain", "POST", "/ui/act", stop, with("Content-Type", "text/plain"), 415},
		{"other origin", "another page", "POST", "/ui/act", stop, with("Origin", "https://evil.example"), 403},
		{"null origin", "a frame in a sandbox", "POST", "/ui/act", stop, with("Origin", "null"), 403},
		{"other port", "another program on this machine", "POST", "/ui/act", stop, with("Origin", "http://127.0.0.1:1"), 403},
		{"cross-site", "another page, without an origin", "GET", "/ui/executions", "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"same-site", "another port of this machine", "GET", "/ui/executions", "", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"rebinding", "a name of the public DNS that leads here", "GET", "/ui/executions", "", map[string]string{"Host": "evil.example"}, 403},
		{"rebinding of the page", "its token would be read", "GET", "/", "", map[string]string{"Host": "evil.example:9090"}, 403},
		{"loopback look-alike", "a name that begins like one of loopback", "GET", "/", "", map[string]string{"Host": "127.0.0.1.evil.example"}, 403},
		{"localhost", "the name of this machine", "GET", "/", "", map[string]string{"Host": "localhost:9090"}, 200},
		{"IPv6", "its other address", "GET", "/", "", map[string]string{"Host": "[::1]:9090"}, 200},
		{
			"link", "a page links to this one", "GET", "/", "",
			map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
			200,
		},
		{
			"frame", "a page shows this one in a frame", "GET", "/", "",
			map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
			403,
		},
		{"GET", "an action is a POST", "GET", "/ui/act", "", good, 405},
	}
	for _, tt := range tests {
		notes = nil
		status, text := v.ask(tt.method, tt.path, tt.body, tt.header)
		if status != tt.status || tt.body != "" && status != 200 && len(notes) > 0 {
			t.Errorf("%s: %s: got %d, want %d; done: %q; %.200s", tt.name, tt.reason, status, tt.status, notes, text)
		}
	}
}

// TestWithoutTheCookie: nothing is read or done by who has not opened the page.
func TestWithoutTheCookie(t *testing.T) {
	t.Parallel()
	store := local.NewMemoryStore()
	waiting().keep(t, store)
	var notes []string
	v := serve(t, page.Options{Source: page.FromStore(store), Actions: noted(&notes)})
	v.client = &http.Client{}
	for _, path := range []string{"place", "executions", "execution?arn=a", "operation?arn=a&id=b", "history?arn=a", "logs?arn=a", "payload?arn=a", "inputs?function=a", "live"} {
		if status, text := v.ask("GET", "/ui/"+path, "", nil); status != http.StatusUnauthorized || strings.Contains(text, "A-1") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, text := v.act(`{"action":"stop","arn":"a"}`); status != http.StatusUnauthorized || len(notes) > 0 {
		t.Errorf("an action: %d %s, %q", status, text, notes)
	}
}

// TestKey: a page with a key is opened with that alone; then the browser has a cookie, and the
// address has no key any more.
func TestKey(t *testing.T) {
	t.Parallel()
	p := page.New(page.Options{Source: page.FromStore(local.NewMemoryStore()), Key: "secret"})
	server := httptest.NewServer(p)
	defer server.Close()
	v := &visitor{t: t, address: server.URL, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, path := range []string{"/", "/?key=", "/?key=secre"} {
		if status, text := v.ask("GET", path, "", nil); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	res := v.response("GET", "/?key=secret", "", nil)
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/" || len(res.Cookies()) != 1 {
		t.Fatalf("with the key: %d, %v", res.StatusCode, res.Header)
	}
	c := res.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("the cookie can be read by scripts, or is sent along from other sites: %v", c)
	}
	if status, _ := v.ask("GET", "/", "", map[string]string{"Cookie": c.Name + "=" + c.Value}); status != http.StatusOK {
		t.Errorf("with the cookie: %d", status)
	}
	if got, want := p.URL("http://127.0.0.1:1"), "http://127.0.0.1:1/?key=secret"; got != want {
		t.Errorf("the address is %s, want %s", got, want)
	}
}

// TestHeaders: what the page may do is limited.
func TestHeaders(t *testing.T) {
	t.Parallel()
	v := serve(t, page.Options{Source: page.FromStore(local.NewMemoryStore())})
	for _, path := range []string{"/", "/ui/assets/page.js", "/ui/executions", "/ui/nothing"} {
		res := v.response("GET", path, "", nil)
		_ = res.Body.Close()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'", "X-Content-Type-Options": "nosniff",
			"X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := res.Header.Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: other pages may read it", path)
		}
	}
}

// TestAssetsAreSafe: no file of the page reads text as HTML, or asks another server for anything.
func TestAssetsAreSafe(t *testing.T) {
	t.Parallel()
	for name, text := range page.Assets(t) {
		for _, bad := range []string{
			"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser", "srcdoc", "https://",
			"createContextualFragment", "setHTML", "javascript:",
		} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %s", name, bad)
			}
		}
	}
}
