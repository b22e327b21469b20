// Package redact takes the data out of recorded histories and leaves what changed code can be
// rehearsed on: the operations, their names and keys, how they ended, and the structure of their
// payloads.
package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/lossless"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/internal/wire"
)

// Redactor replaces the data of events.
//
//   - Of JSON, the names of members, arrays, booleans and null stay. Numbers become 0. Strings
//     become x, as many as the longest of their class has: 4, 8, 16 and so on.
//   - Strings that types read in a form of their own keep it: times and dates become one day, UUIDs
//     zeros, digits one zero.
//   - A payload that is no JSON is a string. One that went through transforms of a codec.Chain is
//     withheld.
//   - What is the key of an operation stays: see [Redactor.KeepKeys].
//   - Of errors, the type and the names of registrations stay. Stacks are dropped.
//
// ARNs, names and keys of operations, sub-types and times stay: IDs are made of names and keys,
// identifiers of ARNs.
type Redactor struct {
	// Keep are patterns of places that stay as they are, with all in them: the name of an operation
	// without its key, or "input" for the input of the execution and "result" for its result, and
	// the path in its payload: "charge.status", "pack.lines[].sku", "input". "*" stands for any one
	// name.
	Keep []string

	keys map[string]bool // of operations
}

// KeepKeys has texts and numbers stay that are the key of an operation in one of the events, or the
// name of an item: they stand in its name as well. A handler that makes keys of its input would not
// find its operations otherwise.
func (r *Redactor) KeepKeys(events []local.Event) {
	r.keys = make(map[string]bool)
	for i := range events {
		e := &events[i]
		name, key, keyed := strings.Cut(e.Name, "[")
		if !keyed && e.SubType == subtype.MapItem {
			key, keyed = name, true
		}
		if key = strings.TrimSuffix(key, "]"); keyed && key != "" {
			r.keys[key] = true
		}
	}
}

// isKey reports whether a text is the key of an operation, as names spell it.
func (r *Redactor) isKey(text string) bool { return text != "" && r.keys[oplog.KeyName(text)] }

// Withheld is why a payload is not known that was sealed, or compressed.
const Withheld = "it was redacted: it went through transforms of a codec"

// Event returns an event without its data.
func (r *Redactor) Event(e local.Event) local.Event {
	name := nameOf(&e)
	e.Input, e.Result = r.payload(name, e.Input), r.payload(name, e.Result)
	if isClosed(e.Failure) {
		e.Result = checkpoint.WithheldPayload(Withheld) // and so is the error: see local.LogOf
	}
	e.Failure = r.failure(name, e.Failure)
	e.Reason, e.Tenant = longest(e.Reason), longest(e.Tenant)
	return e
}

// nameOf is what patterns call the operation of an event.
func nameOf(e *local.Event) string {
	switch e.Type { //nolint:exhaustive // the others are of operations
	case local.EventExecutionStarted:
		return "input"
	case local.EventExecutionSucceeded, local.EventExecutionFailed, local.EventExecutionStopped, local.EventExecutionTimedOut:
		return "result"
	}
	bare, _, _ := strings.Cut(e.Name, "[")
	return bare
}

func (r *Redactor) payload(name string, p checkpoint.Payload) checkpoint.Payload {
	if _, withheld := p.Withheld(); withheld || !p.Present() {
		return p
	}
	if through, err := codec.TransformsOf(p.Bytes()); err != nil || len(through) > 0 || holdsClosed(p) {
		return checkpoint.WithheldPayload(Withheld)
	}
	return checkpoint.TextPayload(r.text(name, p.String()))
}

// holdsClosed reports whether a payload is that of a batch, with a branch whose payload or error
// went through transforms: the batch cannot be known without it.
func holdsClosed(p checkpoint.Payload) bool {
	e, ok := wire.ReadEnvelope(p.Bytes())
	return ok && slices.ContainsFunc(e.Items, func(it wire.Item) bool {
		if it.Payload != nil {
			if through, err := codec.TransformsOf([]byte(*it.Payload)); err != nil || len(through) > 0 {
				return true
			}
		}
		return isClosed((*checkpoint.Failure)(it.Failure))
	})
}

// isClosed reports whether an error has passed a codec.
func isClosed(f *checkpoint.Failure) bool {
	var d data
	return f != nil && strings.HasPrefix(f.Data, `{"perdure":`) && json.Unmarshal([]byte(f.Data), &d) == nil && d.Perdure.Encoded != nil
}

// text returns a payload without its data.
func (r *Redactor) text(name, payload string) string {
	if e, ok := wire.ReadEnvelope([]byte(payload)); ok {
		return r.envelope(name, e)
	}
	out, err := r.document(name, payload)
	if err != nil {
		if r.keeps("." + name) {
			return payload
		}
		return longest(payload)
	}
	return out
}

