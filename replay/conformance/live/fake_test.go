package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"

	"github.com/perdure/perdure/replay/conformance/live/subject"
)

// fast is a clock that goes faster than that of the machine.
type fast struct {
	began  time.Time
	factor int64
}

// Now implements [checkpoint.Clock].
func (f fast) Now() time.Time {
	return f.began.Add(time.Duration(time.Since(f.began).Nanoseconds() * f.factor))
}

// AfterFunc implements [checkpoint.Clock].
func (f fast) AfterFunc(d time.Duration, fn func()) func() bool {
	return time.AfterFunc(time.Duration(d.Nanoseconds()/f.factor), fn).Stop
}

// account stands for an account of AWS: the calls of Lambda, IAM and CloudWatch Logs that the
// program makes. Executions run in the durable service on this machine.
type account struct {
	t       *testing.T
	service *local.Service
	front   http.Handler
	url     string

	mu    sync.Mutex
	there map[string]bool // what was made, and is not removed
	calls []string
	deny  string // the call that is refused
	code  map[string]string
}

func newAccount(t *testing.T) (*account, checkpoint.Clock) {
	t.Helper()
	clock := fast{time.Now(), 20}
	a := &account{t: t, service: local.New(local.WithClock(clock)), there: make(map[string]bool), code: make(map[string]string)}
	a.front = lambdaapi.Handler(a.service)
	server := httptest.NewServer(a)
	a.url = server.URL
	t.Cleanup(func() {
		server.Close()
		if err := a.service.Close(); err != nil {
			t.Error(err)
		}
	})
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(key, value)
	}
	return a, clock
}

// left returns what was made and is there.
func (a *account) left() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.there))
}

