package engine

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// envelope is the payload of a batch: how it ended, and the payloads of its branches as text, so
// that codecs need not make JSON. Replay takes reason, winner and statuses from it and never
// computes them again.
type envelope struct {
	Reason string `json:"reason"`
	Failed bool   `json:"failed,omitempty"`
	Winner int    `json:"winner"`
	// Status has one letter for each branch that was started.
	Status  string         `json:"status"`
	Items   []envelopeItem `json:"items,omitempty"`
	Summary string         `json:"summary,omitempty"`
}

type envelopeItem struct {
	Payload *string          `json:"payload,omitempty"`
	Failure *envelopeFailure `json:"error,omitempty"`
}

type envelopeFailure struct {
	Type    string   `json:"type,omitempty"`
	Message string   `json:"message,omitempty"`
	Data    string   `json:"data,omitempty"`
	Stack   []string `json:"stack,omitempty"`
}

type markedEnvelope struct {
	Perdure *envelope `json:"perdure"`
}

// add takes in how a branch ended, if the rule was asked about it.
func (e *envelope) add(k *branch) {
	var it envelopeItem
	status := node.ItemStarted
	switch {
	case !k.counted:
	case k.failure != nil:
		status = node.ItemFailed
		it.Failure = (*envelopeFailure)(k.failure)
	default:
		status = node.ItemSucceeded
		if k.payload.Present() {
			text := k.payload.String()
			it.Payload = &text
		}
	}
	e.Status += string(rune(status))
	e.Items = append(e.Items, it)
}

// short is the envelope without the results, which then stay in the records of the branches.
func (e *envelope) short(summary string) *envelope {
	return &envelope{Reason: e.Reason, Failed: e.Failed, Winner: e.Winner, Status: e.Status, Summary: summary}
}

func (e *envelope) encode() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(markedEnvelope{Perdure: e}); err != nil {
		return nil // strings and numbers: it cannot fail
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// readEnvelope reads the payload of a batch; ok is false for one that a codec of the user's wrote.
func readEnvelope(payload []byte) (e *envelope, ok bool) {
	if !bytes.HasPrefix(payload, []byte(dataMark)) {
		return &envelope{}, false
	}
	var m markedEnvelope
	if json.Unmarshal(payload, &m) != nil || m.Perdure == nil {
		return &envelope{}, false
	}
	return m.Perdure, true
}

// dress completes the record of an operation with what its kind says of it: whether the payload
// comes from outside, and how it ended if it is, or passes on, a batch.
func (s *scope) dress(n node.Node, path string, r node.Record) node.Record {
	r.Outside = node.FromOutside(n)
	b, ok := node.Origin(n).(*node.Batch)
	if !ok || r.Err != nil || r.Payload == nil || r.Outcome != nil {
		return r
	}
	e, ok := readEnvelope(r.Payload.Bytes())
	if !ok {
		return r
	}
	if len(e.Status) > b.N {
		s.diverge(fewer(b, path, e))
	}
	r.Outcome = &node.Outcome{Reason: e.Reason, Failed: e.Failed, Winner: e.Winner, Items: make([]node.Item, len(e.Status))}
	for i := range r.Outcome.Items {
		var it envelopeItem
		if i < len(e.Items) {
			it = e.Items[i]
		}
		r.Outcome.Items[i] = s.item(b, path, r, i, node.ItemStatus(e.Status[i]), it)
	}
	if b.Failure != nil {
		_, r.Err = guard(func() (any, error) { return nil, b.Failure(r) })
	}
	return r
}

// fewer describes a batch that ended with more branches than the code has.
func fewer(n *node.Batch, path string, e *envelope) *Divergence {
	return &Divergence{
		Reason: "a batch has completed with more branches than the code has",
		Log:    fmt.Sprintf("%d branches of %s", len(e.Status), quote(path)),
		Code:   fmt.Sprintf("%d branches", n.N),
	}
}

// item builds the record of a branch as the code that decodes it sees it.
func (s *scope) item(
	n *node.Batch, path string, r node.Record, i int, status node.ItemStatus, in envelopeItem,
) node.Item {
	if i >= n.N {
		return node.Item{Index: i, Status: status}
	}
	k, err := newBranch(n, i)
	if err != nil {
		return node.Item{Index: i, Status: node.ItemFailed, Record: node.Record{Err: err}}
	}
	h := k.n.Head()
	it := node.Item{Index: i, Name: h.Name, Key: k.key, Status: status}
	id, path := k.origin(r.Meta.OperationID, path)
	it.Record = node.Record{
		Meta:  codec.Meta{ExecutionARN: r.Meta.ExecutionARN, OperationID: id, OperationName: h.Name},
		Codec: h.Codec, Source: s, Replayed: r.Replayed,
	}
	if in.Payload != nil {
		p := checkpoint.TextPayload(*in.Payload)
		it.Record.Payload = &p
	}
	if status == node.ItemFailed {
		f := checkpoint.Failure{}
		if in.Failure != nil {
			f = checkpoint.Failure(*in.Failure)
		}
		e := &op.Error{ID: id, Name: h.Name, Path: path, Kind: string(kindOf(node.Origin(k.n)))}
		s.fill(e, &f, concat(h.Known, concat(n.Known, s.known)))
		it.Record.Err = e
	}
	it.Record = s.dress(k.n, path, it.Record)
	return it
}
