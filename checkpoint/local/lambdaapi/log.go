package lambdaapi

import (
	"net/http"

	"github.com/perdure/perdure/checkpoint"
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