// ServeHTTP implements [http.Handler].
func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, serve := a.find(r)
	if serve == nil {
		a.front.ServeHTTP(w, r)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, call)
	if call == a.deny {
		w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"__type":"AccessDeniedException","message":"not authorized to perform %s"}`, call)
		return
	}
	serve(w)
}

const functionsPath = "/2015-03-31/functions"

// find returns the name of a call that the durable service does not have, and what serves it.
func (a *account) find(r *http.Request) (call string, serve func(http.ResponseWriter)) {
	target := r.Header.Get("X-Amz-Target")
	rest, isFunction := strings.CutPrefix(r.URL.Path, functionsPath)
	name, part, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	switch {
	case r.URL.Path == "/" && target != "":
		return a.logs(r, strings.TrimPrefix(target, "Logs_20140328."))
	case r.URL.Path == "/":
		return a.iam(r)
	case !isFunction:
		return "", nil
	case r.Method == http.MethodPost && name == "":
		body := readJSON(a.t, r.Body)
		return "CreateFunction", func(w http.ResponseWriter) { a.createFunction(w, body) }
	case r.Method == http.MethodPost && part == "versions":
		return "PublishVersion", func(w http.ResponseWriter) { a.publish(w, name) }
	case r.Method == http.MethodPut && part == "configuration":
		body := readJSON(a.t, r.Body)
		return "UpdateFunctionConfiguration", func(w http.ResponseWriter) {
			a.code[name+":$LATEST"] = codeOf(body)
			a.configuration(w, name)
		}
	case r.Method == http.MethodGet && part == "configuration":
		return "GetFunctionConfiguration", func(w http.ResponseWriter) { a.configuration(w, name) }
	case r.Method == http.MethodDelete && part == "":
		return "DeleteFunction", func(w http.ResponseWriter) {
			if !a.there["function "+name] {
				w.Header().Set("X-Amzn-ErrorType", "ResourceNotFoundException")
				w.WriteHeader(http.StatusNotFound)
				return
			}
			delete(a.there, "function "+name)
			w.WriteHeader(http.StatusNoContent)
		}
	}
	return "", nil
}

func readJSON(t *testing.T, r io.Reader) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.NewDecoder(r).Decode(&body); err != nil {
		t.Error(err)
	}
	return body
}

func codeOf(body map[string]any) string {
	environment, _ := body["Environment"].(map[string]any)
	variables, _ := environment["Variables"].(map[string]any)
	code, _ := variables["CODE"].(string)
	return code
}

// createFunction hosts the function. What Lambda would refuse is refused.
func (a *account) createFunction(w http.ResponseWriter, body map[string]any) {
	name, _ := body["FunctionName"].(string)
	seconds, _ := body["Timeout"].(float64)
	durable, _ := body["DurableConfig"].(map[string]any)
	role, _ := body["Role"].(string)
	if name == "" || seconds == 0 || durable["ExecutionTimeout"] == nil || !a.there["role "+name] || role != "arn:aws:iam::123456789012:role/"+name {
		w.Header().Set("X-Amzn-ErrorType", "InvalidParameterValueException")
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.there["function "+name] = true
	a.code[name+":$LATEST"] = codeOf(body)
	a.host(name, "$LATEST", time.Duration(seconds)*time.Second)
	a.configuration(w, name)
}

// host hosts a version of the function.
func (a *account) host(name, version string, timeout time.Duration) {
	hosted := name + ":" + version
	client := func(ctx context.Context) (checkpoint.Client, error) {
		c, ok := checkpoint.ClientFrom(ctx)
		if !ok {
			return nil, fmt.Errorf("%s has no client", hosted)
		}
		return c, nil
	}
	getenv := func(key string) string {
		a.mu.Lock()
		defer a.mu.Unlock()
		return map[string]string{"CODE": a.code[hosted]}[key]
	}
	if err := a.service.Host(hosted, subject.Handler(client, getenv), local.WithFunctionTimeout(timeout)); err != nil {
		a.t.Error(err)
	}
}

func (a *account) publish(w http.ResponseWriter, name string) {
	a.code[name+":1"] = a.code[name+":$LATEST"]
	a.host(name, "1", invocationSeconds*time.Second)
	writeJSON(w, http.StatusCreated, map[string]any{"FunctionName": name, "Version": "1"})
}

func (a *account) configuration(w http.ResponseWriter, name string) {
	writeJSON(w, http.StatusOK, map[string]any{"FunctionName": name, "State": "Active", "LastUpdateStatus": "Successful"})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client notices
}

// logs serves CloudWatch Logs (JSON, by the target).
func (a *account) logs(r *http.Request, call string) (string, func(http.ResponseWriter)) {
	body := readJSON(a.t, r.Body)
	return call, func(w http.ResponseWriter) {
		group := fmt.Sprint("log group ", body["logGroupName"])
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		switch {
		case call == "CreateLogGroup":
			a.there[group] = true
		case !a.there[group]:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"ResourceNotFoundException","message":"The specified log group does not exist."}`)
			return
		case call == "DeleteLogGroup":
			delete(a.there, group)
		case call == "PutRetentionPolicy" && body["retentionInDays"] != 1.0:
			a.t.Errorf("lines are kept for %v days", body["retentionInDays"])
		}
		fmt.Fprint(w, "{}")
	}
}

// iam serves IAM (XML, by the action).
func (a *account) iam(r *http.Request) (string, func(http.ResponseWriter)) {
	call, name := r.FormValue("Action"), r.FormValue("RoleName")
	return call, func(w http.ResponseWriter) {
		role, policy := "role "+name, "policy of "+name
		gone := map[string]bool{"DeleteRole": !a.there[role], "DeleteRolePolicy": !a.there[policy]}[call]
		w.Header().Set("Content-Type", "text/xml")
		if gone {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>it is gone</Message></Error></ErrorResponse>`)
			return
		}
		switch call {
		case "CreateRole":
			a.there[role] = true
		case "PutRolePolicy":
			a.there[policy] = true
			if !json.Valid([]byte(r.FormValue("PolicyDocument"))) {
				a.t.Errorf("the policy is no JSON: %s", r.FormValue("PolicyDocument"))
			}
		case "DeleteRole":
			delete(a.there, role)
		case "DeleteRolePolicy":
			delete(a.there, policy)
		}
		var answer strings.Builder
		fmt.Fprintf(&answer, "<%[1]sResponse><%[1]sResult><Role><Arn>arn:aws:iam::123456789012:role/", call)
		_ = xml.EscapeText(&answer, []byte(name)) // a builder takes all
		fmt.Fprintf(&answer, "</Arn><RoleName>%[2]s</RoleName></Role></%[1]sResult></%[1]sResponse>", call, name)
		fmt.Fprint(w, answer.String())
	}
}
