package oldlogs

import (
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// update is a change of an operation. In a file, the first of an operation has its kind, sub-type,
// name and parent; later ones have them only if they differ.
type update struct {
	Action  checkpoint.Action `json:"do"`
	Kind    checkpoint.Kind   `json:"kind,omitempty"`
	SubType string            `json:"sub,omitempty"`
	Name    string            `json:"name,omitempty"`
	ID      string            `json:"id"`
	Parent  string            `json:"in,omitempty"`

	Payload   *text    `json:"payload,omitempty"`
	Failure   *failure `json:"error,omitempty"`
	Next      span     `json:"next,omitempty"`
	Wait      span     `json:"wait,omitempty"`
	Timeout   span     `json:"timeout,omitempty"`
	Heartbeat span     `json:"heartbeat,omitempty"`
	Function  string   `json:"function,omitempty"`
	Tenant    string   `json:"tenant,omitempty"`
	Children  bool     `json:"replayChildren,omitempty"`
}

type failure struct {
	Type    string   `json:"type,omitempty"`
	Message text     `json:"message,omitempty"`
	Data    text     `json:"data,omitempty"`
	Stack   []string `json:"stack,omitempty"`
}

func newUpdate(u checkpoint.Update) update {
	return update{
		Action: u.Action, Kind: u.Kind, SubType: u.SubType, Name: u.Name, ID: u.ID, Parent: u.ParentID,
		Payload: textOf(u.Payload), Failure: newFailure(u.Failure),
		Next: span(u.NextAttemptDelay), Wait: span(u.Wait), Timeout: span(u.Timeout), Heartbeat: span(u.Heartbeat),
		Function: u.Function, Tenant: u.Tenant, Children: u.ReplayChildren,
	}
}

// sent is the update as a function makes it.
func (u *update) sent() checkpoint.Update {
	return checkpoint.Update{
		ID: u.ID, ParentID: u.Parent, Name: u.Name, SubType: u.SubType, Kind: u.Kind, Action: u.Action,
		Payload: payloadOf(u.Payload), Failure: u.Failure.sent(),
		NextAttemptDelay: time.Duration(u.Next), Wait: time.Duration(u.Wait),
		Timeout: time.Duration(u.Timeout), Heartbeat: time.Duration(u.Heartbeat),
		Function: u.Function, Tenant: u.Tenant, ReplayChildren: u.Children,
	}
}

func newFailure(f *checkpoint.Failure) *failure {
	if f == nil {
		return nil
	}
	return &failure{Type: f.Type, Message: text(f.Message), Data: text(f.Data), Stack: f.Stack}
}

func (f *failure) sent() *checkpoint.Failure {
	if f == nil {
		return nil
	}
	return &checkpoint.Failure{Type: f.Type, Message: string(f.Message), Data: string(f.Data), Stack: f.Stack}
}

func textOf(p checkpoint.Payload) *text {
	if !p.Present() {
		return nil
	}
	t := text(p.String())
	return &t
}

func payloadOf(t *text) checkpoint.Payload {
	if t == nil {
		return checkpoint.Payload{}
	}
	return checkpoint.TextPayload(string(*t))
}

// identities are what the updates of an operation have in common, by its ID.
type identities map[string]update

func (u *update) identity() update {
	return update{Kind: u.Kind, SubType: u.SubType, Name: u.Name, Parent: u.Parent}
}

// shorten takes away what is known of an operation.
func (known identities) shorten(u update) update {
	id := u.identity()
	if first, ok := known[u.ID]; ok && first == id {
		u.Kind, u.SubType, u.Name, u.Parent = "", "", "", ""
	} else if !ok {
		known[u.ID] = id
	}
	return u
}

// lengthen gives it back.
func (known identities) lengthen(u update) update {
	first, ok := known[u.ID]
	switch {
	case ok && u.Kind == "":
		u.Kind, u.SubType, u.Name, u.Parent = first.Kind, first.SubType, first.Name, first.Parent
	case !ok:
		known[u.ID] = u.identity()
	}
	return u
}
