package lambdaapi

import (
	"strconv"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/limits"
)

// checkpoint serves CheckpointDurableExecution.
func (f *front) checkpoint(r request) (any, error) {
	var in struct {
		CheckpointToken *string      `json:"CheckpointToken"`
		ClientToken     *string      `json:"ClientToken"`
		Updates         []wireUpdate `json:"Updates"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := checkToken(in.CheckpointToken); err != nil {
		return nil, err
	}
	call := checkpoint.CheckpointInput{ARN: r.labels[0], Token: *in.CheckpointToken}
	var client string
	if in.ClientToken != nil {
		client = *in.ClientToken
		if client == "" || len(client) > limits.ClientToken {
			return nil, notValid("clientToken", client, "Member must have length between 1 and 64")
		}
	}
	for i := range in.Updates {
		u, err := in.Updates[i].update(i)
		if err != nil {
			return nil, err
		}
		call.Updates = append(call.Updates, u)
	}
	out, err := f.svc.CheckpointOnce(r.Context(), call, client)
	if err != nil {
		return nil, err
	}
	f.warnOfInvokes(r, call.Updates)
	return newCheckpointReply(out), nil
}

// checkpointReply is the response of CheckpointDurableExecution.
type checkpointReply struct {
	Token string    `json:"CheckpointToken,omitempty"`
	State statePage `json:"NewExecutionState"`
}

// statePage is a page of the state, and the response of GetDurableExecutionState.
type statePage struct {
	Operations []wireOperation `json:"Operations"`
	NextMarker string          `json:"NextMarker,omitempty"`
}

func newCheckpointReply(out checkpoint.CheckpointOutput) checkpointReply {
	return checkpointReply{out.Token, statePage{wireOperations(out.Operations), out.NextMarker}}
}

func checkToken(token *string) error {
	switch {
	case token == nil:
		return notValid("checkpointToken", "null", "Member must not be null")
	case *token == "" || len(*token) > limits.Token:
		return notValid("checkpointToken", *token, "Member must have length between 1 and 2048")
	}
	return nil
}

// state serves GetDurableExecutionState.
func (f *front) state(r request) (any, error) {
	q := r.URL.Query()
	token := q.Get("CheckpointToken")
	if err := checkToken(&token); err != nil {
		return nil, err
	}
	items, err := r.maxItems()
	if err != nil {
		return nil, err
	}
	out, err := f.svc.State(r.Context(), checkpoint.StateInput{
		ARN: r.labels[0], Token: token, Marker: q.Get("Marker"), MaxItems: items,
	})
	if err != nil {
		return nil, err
	}
	return statePage{wireOperations(out.Operations), out.NextMarker}, nil
}

// maxItems returns how many items a page is to have, zero if the caller does not say.
func (r request) maxItems() (int, error) {
	text := r.URL.Query().Get("MaxItems")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > limits.PageItems {
		return 0, notValid("maxItems", text, "Member must be between 0 and 1000")
	}
	return n, nil
}

// flag returns a query parameter that is true or false.
func (r request) flag(name string, unless bool) (bool, error) {
	switch text := r.URL.Query().Get(name); text {
	case "":
		return unless, nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, notValid(name, text, "Member must be true or false")
	}
}
