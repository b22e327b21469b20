package replaytest

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// batchFailed reports whether a batch that has a result ended because it failed.
func (j *judgement) batchFailed(path string) bool {
	o := j.outcome(path)
	return o != nil && o.Failed
}

// timedOut reports whether an operation is an op.Timeout whose timer was first.
func (j *judgement) timedOut(path string) bool {
	o := j.outcome(path)
	return o != nil && j.batches[path].limit && o.Winner != 0
}

// branchStatus is how a branch has ended as its batch sees it; zero if that is not known.
func (j *judgement) branchStatus(path string) node.ItemStatus {
	b := j.branches[path]
	rec, ok := j.records[b.batch]
	if !ok || !rec.Status.Terminal() {
		return node.ItemStarted
	}
	o := j.outcome(b.batch)
	switch {
	case o == nil:
		return 0
	case b.index >= len(o.Items):
		return node.ItemStarted
	}
	return o.Items[b.index].Status
}

// refused reports whether a branch completed, and counts as failed because a function refused what
// it resulted in. The record of how a batch ended that is too large for results does not say it.
func (j *judgement) refused(path string) bool {
	b := j.branches[path]
	o := j.outcome(b.batch)
	if o == nil || b.index >= len(o.Items) || o.Items[b.index].Status != node.ItemFailed {
		return false
	}
	if it := o.Items[b.index]; it.Result.Payload != nil || it.Result.Err != nil {
		return it.Result.Err == nil
	}
	return j.records[b.op].Status == checkpoint.StatusSucceeded || j.records[path].Status == checkpoint.StatusSucceeded ||
		len(j.returnedBy(path)) > 0
}

// outcome is how a batch has ended; nil if it has not, or if that is not known.
func (j *judgement) outcome(path string) *node.Outcome {
	b, rec := j.batches[path], j.records[path]
	if b == nil {
		return nil
	}
	for _, text := range []string{rec.Payload.String(), j.byID[settlementOf(rec.ID)].Payload.String()} {
		if o := outcomeOf(text); o != nil {
			return o
		}
	}
	return b.outcome
}

// outcomeOf reads what a batch is recorded with; nil for what a codec has written.
func outcomeOf(payload string) *node.Outcome {
	var m struct {
		Perdure *struct {
			Reason string `json:"reason"`
			Status string `json:"status"`
			Failed bool   `json:"failed"`
			Winner int    `json:"winner"`
			Items  []struct {
				Payload json.RawMessage `json:"payload"`
				Failure json.RawMessage `json:"error"`
			} `json:"items"`
		} `json:"perdure"`
	}
	if !strings.HasPrefix(payload, `{"perdure":`) || json.Unmarshal([]byte(payload), &m) != nil || m.Perdure == nil {
		return nil
	}
	o := &node.Outcome{Reason: m.Perdure.Reason, Failed: m.Perdure.Failed, Winner: m.Perdure.Winner}
	for i, status := range []byte(m.Perdure.Status) {
		it := node.Item{Index: i, Status: node.ItemStatus(status)}
		if i < len(m.Perdure.Items) {
			switch end := m.Perdure.Items[i]; {
			case end.Failure != nil:
				it.Result.Err = errors.New(string(end.Failure))
			case end.Payload != nil:
				it.Result.Payload = checkpoint.TextPayload(string(end.Payload))
			}
		}
		o.Items = append(o.Items, it)
	}
	return o
}
