package wire

import (
	"bytes"
	"encoding/json"
	"strings"
)

// nested is an envelope in which payloads of branches that nest stand as the JSON that they are. As
// text, each quote of a payload would become two, four and eight characters with each batch around
// it, and the payload of twenty batches one in another a megabyte.
type nested[P any] struct {
	Perdure *nestedEnvelope[P] `json:"perdure"`
}

type nestedEnvelope[P any] struct {
	Envelope

	Items []nestedItem[P] `json:"items,omitempty"`
}

type nestedItem[P any] struct {
	Payload P        `json:"payload,omitempty"`
	Failure *Failure `json:"error,omitempty"`
}

// escaped begins an envelope that is text in another one.
const escaped = `{\"perdure\":`

// nests reports whether the payload of a branch is written as the JSON that it is: if it is an
// envelope with another one in it. What holds no other one stays text, as it was when there was
// nothing else. The JSON is read again as it stands, so it must be without spaces.
func nests(payload *string) bool {
	if payload == nil || !strings.HasPrefix(*payload, prefix) || !strings.Contains(*payload, escaped) {
		return false
	}
	var b bytes.Buffer
	return json.Compact(&b, []byte(*payload)) == nil && b.String() == *payload
}

// nesting is the envelope for writing.
func nesting(e *Envelope) nested[any] {
	n := &nestedEnvelope[any]{Envelope: *e}
	for _, it := range e.Items {
		in := nestedItem[any]{Failure: it.Failure}
		switch {
		case it.Payload == nil:
		case nests(it.Payload):
			in.Payload = json.RawMessage(*it.Payload)
		default:
			in.Payload = *it.Payload
		}
		n.Items = append(n.Items, in)
	}
	return nested[any]{n}
}

// readNesting reads an envelope that may hold payloads as JSON.
func readNesting(payload []byte) (e *Envelope, ok bool) {
	var n nested[json.RawMessage]
	if json.Unmarshal(payload, &n) != nil || n.Perdure == nil {
		return &Envelope{}, false
	}
	e = &n.Perdure.Envelope
	for _, in := range n.Perdure.Items {
		it := Item{Failure: in.Failure}
		switch {
		case len(in.Payload) == 0:
		case bytes.HasPrefix(in.Payload, []byte(prefix)):
			it.Payload = new(string(in.Payload))
		default:
			if json.Unmarshal(in.Payload, &it.Payload) != nil {
				return &Envelope{}, false
			}
		}
		e.Items = append(e.Items, it)
	}
	return e, true
}
