//go:build unix

package process_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// apiLine is the way between functions and the service, on which things go wrong.
type apiLine struct {
	service http.Handler

	mu    sync.Mutex
	plans map[string]*apiPlan // by the name of the execution
}

// apiPlan is what goes wrong for one execution.
type apiPlan struct {
	fault apiFault
	// api and call name the first call that is hit: the call-th one, counted from one, that ends
	// its path with api.
	api  string
	call int
	// holding, unless empty, is a text: calls whose body does not hold it are not counted.
	holding string
	// calls are the calls so far by api, as the AWS SDK names them: it repeats a call under its
	// name.
	calls map[string][]string
	hits  int
}

// apiExchange is a request that is hit, the hit-th one.
type apiExchange struct {
	w       http.ResponseWriter
	r       *http.Request
	body    []byte
	service http.Handler
	hit     int
}

// plan has something go wrong for an execution.
func (l *apiLine) plan(execution string, p *apiPlan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.calls = make(map[string][]string)
	l.plans[execution] = p
}

// seen returns how many calls of an api an execution has made, and how many requests were hit.
func (l *apiLine) seen(execution, api string) (calls, hits int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.plans[execution]
	return len(p.calls[api]), p.hits
}

// ServeHTTP implements [http.Handler].
func (l *apiLine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	hit := l.hits(r, body)
	if hit == nil {
		l.service.ServeHTTP(w, r)
		return
	}
	hit(w, r, body)
}

// hits says what goes wrong with a request, nil if nothing does.
func (l *apiLine) hits(r *http.Request, body []byte) func(http.ResponseWriter, *http.Request, []byte) {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/") // 2025-12-01, durable-executions, ARN, api
	if len(parts) != 4 || parts[1] != "durable-executions" {
		return nil
	}
	arn, err := url.PathUnescape(parts[2])
	if err != nil {
		return nil
	}
	_, name, _ := strings.Cut(arn, "/durable-execution/")
	name, _, _ = strings.Cut(name, "/")
	api, id := parts[3], r.Header.Get("Amz-Sdk-Invocation-Id")

	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.plans[name]
	if p == nil || !bytes.Contains(body, []byte(p.holding)) {
		return nil
	}
	if !slices.Contains(p.calls[api], id) {
		p.calls[api] = append(p.calls[api], id)
	}
	call := slices.Index(p.calls[api], id) + 1
	if p.fault.hit == nil || api != p.api || call < p.call || call > p.call && !p.fault.lasting || p.hits >= p.fault.attempts {
		return nil
	}
	p.hits++
	hit := p.hits
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		p.fault.hit(&apiExchange{w: w, r: r, body: body, service: l.service, hit: hit})
	}
}

// says answers without the service. A code goes into a header, as the service does.
func says(status int, code, contentType, body string) func(*apiExchange) {
	return func(x *apiExchange) {
		if code != "" {
			x.w.Header().Set("X-Amzn-Errortype", code)
		}
		if contentType != "" {
			x.w.Header().Set("Content-Type", contentType)
		}
		x.w.WriteHeader(status)
		_, _ = io.WriteString(x.w, body) // the client sees what it can
	}
}

// refuses answers with an error of the service.
func refuses(status int, code, message string) func(*apiExchange) {
	return says(status, code, "application/json", fmt.Sprintf(`{"Type":"User","message":%q}`, message))
}

// html answers as what stands before a service does.
func html(status int) func(*apiExchange) {
	return says(status, "", "text/html", "<html><h1>sorry</h1></html>")
}

// commits has the service answer, and sends something else.
func commits(send func(x *apiExchange, answer *httptest.ResponseRecorder)) func(*apiExchange) {
	return func(x *apiExchange) {
		rec := httptest.NewRecorder()
		x.service.ServeHTTP(rec, x.r)
		send(x, rec)
	}
}

// wire writes to the connection itself and closes it, or resets it.
func wire(reset bool, text string) func(*apiExchange) {
	return func(x *apiExchange) {
		conn, _, err := http.NewResponseController(x.w).Hijack()
		if err != nil {
			return // the client has gone
		}
		_, _ = io.WriteString(conn, text)
		if tcp, ok := conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}

// lost sends nothing of an answer.
func lost(x *apiExchange, _ *httptest.ResponseRecorder) { wire(true, "")(x) }

// truncated sends half of an answer, whose length is in the header.
func truncated(x *apiExchange, answer *httptest.ResponseRecorder) {
	text := answer.Body.String()
	wire(false, fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		answer.Code, http.StatusText(answer.Code), len(text), text[:len(text)/2]))(x)
}

// silent sends nothing until the client has given up.
func silent(x *apiExchange, _ *httptest.ResponseRecorder) { <-x.r.Context().Done() }

// paused has the execution paused while a call is made, so that its updates are saved and answered
// without a token, and resumed once the answer is sent; nil sends the answer of the service.
func paused(send func(*apiExchange)) func(*apiExchange) {
	return func(x *apiExchange) {
		control := func(what string) {
			r := x.r.Clone(x.r.Context())
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2
			r.URL.Path = strings.TrimSuffix(r.URL.Path, checkpointAPI) + what
			r.URL.RawPath = strings.TrimSuffix(r.URL.RawPath, checkpointAPI) + what
			r.RequestURI = strings.TrimSuffix(r.RequestURI, checkpointAPI) + what
			rec := httptest.NewRecorder()
			x.service.ServeHTTP(rec, r)
			if rec.Code != http.StatusAccepted && rec.Code != http.StatusConflict {
				panic(fmt.Sprintf("%s: %d %s", what, rec.Code, rec.Body)) // the server prints it, and the test fails
			}
		}
		control("pause")
		rec := httptest.NewRecorder()
		x.service.ServeHTTP(rec, x.r)
		if send == nil {
			send = func(x *apiExchange) { says(rec.Code, "", "application/json", rec.Body.String())(x) }
		}
		send(x)
		control("resume")
	}
}

// forgets loses the answer, and the service does not know the call when it is made again: the token
// has moved on.
func forgets(x *apiExchange) {
	if x.hit == 1 {
		commits(lost)(x)
		return
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(x.body, &members); err != nil {
		panic(err) // as above
	}
	delete(members, "ClientToken")
	text, _ := json.Marshal(members) // it was JSON
	x.r.Body, x.r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	x.service.ServeHTTP(x.w, x.r)
}

// newAPILine serves a line on a loopback address.
func newAPILine(t *testing.T, service http.Handler) (l *apiLine, endpoint string) {
	t.Helper()
	l = &apiLine{service: service, plans: make(map[string]*apiPlan)}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	return l, server.URL
}
