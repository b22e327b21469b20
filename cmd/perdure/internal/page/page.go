package page

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var embedded embed.FS

// assets are the files of the page, without the folder.
func assets() fs.FS {
	files, err := fs.Sub(embedded, "assets")
	if err != nil {
		panic(err) //nolint:forbidigo // the folder is embedded
	}
	return files
}

// Page is the page. It is an [http.Handler].
type Page struct {
	Options

	// session is the value of the cookie, token that of the header which actions need.
	session, token string
	mux            *http.ServeMux
	histories      histories
}

// New returns a page.
func New(o Options) *Page {
	p := &Page{Options: o, session: newToken(), token: newToken(), mux: http.NewServeMux()}
	if p.Every <= 0 {
		p.Every = 2 * time.Second
	}
	if p.Now == nil {
		p.Now = time.Now //nolint:forbidigo // the ages of executions on this machine
	}
	p.histories.source = o.Source
	p.mux.HandleFunc("GET /{$}", p.index)
	p.mux.HandleFunc("GET /ui/assets/{name}", p.asset)
	for pattern, serve := range map[string]func(*http.Request) (any, error){
		"GET /ui/place": p.place, "GET /ui/executions": p.executions, "GET /ui/execution": p.execution,
		"GET /ui/operation": p.operation, "GET /ui/history": p.history, "GET /ui/logs": p.logs, "GET /ui/payload": p.payload,
		"GET /ui/inputs": p.inputs, "GET /ui/forks": p.forks, "GET /ui/answers": p.answers, "GET /ui/reasons": p.reasons,
	} {
		p.mux.HandleFunc(pattern, p.read(serve))
	}
	p.mux.HandleFunc("GET /ui/live", p.live)
	p.mux.HandleFunc("POST /ui/act", p.act)
	p.mux.HandleFunc("POST /ui/open", p.open)
	return p
}

// URL returns the address of the page at a server.
func (p *Page) URL(server string) string {
	if p.Key == "" {
		return server + "/"
	}
	return server + "/?key=" + p.Key
}

// Owns reports whether a request is one of the page, and not of the API beside it.
func Owns(r *http.Request) bool { return r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, "/ui/") }

// ServeHTTP implements [http.Handler].
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	harden(w.Header())
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok && !at.IP.IsLoopback() {
		refuse(w, http.StatusForbidden, "the page is served on this machine alone: open it at an address of loopback")
		return
	}
	if why := foreign(r); why != "" {
		refuse(w, http.StatusForbidden, why)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// refusal is an error with the status of its answer.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

func badRequest(text string) error { return refusal{http.StatusBadRequest, text} }

func refuse(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, map[string]string{"error": text})
}

func writeError(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	if refused, ok := errors.AsType[refusal](err); ok {
		status = refused.status
	} else if errors.Is(err, ErrNotFound) {
		status = http.StatusNotFound
	}
	refuse(w, status, err.Error())
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text) // who does not read it asks again
}

// index serves the page itself.
func (p *Page) index(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	if p.Key != "" && !same(key, p.Key) && !p.hasCookie(r) {
		refuse(w, http.StatusForbidden, "open the address that perdure ui has printed: it has a key")
		return
	}
	p.giveCookie(w, r)
	if key != "" { // which is not to stay in the history of the browser
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	text, err := fs.ReadFile(assets(), "index.html")
	if err != nil {
		writeError(w, err)
		return
	}
	text = bytes.Replace(text, []byte("{{token}}"), []byte(html.EscapeString(p.token)), 1)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(text) // as above
}

// asset serves a file that is embedded. Browsers ask again each time, and are sent it once.
func (p *Page) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	var text []byte
	err := fs.ErrNotExist
	switch name {
	case "page.js":
		text, err = script()
	case "page.css", "icon.svg":
		text, err = fs.ReadFile(assets(), name)
	}
	if err != nil {
		refuse(w, http.StatusNotFound, "there is no such file")
		return
	}
	sum := sha256.Sum256(text)
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
}

// mostTime is how long reading may take.
const mostTime = time.Minute

// read serves what is read: of the page that this server has sent alone.
func (p *Page) read(serve func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !p.hasCookie(r) {
			refuse(w, http.StatusUnauthorized, "the page was opened before perdure was started again: load it once more")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), mostTime)
		defer cancel()
		out, err := serve(r.WithContext(ctx))
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, out)
	}
}
