package lambdaapi

import (
	"net"
	"net/http"
	"strings"
)

// refusedPage says why a request is refused that a web page has made, or may have; it is empty for
// others. Pages of other sites have an Origin header. One whose site has pointed its name at this
// machine after it was loaded has none when it only reads, but it asks for that name: what listens
// on a loopback address alone is never known by a name that someone can register.
func refusedPage(r *http.Request) string {
	if r.Header.Get("Origin") != "" {
		return "The local service does not answer web pages."
	}
	at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if ok && at.IP.IsLoopback() && registrable(r.Host) {
		return "The local service does not answer web pages, and a page could ask for the host " + r.Host +
			" on this machine: use " + at.IP.String() + " or localhost."
	}
	return ""
}

// registrable reports whether a host is a name that can be one of the public DNS. Names without a
// dot and those of private use (RFC 6761, RFC 6762, the top-level domain internal) are not.
func registrable(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	name := strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || net.ParseIP(name) != nil {
		return false
	}
	switch name[dot+1:] {
	case "localhost", "local", "internal", "test":
		return false
	}
	return true
}
