package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// fakeModel is a model behind HTTP that says what is written in its script. It knows from the
// conversation where it is, as a model does.
type fakeModel struct {
	turns []scripted

	mu       sync.Mutex
	requests map[int]int // by turn
	heard    []Message   // with the last request

	server *http.Server
	url    string
}

// scripted is what the model does in a turn.
type scripted struct {
	faults []fault // of the first requests
	text   []string
	calls  []Call
}

// fault is how a request goes wrong.
type fault int

const (
	overloaded fault = iota + 1 // 503, and when to come back
	cutOff                      // the connection breaks in the middle
	silent                      // nothing comes any more
	rejected                    // 400
	gone                        // the connection breaks before there is a reply
)

// serve has the model listen on this machine.
func (m *fakeModel) serve() error {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends at once
	if err != nil {
		return err
	}
	m.url = "http://" + l.Addr().String()
	m.server = &http.Server{Handler: m, ReadHeaderTimeout: time.Minute}
	go func() { _ = m.server.Serve(l) }() // it returns that it was closed
	return nil
}

// client is a client of this model. It gives up soon only where the script has the model fall
// silent: that takes real time.
func (m *fakeModel) client() *Model {
	patience := time.Minute
	for _, t := range m.turns {
		if slices.Contains(t.faults, silent) {
			patience = 2 * time.Second
		}
	}
	return &Model{URL: m.url, Client: new(http.Client), Patience: patience, In: 3, Out: 15}
}

// close ends the server, and what hangs in it.
func (m *fakeModel) close() error { return m.server.Close() }

// ServeHTTP streams a reply.
func (m *fakeModel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var req request
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	turn, in := 0, 0
	for _, msg := range req.Messages {
		if msg.Role == Assistant {
			turn++
		}
		in += 10 + len(msg.Text)/4
	}
	says := m.turns[min(turn, len(m.turns)-1)]
	fault := m.fault(turn, says, req.Messages)
	switch fault {
	case overloaded:
		w.Header().Set("Retry-After", "7")
		http.Error(w, "overloaded", http.StatusServiceUnavailable)
		return
	case rejected:
		http.Error(w, "the conversation breaks the rules", http.StatusBadRequest)
		return
	case gone:
		panic(http.ErrAbortHandler)
	case cutOff, silent:
	}
	stream := http.NewResponseController(w)
	send := func(e event) {
		data, err := json.Marshal(e)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "data: %s\n\n", data)
		if err := stream.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			panic(http.ErrAbortHandler) // the client has gone
		}
	}
	out := 20 * len(says.calls)
	for _, text := range says.text {
		out += len(text) / 4
		send(event{Text: text})
		switch fault {
		case cutOff:
			panic(http.ErrAbortHandler)
		case silent:
			<-r.Context().Done()
			return
		case overloaded, rejected, gone:
		}
	}
	for i := range says.calls {
		send(event{Call: &says.calls[i]})
	}
	send(event{Usage: &usage{In: int64(in), Out: int64(out)}})
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// fault is what goes wrong with this request of a turn; zero for nothing.
func (m *fakeModel) fault(turn int, says scripted, heard []Message) fault {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard = heard
	if m.requests == nil {
		m.requests = make(map[int]int)
	}
	n := m.requests[turn]
	m.requests[turn]++
	if n < len(says.faults) {
		return says.faults[n]
	}
	return 0
}

// asked returns how many requests there were, by turn.
func (m *fakeModel) asked() (n []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for turn := range len(m.requests) {
		n = append(n, m.requests[turn])
	}
	return n
}

// results are those of tools that the model was given with the last request.
func (m *fakeModel) results() (texts []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range m.heard {
		if msg.Role == ToolResult {
			texts = append(texts, msg.Text)
		}
	}
	return texts
}

// reset forgets all requests.
func (m *fakeModel) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = nil
}
