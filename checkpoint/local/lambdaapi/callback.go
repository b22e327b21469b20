package lambdaapi

import (
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// none is the response of calls that answer with nothing.
type none struct{}

// succeed serves SendDurableExecutionCallbackSuccess. The body is the result, byte for byte.
func (f *front) succeed(r request) (any, error) {
	var result []byte
	if len(r.body) > 0 {
		result = r.body
	}
	return none{}, f.svc.CompleteCallback(r.labels[0], result)
}

// fail serves SendDurableExecutionCallbackFailure. The body is the error.
func (f *front) fail(r request) (any, error) {
	failure, err := r.failure()
	if err != nil {
		return nil, err
	}
	if failure == nil {
		failure = &checkpoint.Failure{}
	}
	return none{}, f.svc.FailCallback(r.labels[0], *failure)
}

// heartbeat serves SendDurableExecutionCallbackHeartbeat.
func (f *front) heartbeat(r request) (any, error) {
	return none{}, f.svc.Heartbeat(r.labels[0])
}

// failure returns the error object that the body is, nil if the body is empty.
func (r request) failure() (*checkpoint.Failure, error) {
	if len(r.body) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	var w api.Failure
	if err := r.decode(&w); err != nil {
		return nil, err
	}
	return w.Record(), nil
}