// envelope returns the payload of a batch without the data of its branches.
func (r *Redactor) envelope(name string, e *wire.Envelope) string {
	e.Summary = longest(e.Summary)
	for i := range e.Items {
		it := &e.Items[i]
		if it.Payload != nil {
			text := r.text(name, *it.Payload)
			it.Payload = &text
		}
		if it.Failure != nil {
			f := r.failure(name, (*checkpoint.Failure)(it.Failure))
			it.Failure = (*wire.Failure)(f)
		}
	}
	return string(e.Encode())
}

// data is what an error carries that perdure has written.
type data struct {
	Perdure struct {
		Known []struct {
			Name   string `json:"name"`
			Data   string `json:"data,omitempty"`
			Passed bool   `json:"passed,omitempty"`
		} `json:"known,omitempty"`
		State   *string `json:"state,omitempty"`
		Cuts    int     `json:"cuts,omitempty"`
		Encoded *string `json:"encoded,omitempty"`
	} `json:"perdure"`
}

// failure returns an error without its data.
func (r *Redactor) failure(name string, f *checkpoint.Failure) *checkpoint.Failure {
	if f == nil {
		return nil
	}
	out := &checkpoint.Failure{Type: f.Type, Message: longest(f.Message)}
	if f.Data == "" {
		return out
	}
	var d data
	if !strings.HasPrefix(f.Data, `{"perdure":`) || json.Unmarshal([]byte(f.Data), &d) != nil {
		out.Data = r.text(name, f.Data)
		return out
	}
	for i := range d.Perdure.Known {
		if k := &d.Perdure.Known[i]; k.Data != "" {
			k.Data = r.text(name, k.Data)
		}
	}
	if d.Perdure.State != nil {
		state := r.text(name, *d.Perdure.State)
		d.Perdure.State = &state
	}
	d.Perdure.Encoded = nil
	text, err := json.Marshal(d)
	if err != nil {
		return out
	}
	out.Data = string(text)
	return out
}

var errTrailing = errors.New("there is more after the document")

// document returns JSON with other values.
func (r *Redactor) document(name, doc string) (string, error) {
	dec := json.NewDecoder(strings.NewReader(doc))
	dec.UseNumber()
	var b bytes.Buffer
	if err := r.value(dec, &b, "."+name); err != nil {
		return "", err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", errTrailing
	}
	return b.String(), nil
}

// keeps reports whether a place stays as it is.
func (r *Redactor) keeps(path string) bool {
	return slices.ContainsFunc(r.Keep, func(pattern string) bool { return lossless.Matches(pattern, path) })
}

// value writes the next value.
func (r *Redactor) value(dec *json.Decoder, b *bytes.Buffer, path string) error {
	if r.keeps(path) {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		b.Write(raw)
		return nil
	}
	token, err := dec.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case bool:
		return write(b, t)
	case json.Number:
		if r.isKey(t.String()) {
			b.WriteString(t.String())
			return nil
		}
		b.WriteByte('0')
	case string:
		if r.isKey(t) {
			return write(b, t)
		}
		return write(b, like(t))
	case json.Delim:
		return r.values(dec, b, path, t == '{')
	default:
		b.WriteString("null")
	}
	return nil
}

// values writes what is in an array or object.
func (r *Redactor) values(dec *json.Decoder, b *bytes.Buffer, path string, object bool) error {
	brackets := "[]"
	if object {
		brackets = "{}"
	}
	b.WriteByte(brackets[0])
	for i := 0; dec.More(); i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		in := lossless.Item(path, i)
		if object {
			token, err := dec.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string)
			if err := write(b, name); err != nil {
				return err
			}
			b.WriteByte(':')
			in = lossless.Member(path, name)
		}
		if err := r.value(dec, b, in); err != nil {
			return err
		}
	}
	b.WriteByte(brackets[1])
	_, err := dec.Token()
	return err
}

func write(b *bytes.Buffer, v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.Write(bytes.TrimRight(text.Bytes(), "\n"))
	return nil
}

var (
	uuid   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	digits = regexp.MustCompile(`^[0-9]+$`)
)

// like returns a string that is read as another one is, and says nothing of it.
func like(s string) string {
	const noUUID = "00000000-0000-0000-0000-000000000000"
	switch {
	case uuid.MatchString(s):
		return noUUID
	case digits.MatchString(s):
		return "0" // a number in quotes may not begin with a zero
	case is(time.RFC3339Nano, s):
		return "2000-01-01T00:00:00Z"
	case is(time.DateOnly, s):
		return "2000-01-01"
	case is(time.TimeOnly, s):
		return "00:00:00"
	}
	return longest(s)
}

func is(layout, s string) bool {
	_, err := time.Parse(layout, s)
	return err == nil
}

// longest returns as many x as the longest string of the class has.
func longest(s string) string { return strings.Repeat("x", class(utf8.RuneCountInString(s))) }

// class returns the greatest length of the class that a length is in: 0, up to 4, up to 8, and so
// on. All are multiples of four, so that bytes in base64 stay such.
func class(n int) int {
	if n == 0 {
		return 0
	}
	c := 4
	for c < n {
		c *= 2
	}
	return c
}
