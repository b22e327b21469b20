package process

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/limits"
)

// The limits of an answer and of an error (Lambda quotas; Lambda Runtime API).
const (
	maxResponseBytes = limits.Response
	maxErrorBytes    = limits.SyncPayload
)

// defaultTime is how long an invocation is said to have whose context has no deadline (Lambda
// quotas).
const defaultTime = 15 * time.Minute

// invocation is an event on its way to a process, and its answer.
type invocation struct {
	requestID string
	headers   http.Header
	payload   []byte
	answer    chan answer // takes one
	answered  bool        // guarded by the mutex of the worker that has it
}

type answer struct {
	payload []byte
	err     error
}

// newInvocation returns the event of an invocation with the headers of the Runtime API.
func newInvocation(ctx context.Context, payload []byte) *invocation {
	inv := &invocation{payload: payload, requestID: requestIDOf(ctx), headers: make(http.Header), answer: make(chan answer, 1)}
	if inv.requestID == "" {
		inv.requestID = strconv.FormatInt(now().UnixNano(), 36)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = now().Add(defaultTime)
	}
	inv.headers.Set("Lambda-Runtime-Aws-Request-Id", inv.requestID)
	inv.headers.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		inv.headers.Set("Lambda-Runtime-Invoked-Function-Arn", lc.InvokedFunctionArn)
		if lc.TenantID != "" {
			inv.headers.Set("Lambda-Runtime-Aws-Tenant-Id", lc.TenantID)
		}
	}
	if trace := checkpoint.TraceHeaderFrom(ctx); trace != "" {
		inv.headers.Set("Lambda-Runtime-Trace-Id", trace)
	}
	return inv
}

// ServeHTTP is the Runtime API of one process. Browsers say that a request is one of theirs: a page
// that tries the ports of this machine must not take an event away.
func (w *worker) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	serve, method, ok := w.route(r.URL.Path)
	switch {
	case r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "":
		refuse(rw, http.StatusForbidden, "AccessDenied", "The Runtime API does not answer web pages")
	case !ok:
		refuse(rw, http.StatusNotFound, "InvalidPath", "The Runtime API has no "+r.Method+" "+r.URL.Path)
	case r.Method != method:
		rw.Header().Set("Allow", method)
		refuse(rw, http.StatusMethodNotAllowed, "InvalidMethod", r.URL.Path+" takes "+method+", not "+r.Method)
	default:
		serve(rw, r)
	}
}

// route finds what serves a path, and the method that it takes.
func (w *worker) route(full string) (serve http.HandlerFunc, method string, ok bool) {
	path, ok := strings.CutPrefix(full, "/2018-06-01/runtime/")
	if !ok {
		return nil, "", false
	}
	switch path {
	case "invocation/next":
		return w.next, http.MethodGet, true
	case "init/error":
		return w.initError, http.MethodPost, true
	}
	rest, ok := strings.CutPrefix(path, "invocation/")
	id, verb, cut := strings.Cut(rest, "/")
	if !ok || !cut || verb != "response" && verb != "error" {
		return nil, "", false
	}
	return func(rw http.ResponseWriter, r *http.Request) { w.take(rw, r, id, verb) }, http.MethodPost, true
}

// partialGrace is how long a process that asks for an event may still finish a line: what it wrote
// before may not have been read yet.
const partialGrace = 50 * time.Millisecond

