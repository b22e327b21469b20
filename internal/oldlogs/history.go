package oldlogs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// history is one execution. In a file, each of its parts is a line of JSON.
type history struct {
	head    head
	answers []answer
	moments []moment
	end     ending
	// cuts are those from which an execution ends in another way than the uninterrupted one.
	cuts []cutEnd
	// varying are operations whose end is not always the same, even from one cut: what runs beside
	// them decides.
	varying []varying
	// others are how a racy program may end instead.
	others []ending
	// variants are what an operation is written as that is not always written like that.
	variants []variant
}

type head struct {
	Program string `json:"program"`
	Engine  string `json:"engine"`
	ARN     string `json:"arn"`
	Input   *text  `json:"input,omitempty"`
	// Racy is that of the program.
	Racy string `json:"racy,omitempty"`
	// Unordered are the scopes, by their tag, whose operations begin in any order, Loose those in
	// which updates of one operation may come before or after those of another one.
	Unordered []string `json:"unordered,omitempty"`
	Loose     []string `json:"loose,omitempty"`
}

// answer is what the outside does to a callback, so long after its start.
type answer struct {
	Callback  string   `json:"callback"`
	After     span     `json:"after"`
	Result    *text    `json:"result,omitempty"`
	Failure   *failure `json:"error,omitempty"`
	Heartbeat bool     `json:"heartbeat,omitempty"`
}

// moment is what the function does, so long after the beginning of the execution.
type moment struct {
	At span `json:"at"`
	// Begin is the number of the invocation that begins.
	Begin int `json:"invocation,omitempty"`
	// Call is the number of the call, Updates are what it makes, and Log is a digest of what the
	// log is then.
	Call    int      `json:"call,omitempty"`
	Log     string   `json:"log,omitempty"`
	Updates []update `json:"updates,omitempty"`
	// Answer is that of the invocation; Lost says that there is none.
	Answer *text `json:"answer,omitempty"`
	Lost   bool  `json:"lost,omitempty"`
}

// ending is how an execution ends.
type ending struct {
	Status  string   `json:"status"`
	Result  *text    `json:"result,omitempty"`
	Failure *failure `json:"error,omitempty"`
	// Differs are the operations that end in another way than those of the uninterrupted execution,
	// by ID.
	Differs map[string]final `json:"differs,omitempty"`
}

// final is how an operation ends. The zero value is that of one which is not there.
type final struct {
	Status  string   `json:"status,omitempty"`
	Attempt int      `json:"attempt,omitempty"`
	Payload *text    `json:"payload,omitempty"`
	Failure *failure `json:"error,omitempty"`
}

// cutEnd is how an execution ends that was cut in a place.
type cutEnd struct {
	Cut string `json:"cut"`
	End ending `json:"end"`
}

// varying are the ways in which an operation may end.
type varying struct {
	Operation string  `json:"operation"`
	Ends      []final `json:"ends"`
}

// variant are sequences of updates of an operation beside the one in the calls; an empty one says
// that it may have none.
type variant struct {
	Operation string     `json:"operation"`
	Wrote     [][]update `json:"wrote"`
}

// line is a line of a file: one of its fields is set.
type line struct {
	Head    *head    `json:"history,omitempty"`
	Answer  *answer  `json:"outside,omitempty"`
	Moment  *moment  `json:"function,omitempty"`
	End     *ending  `json:"end,omitempty"`
	Other   *ending  `json:"otherEnd,omitempty"`
	Cut     *cutEnd  `json:"interrupted,omitempty"`
	Varying *varying `json:"varying,omitempty"`
	Variant *variant `json:"variant,omitempty"`
}

// encode is the file of a history.
func (h *history) encode() ([]byte, error) {
	lines := []line{{Head: &h.head}}
	for i := range h.answers {
		lines = append(lines, line{Answer: &h.answers[i]})
	}
	known := make(identities)
	for _, m := range h.moments {
		m.Updates = slices.Clone(m.Updates)
		for i := range m.Updates {
			m.Updates[i] = known.shorten(m.Updates[i])
		}
		lines = append(lines, line{Moment: &m})
	}
	lines = append(lines, line{End: &h.end})
	for i := range h.others {
		lines = append(lines, line{Other: &h.others[i]})
	}
	for i := range h.cuts {
		lines = append(lines, line{Cut: &h.cuts[i]})
	}
	for i := range h.varying {
		lines = append(lines, line{Varying: &h.varying[i]})
	}
	for _, v := range h.variants {
		short := variant{Operation: v.Operation}
		for _, sequence := range v.Wrote {
			wrote := []update{}
			for _, u := range sequence {
				wrote = append(wrote, known.shorten(u))
			}
			short.Wrote = append(short.Wrote, wrote)
		}
		lines = append(lines, line{Variant: &short})
	}
	var b bytes.Buffer
	for _, l := range lines {
		text, err := marshal(l)
		if err != nil {
			return nil, err
		}
		b.Write(append(text, '\n'))
	}
	return b.Bytes(), nil
}

// decode reads the file of a history.
func decode(file []byte) (*history, error) {
	h := &history{}
	known := make(identities)
	number := 0
	for raw := range bytes.Lines(file) {
		number++
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		var l line
		if err := dec.Decode(&l); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		switch {
		case l.Head != nil:
			h.head = *l.Head
		case l.Answer != nil:
			h.answers = append(h.answers, *l.Answer)
		case l.Moment != nil:
			for i := range l.Moment.Updates {
				l.Moment.Updates[i] = known.lengthen(l.Moment.Updates[i])
			}
			h.moments = append(h.moments, *l.Moment)
		case l.End != nil:
			h.end = *l.End
		case l.Other != nil:
			h.others = append(h.others, *l.Other)
		case l.Varying != nil:
			h.varying = append(h.varying, *l.Varying)
		case l.Cut != nil:
			h.cuts = append(h.cuts, *l.Cut)
		case l.Variant != nil:
			for _, sequence := range l.Variant.Wrote {
				for i := range sequence {
					sequence[i] = known.lengthen(sequence[i])
				}
			}
			h.variants = append(h.variants, *l.Variant)
		default:
			return nil, fmt.Errorf("line %d: it says nothing: %s", number, raw)
		}
	}
	if h.head.Program == "" || len(h.moments) == 0 || h.end.Status == "" {
		return nil, errors.New("a history has its program, what the function did, and an end")
	}
	return h, nil
}
