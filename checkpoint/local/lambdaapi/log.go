package lambdaapi

import (
	"net/http"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// logToken stands in a log where an invocation has its token: the log is no invocation.
const logToken = "none"

// log serves the log of an execution, in one page, as the event of an invocation has it.
func (f *front) log(r request) (any, error) {
	in, err := f.svc.Log(r.labels[0])
	if err != nil {
		return nil, err
	}
	in.Token = logToken
	text, err := checkpoint.EncodeInvocation(in)
	if err != nil {
		return nil, err
	}
	r.header.Set("Content-Type", "application/json")
	r.w.WriteHeader(http.StatusOK)
	_, _ = r.w.Write(text) // who does not read it asks again
	return written{}, nil
}

// timer is a [local.Timer] in JSON.
type timer struct {
	Operation string        `json:"operation,omitempty"`
	Purpose   local.Purpose `json:"purpose"`
	At        time.Time     `json:"at"`
}

// timers serves what an execution does by itself after a time, the first of it first.
func (f *front) timers(r request) (any, error) {
	all, err := f.svc.Timers(r.labels[0])
	if err != nil {
		return nil, err
	}
	out := make([]timer, len(all))
	for i, t := range all {
		out[i] = timer{t.Operation, t.Purpose, t.At.UTC()}
	}
	return out, nil
}