// next answers with the next event, when there is one. A process that has not answered the last one
// gets none: no one could say then what its answer is to.
func (w *worker) next(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	if inv := w.current; inv != nil && !inv.answered {
		w.mu.Unlock()
		refuse(rw, http.StatusForbidden, "InvalidStateTransition", "The request "+inv.requestID+" is to be answered first")
		return
	}
	w.current = nil
	first, inv := !w.first, w.returned
	w.first, w.returned = true, nil
	w.mu.Unlock()
	if first {
		w.f.ready(now().Sub(w.started))
	}
	idle := time.AfterFunc(partialGrace, w.flush)
	defer idle.Stop()
	if inv == nil {
		select {
		case inv = <-w.events:
		case <-r.Context().Done():
			return
		case <-w.exited:
			return
		}
	}
	w.flush()
	w.mu.Lock()
	gone := r.Context().Err() != nil
	if gone {
		w.returned = inv // it gets the event when it asks again
	} else {
		w.current, w.latest = inv, inv.requestID
	}
	w.mu.Unlock()
	if gone {
		return
	}
	maps.Copy(rw.Header(), inv.headers)
	rw.Header().Set("Content-Type", "application/json")
	_, _ = rw.Write(inv.payload) // a process that does not read it ends
}

// take takes the answer of an invocation, or its error.
func (w *worker) take(rw http.ResponseWriter, r *http.Request, id, verb string) {
	w.mu.Lock()
	inv := w.current
	w.mu.Unlock()
	if inv == nil || inv.requestID != id {
		refuse(rw, http.StatusBadRequest, "InvalidRequestID", "The process does not work on the request "+id)
		return
	}
	limit := maxResponseBytes
	if verb == "error" {
		limit = maxErrorBytes
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	if err != nil {
		refuse(rw, http.StatusBadRequest, "InvalidBody", err.Error())
		return
	}
	a := answer{payload: body}
	switch {
	case verb == "error":
		a = answer{err: &local.FunctionError{Failure: reported(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))}}
	case len(body) > limit:
		a = answer{err: functionError("Function.ResponseSizeTooLarge",
			"Response payload size exceeded maximum allowed payload size (%d bytes).", limit)}
	case r.Trailer.Get("Lambda-Runtime-Function-Error-Type") != "":
		a = answer{err: &local.FunctionError{Failure: trailed(r.Trailer)}}
	}
	w.settle(rw, inv, a, len(body) > limit)
}

// settle hands an answer on, if it is the first.
func (w *worker) settle(rw http.ResponseWriter, inv *invocation, a answer, tooLarge bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if inv.answered {
		refuse(rw, http.StatusForbidden, "InvalidStateTransition", "The request "+inv.requestID+" was answered already")
		return
	}
	inv.answered = true
	inv.answer <- a
	if tooLarge {
		refuse(rw, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The response is longer than 6 MiB")
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(rw, `{"status":"OK"}`) // a process that does not read it ends
}

// trailed reads an error that a function has met while it streamed its answer.
func trailed(trailer http.Header) checkpoint.Failure {
	kind := trailer.Get("Lambda-Runtime-Function-Error-Type")
	body, err := base64.StdEncoding.DecodeString(trailer.Get("Lambda-Runtime-Function-Error-Body"))
	if err != nil {
		return checkpoint.Failure{Type: kind, Message: "the answer ended with an error"}
	}
	return reported(body, kind)
}

// initError takes the error of a process that cannot begin. It is expected to end. One that has
// asked for an event has begun.
func (w *worker) initError(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxErrorBytes))
	if err != nil {
		refuse(rw, http.StatusBadRequest, "InvalidBody", err.Error())
		return
	}
	w.mu.Lock()
	begun := w.first
	if w.refused == nil && !begun {
		w.refused = &local.FunctionError{Failure: reported(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))}
	}
	w.mu.Unlock()
	if begun {
		refuse(rw, http.StatusForbidden, "InvalidStateTransition", "The process has asked for an event: its init phase is over")
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(http.StatusAccepted)
	_, err = io.WriteString(rw, `{"status":"OK"}`)
	if err == nil {
		err = http.NewResponseController(rw).Flush()
	}
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		w.end()
	}
}

// refuse answers with an error of the Runtime API.
func refuse(rw http.ResponseWriter, status int, kind, message string) {
	body, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message}) // strings only
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = rw.Write(body) // a process that does not read it ends
}
