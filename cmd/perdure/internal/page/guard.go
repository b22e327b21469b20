package page

import (
	"crypto/rand"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// policy is what the page may do: run its own scripts, and ask its own server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// NewKey returns a key for [Options], which no one can guess.
func NewKey() string { return newToken() }

// newToken returns what no one can guess.
func newToken() string { return rand.Text() }

// harden sets the headers of every answer.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// loopback reports whether a request is for a name that other machines cannot give to this one.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// foreign says why a request is refused that another page has made, or may have made; it is empty
// if none has.
func foreign(r *http.Request) string {
	if !loopback(r.Host) {
		return "the page is for 127.0.0.1, [::1] and localhost, not for the host " + r.Host
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != r.Host || u.Scheme != "http" {
			return "the request is one of another page, " + origin
		}
	}
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "none", "same-origin":
		return ""
	default:
		if r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" {
			return "" // a link to the page
		}
		return "the request is one of another page"
	}
}

// cookie returns the name of the page's cookie. Cookies do not depend on the port: two pages on
// this machine need two names.
func cookie(host string) string {
	_, port, _ := net.SplitHostPort(host)
	return "perdure-" + port
}

// same compares secrets.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// hasCookie reports whether the browser has opened the page before.
func (p *Page) hasCookie(r *http.Request) bool {
	c, err := r.Cookie(cookie(r.Host))
	return err == nil && same(c.Value, p.session)
}

func (p *Page) giveCookie(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // there is no TLS on loopback
		Name: cookie(r.Host), Value: p.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
