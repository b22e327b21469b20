package lambdaapi

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

// Handler returns a service as the Lambda API. Any AWS SDK whose endpoint for Lambda is the address
// of a server with this handler can use it. Its calls are
//
//   - CheckpointDurableExecution, GetDurableExecutionState, GetDurableExecution,
//     GetDurableExecutionHistory, ListDurableExecutionsByFunction and StopDurableExecution,
//   - PauseDurableExecution, ResumeDurableExecution and DeleteDurableExecution,
//   - Fork and Redrive, which Lambda does not have: POST …/durable-executions/{arn}/fork and
//     …/redrive with Before and Name, answered with a DurableExecutionArn (see
//     [local.Service.Fork]), and Skip: POST …/durable-executions/{arn}/skip with Operation and
//     Seconds (see [local.Service.Skip]),
//   - SendDurableExecutionCallbackSuccess, SendDurableExecutionCallbackFailure and
//     SendDurableExecutionCallbackHeartbeat,
//   - Invoke, synchronous, asynchronous and as a dry run, and
//   - ListFunctions, GetFunction and GetFunctionConfiguration for the functions that are hosted.
//
// AWS does not have GET /perdure/durable-executions/ARN/log, which returns what the function would
// be invoked with: with it perdure compat is exact. Neither does it have GET
// /perdure/durable-executions/ARN/timers, which returns what the execution does by itself after a
// time, as an array of objects with operation, purpose and at (see [local.Service.Timers]): a
// history does not say what was skipped.
//
// It accepts every signature, and a request without one: no one is authenticated. Serve it on a
// loopback address. Requests of web pages are refused: those with an Origin header and, on a
// loopback address, those for a host of the public DNS.
//
// A durable function that is invoked without a version or an alias is run, as AWS does not: a
// warning says so once for each function, in the log (see [WithLogger]) and in the header "Warning"
// of that response.
//
// A fault that is not a [*checkpoint.APIError] drops the connection without an answer. The handler
// fits [net/http.Server], whose Shutdown waits for running calls; a synchronous Invoke runs until
// its execution has ended.
func Handler(s *local.Service, opts ...Option) http.Handler {
	f := &front{svc: s, routes: frontRoutes()}
	for _, o := range opts {
		if o != nil {
			o.apply(f)
		}
	}
	return f
}

// front serves the API.
type front struct {
	svc    *local.Service
	routes []route
	logger *slog.Logger // nil for the default
	// truncation is the length that payloads in histories have at most; zero for any. refuse is of
	// calls, nil for none.
	truncation int
	refuse     func(call string) bool
	warned     sync.Map // names of functions that were warned of
}

// route is one call of the API. A segment of its path that is "*" stands for any text.
type route struct {
	call, method string
	path         []string
	// limit is how many bytes the body has at most.
	limit func(local.Limits) int
	serve func(*front, request) (response any, err error)
}

// request is a call that has found its route.
type request struct {
	*http.Request

	call   string
	labels []string // what stood for "*" in the path, decoded
	body   []byte
	// header is that of the response.
	header http.Header
	// w is for calls that write their response themselves.
	w http.ResponseWriter
}

// accepted is the response of a call that AWS answers before it has done what was asked for.
type accepted struct{ response any }

// written is the response of a call that has written it itself.
type written struct{}

func frontRoutes() []route {
	const durable, functions = "2025-12-01/", "2015-03-31/functions"
	at := func(call, method, path string, limit func(local.Limits) int, serve func(*front, request) (any, error)) route {
		return route{call: call, method: method, path: strings.Split(path, "/"), limit: limit, serve: serve}
	}
	return []route{
		at(api.CallCheckpoint, http.MethodPost, durable+"durable-executions/*/checkpoint", checkpointBytes, (*front).checkpoint),
		at(api.CallState, http.MethodGet, durable+"durable-executions/*/state", noBytes, (*front).state),
		at("GetDurableExecution", http.MethodGet, durable+"durable-executions/*", noBytes, (*front).execution),
		at("GetDurableExecutionHistory", http.MethodGet, durable+"durable-executions/*/history", noBytes, (*front).history),
		at("ListDurableExecutionsByFunction", http.MethodGet, durable+"functions/*/durable-executions", noBytes, (*front).list),
		at("GetLog", http.MethodGet, "perdure/durable-executions/*/log", noBytes, (*front).log),
		at("GetTimers", http.MethodGet, "perdure/durable-executions/*/timers", noBytes, (*front).timers),
		at(api.CallStop, http.MethodPost, durable+"durable-executions/*/stop", failureBytes, (*front).stop),
		at(api.CallPause, http.MethodPost, durable+"durable-executions/*/pause", noBytes, (*front).pause),
		at(api.CallResume, http.MethodPost, durable+"durable-executions/*/resume", noBytes, (*front).resume),
		at(api.CallFork, http.MethodPost, durable+"durable-executions/*/fork", noBytes, (*front).fork),
		at(api.CallRedrive, http.MethodPost, durable+"durable-executions/*/redrive", noBytes, (*front).redrive),
		at(api.CallSkip, http.MethodPost, durable+"durable-executions/*/skip", noBytes, (*front).skip),
		at(api.CallDelete, http.MethodDelete, durable+"durable-executions/*", noBytes, (*front).remove),
		at(api.CallSucceed, http.MethodPost, durable+"durable-execution-callbacks/*/succeed", callbackBytes, (*front).succeed),
		at(api.CallFail, http.MethodPost, durable+"durable-execution-callbacks/*/fail", failureBytes, (*front).fail),
		at(api.CallHeartbeat, http.MethodPost, durable+"durable-execution-callbacks/*/heartbeat", failureBytes, (*front).heartbeat),
		at(api.CallInvoke, http.MethodPost, functions+"/*/invocations", inputBytes, (*front).invoke),
		at("ListFunctions", http.MethodGet, functions, noBytes, (*front).listFunctions),
		at("GetFunction", http.MethodGet, functions+"/*", noBytes, (*front).function),
		at("GetFunctionConfiguration", http.MethodGet, functions+"/*/configuration", noBytes, (*front).functionConfiguration),
	}
}

