package replaytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// History is what happened in an execution: a recording that changed code is compared with. As JSON
// it has the members that the Lambda API and its command line give a history: DurableExecutionArn
// and Events, with a time, Taken, and of a fork ForkedFrom.
type History struct {
	// Name is where it was read; messages begin with it.
	Name string
	// ARN names the execution. Identifiers and random numbers are made of it.
	ARN string
	// Taken is when it was recorded; zero if that is not known.
	Taken time.Time
	// ForkedFrom are the ARNs of the executions that it was forked from, the last one first: what
	// was sealed in them is opened as it is there.
	ForkedFrom []string
	// Events are those of the execution, from the first on.
	Events []local.Event
}

// HistoryOf returns the history of an execution of the local service, as far as it has come.
func HistoryOf(e *local.Execution) History {
	return History{Name: e.Name(), ARN: e.ARN(), ForkedFrom: e.Log().ForkedFrom, Events: e.History()}
}

// Log returns what the function was given after the first n events: see local.LogOf.
func (h History) Log(n int) checkpoint.Invocation {
	log := local.LogOf(h.ARN, h.Events[:min(max(n, 0), len(h.Events))])
	log.ForkedFrom = h.ForkedFrom
	return log
}

type historyJSON struct {
	ARN        string        `json:"DurableExecutionArn"`
	Taken      *time.Time    `json:"Taken,omitempty"`
	ForkedFrom []string      `json:"ForkedFrom,omitempty"`
	Events     []local.Event `json:"Events"`
}

// MarshalJSON writes the history.
func (h History) MarshalJSON() ([]byte, error) {
	j := historyJSON{ARN: h.ARN, ForkedFrom: h.ForkedFrom, Events: h.Events}
	if !h.Taken.IsZero() {
		j.Taken = &h.Taken
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads a history. It fails if it has no ARN, or does not begin with the start of the
// execution.
func (h *History) UnmarshalJSON(data []byte) error {
	var j historyJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	switch {
	case j.ARN == "":
		return errors.New("replaytest: a history without DurableExecutionArn: add the ARN of the execution, of which its identifiers are made")
	case len(j.Events) == 0 || j.Events[0].Type != local.EventExecutionStarted:
		return errors.New("replaytest: a history that does not begin with ExecutionStarted: record all pages, the first event first")
	}
	h.ARN, h.ForkedFrom, h.Events = j.ARN, j.ForkedFrom, j.Events
	if j.Taken != nil {
		h.Taken = *j.Taken
	}
	return nil
}

// ReadHistories reads the histories of the files that match a pattern of [fs.Glob], in the order of
// their names. It fails if there are none: a test that compares with nothing must not pass.
func ReadHistories(fsys fs.FS, pattern string) ([]History, error) {
	names, err := fs.Glob(fsys, pattern)
	if err != nil {
		return nil, fmt.Errorf("replaytest: ReadHistories: %w", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("replaytest: ReadHistories: no file matches %q", pattern)
	}
	histories := make([]History, len(names))
	for i, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err == nil {
			err = json.Unmarshal(data, &histories[i])
		}
		if err != nil {
			return nil, fmt.Errorf("replaytest: ReadHistories: %s: %w", name, err)
		}
		histories[i].Name = name
	}
	return histories, nil
}
