package wire

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Envelope is the payload of a batch: how it ended, and the payloads of its branches as text, so
// that codecs need not make JSON. A replay takes reason, winner and statuses from it and never
// computes them again. Its branches stand in the order of the code that wrote it: see
// [Envelope.Places]. Of batches that are operands of one another, see nesting.
type Envelope struct {
	Reason string `json:"reason"`
	Failed bool   `json:"failed,omitempty"`
	// Winner is the place of the branch whose end was the end of the batch; -1 if none was.
	Winner int `json:"winner"`
	// Status has one letter for each branch that counts as started: see [Started].
	Status string `json:"status"`
	// IDs are the marks of the branches, in one text; empty if all are identified by their index,
	// and in what was written before there were marks.
	IDs     string `json:"ids,omitempty"`
	Items   []Item `json:"items,omitempty"`
	Summary string `json:"summary,omitempty"`
}

// Item is what the operation of a branch ended with: a payload, an error, or neither.
type Item struct {
	Payload *string  `json:"payload,omitempty"`
	Failure *Failure `json:"error,omitempty"`
}

// Failure is an error.
type Failure struct {
	Type    string   `json:"type,omitempty"`
	Message string   `json:"message,omitempty"`
	Data    string   `json:"data,omitempty"`
	Stack   []string `json:"stack,omitempty"`
}

// The letters of a status.
const (
	BranchSucceeded = 'S'
	BranchFailed    = 'F'
	BranchStarted   = '-' // it had not ended, or did not count any more
	BranchLeft      = 'L' // the code had it no more, and it had not ended
)

// Ending is how a branch ended. Its status is that of its value: an operation with a payload may
// count as failed, if a function of the user's refuses the result, and one with an error as a
// success.
type Ending struct {
	Status byte
	Item
}

// prefix begins an envelope.
const prefix = `{"perdure":`

type marked struct {
	Perdure *Envelope `json:"perdure"`
}

// Add takes in how the next branch ended.
func (e *Envelope) Add(end Ending) {
	if end.Status == BranchStarted || end.Status == BranchLeft {
		end.Item = Item{}
	}
	e.Status += string(rune(end.Status))
	e.Items = append(e.Items, end.Item)
}

// At returns how the i-th recorded branch ended.
func (e *Envelope) At(i int) Ending {
	end := Ending{Status: e.Status[i]}
	if i < len(e.Items) {
		end.Item = e.Items[i]
	}
	return end
}

// Marks returns those of the recorded branches: of at least as many as count as started.
func (e *Envelope) Marks() []Mark { return splitMarks(e.IDs, len(e.Status)) }

// Left reports whether the code that ended the batch did not have the i-th branch any more.
func (e *Envelope) Left(i int) bool { return i >= 0 && i < len(e.Status) && e.Status[i] == BranchLeft }

// Short is the envelope without the results, which then stay in the records of the branches.
func (e *Envelope) Short(summary string) *Envelope {
	return &Envelope{
		Reason: e.Reason, Failed: e.Failed, Winner: e.Winner, Status: e.Status, IDs: e.IDs, Summary: summary,
	}
}

// IsShort reports whether a payload is an envelope whose results are in the records of the
// branches.
func IsShort(payload []byte) bool {
	e, ok := ReadEnvelope(payload)
	return ok && e.Status != "" && len(e.Items) == 0
}

// Encode returns the envelope as a payload.
func (e *Envelope) Encode() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	var m any = marked{Perdure: e}
	if slices.ContainsFunc(e.Items, func(it Item) bool { return nests(it.Payload) }) {
		m = nesting(e)
	}
	if err := enc.Encode(m); err != nil {
		return nil // strings, numbers and JSON: it cannot fail
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// ReadEnvelope reads the payload of a batch; ok is false for one that a codec of the user's wrote.
func ReadEnvelope(payload []byte) (e *Envelope, ok bool) {
	if !bytes.HasPrefix(payload, []byte(prefix)) {
		return &Envelope{}, false
	}
	var m marked
	if json.Unmarshal(payload, &m) != nil {
		return readNesting(payload)
	}
	if m.Perdure == nil {
		return &Envelope{}, false
	}
	return m.Perdure, true
}

// Started is how many of n branches count as started when that many have been counted as ended, the
// one that decides included: all, unless maxOpen, which is not zero then, bounds how many may be
// open at once. It does not depend on how many an invocation got to before it was lost.
func Started(n, maxOpen, counted int) int {
	switch {
	case counted == 0:
		return 0 // the rule is asked before anything is started
	case maxOpen == 0:
		return n
	}
	return min(n, maxOpen+counted-1)
}