// The bodies of calls. What is in JSON may be several times as long as what it stands for.
func checkpointBytes(l local.Limits) int { return 16*limits.MiB + 6*l.ResultBytes }
func failureBytes(l local.Limits) int    { return limits.MiB + 6*l.FailureBytes }
func callbackBytes(l local.Limits) int   { return l.CallbackBytes }
func inputBytes(l local.Limits) int      { return l.InputBytes }
func noBytes(local.Limits) int           { return limits.MiB }

// ServeHTTP implements [http.Handler].
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-RequestId", f.svc.RequestID())
	req, route, err := f.find(w, r)
	if err == nil {
		err = f.throttled(req.call)
	}
	if err == nil {
		req.body, err = readBody(w, r, route)
	}
	var out any
	if err == nil {
		out, err = route.serve(f, req)
	}
	if err != nil {
		writeError(w, req.call, err)
		return
	}
	switch out := out.(type) {
	case written:
	case accepted:
		writeJSON(w, http.StatusAccepted, out.response)
	default:
		writeJSON(w, http.StatusOK, out)
	}
}

// find returns the route of a request.
func (f *front) find(w http.ResponseWriter, r *http.Request) (request, routeBody, error) {
	req := request{Request: r, call: r.Method + " " + r.URL.Path, header: w.Header(), w: w}
	if why := refusedPage(r); why != "" {
		return req, routeBody{}, badRequest(http.StatusForbidden, "AccessDeniedException", why)
	}
	segments, err := pathSegments(r.URL)
	if err != nil {
		return req, routeBody{}, badRequest(http.StatusBadRequest, "InvalidRequestContentException", "The path is not a valid URL path: "+err.Error())
	}
	var others []string
	for i := range f.routes {
		labels, ok := f.routes[i].match(segments)
		switch {
		case !ok:
		case f.routes[i].method != r.Method:
			others = append(others, f.routes[i].method)
		default:
			req.call, req.labels = f.routes[i].call, labels
			return req, routeBody{&f.routes[i], f.routes[i].limit(f.svc.Limits())}, nil
		}
	}
	if len(others) > 0 {
		w.Header().Set("Allow", strings.Join(others, ", "))
		return req, routeBody{}, badRequest(http.StatusMethodNotAllowed, "MethodNotAllowedException",
			"This path takes "+strings.Join(others, " or ")+", not "+r.Method+".")
	}
	return req, routeBody{}, badRequest(http.StatusNotFound, "UnknownOperationException",
		"The local service has no such call; the documentation of lambdaapi.Handler lists those it has.")
}

// routeBody is a route and the longest body that it takes.
type routeBody struct {
	*route

	most int
}

// pathSegments splits a path before it decodes it: an ARN is one segment, slashes and all.
func pathSegments(u *url.URL) ([]string, error) {
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, p := range parts {
		text, err := url.PathUnescape(p)
		if err != nil {
			return nil, err
		}
		parts[i] = text
	}
	return parts, nil
}

// match returns what stands for the "*" of the path.
func (r *route) match(segments []string) (labels []string, ok bool) {
	if len(segments) != len(r.path) {
		return nil, false
	}
	for i, want := range r.path {
		switch {
		case want == "*" && segments[i] != "":
			labels = append(labels, segments[i])
		case want != segments[i]:
			return nil, false
		}
	}
	return labels, true
}

func readBody(w http.ResponseWriter, r *http.Request, route routeBody) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(route.most)))
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(int(tooLong.Limit))
	}
	if err != nil {
		return nil, badRequest(http.StatusBadRequest, "InvalidRequestContentException", "The body cannot be read: "+err.Error())
	}
	return body, nil
}

// decode reads a body that is JSON; an empty one is an empty object. Members that out does not
// have are ignored.
func (r request) decode(out any) error {
	if len(r.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.body, out); err != nil {
		return badRequest(http.StatusBadRequest, "SerializationException", "Could not parse request body into json: "+err.Error())
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		writeError(w, "", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // who does not read it asks again
}
