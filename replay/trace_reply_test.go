package replay_test

import (
	"errors"

	"github.com/perdure/perdure/checkpoint"
)

// answer takes the call in flight.
func (r *traceRun) answer() (*traceCall, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	call := r.service.call
	if call == nil {
		return nil, errors.New("no call is in flight")
	}
	r.service.call = nil
	return call, nil
}

// reply accepts the call in flight: "reply", with ends that the answer has as well, "mute" to leave
// out what the function knows, "last" to give no token.
func (r *traceRun) reply(how string, ends []string) error {
	r.service.tick(r.now())
	if r.service.call == nil {
		return errors.New("no call is in flight")
	}
	out, err := r.service.accept(how == "mute")
	if err != nil {
		return err
	}
	for _, what := range ends {
		if err := r.service.finish(what, r.now()); err != nil {
			return err
		}
	}
	out.Operations = append(out.Operations, r.service.unseen()...)
	if how == "last" {
		out.Token = ""
	}
	call, err := r.answer()
	if err != nil {
		return err
	}
	call.done <- traceAnswer{out: out}
	return nil
}

// fault fails the call in flight: it is carried out and its answer is lost, it is lost, or refused.
func (r *traceRun) fault(how string) error {
	if r.service.call == nil {
		return errors.New("no call is in flight")
	}
	api := &checkpoint.APIError{Call: "CheckpointDurableExecution"}
	switch how {
	case "lose":
		r.service.tick(r.now())
		if _, err := r.service.accept(false); err != nil {
			return err
		}
		api.Cause = errors.New("the answer is lost")
	case "drop":
		api.Cause = errors.New("the call is lost")
	case "throttle":
		api.HTTPStatus, api.Code, api.Message = 429, "TooManyRequestsException", "slow down"
	case "refuse":
		api.HTTPStatus, api.Code, api.Message = 400, "InvalidParameterValueException", "no such operation"
	}
	call, err := r.answer()
	if err != nil {
		return err
	}
	call.done <- traceAnswer{err: api}
	return nil
}
