package checkpoint

import (
	"bytes"
	"unicode/utf8"
)

// Payload is the text that a record or an update carries. The zero value is no payload,
// which is not the same as an empty one.
//
// A payload read from an invocation event stays the JSON string it was, inside the event's own
// bytes, until [Payload.Bytes] is called: what a handler does not use is never decoded.
type Payload struct {
	text []byte // if it is withheld, why
	form form
}

// form is what the text of a payload is. It is one byte, because every record of a log has a
// payload, and thousands of records live as long as an invocation.
type form uint8

const (
	absent   form = iota
	plain         // the payload itself
	quoted        // the payload as a JSON string
	withheld      // why the payload is not known
)

// NewPayload returns the payload with this text. The caller must not change text afterwards.
func NewPayload(text []byte) Payload { return Payload{text: text, form: plain} }

// TextPayload returns the payload with this text.
func TextPayload(text string) Payload { return NewPayload([]byte(text)) }

// QuotedPayload returns the payload whose text is the JSON string in literal, quotes included.
// The caller has checked that it is one and must not change literal afterwards.
func QuotedPayload(literal []byte) Payload {
	return Payload{text: literal, form: quoted}
}

// WithheldPayload returns a payload whose text is not known here, and why: a history may hold a
// part of it only. No log that the service gives to a function has such payloads, and they are not
// sent. Empty stands for "not known".
func WithheldPayload(why string) Payload {
	if why == "" {
		why = "not known"
	}
	return Payload{text: []byte(why), form: withheld}
}

// Withheld reports whether the text is not known here, and why.
func (p Payload) Withheld() (why string, isWithheld bool) {
	if p.form != withheld {
		return "", false
	}
	return string(p.text), true
}

// Present reports whether there is a payload at all.
func (p Payload) Present() bool { return p.form != absent }

// Bytes returns the text, nil if there is no payload. The caller must not change it. The text of
// a quoted payload is decoded again by each call, with at most one allocation, and as encoding/json
// does: half a surrogate pair, and a byte that is not UTF-8, becomes U+FFFD.
func (p Payload) Bytes() []byte {
	switch p.form {
	case quoted:
		return unquote(p.text)
	case plain:
		return p.text
	case absent, withheld:
	}
	return nil
}

// String returns the text, empty if there is no payload.
func (p Payload) String() string { return string(p.Bytes()) }

// JSONString returns the string that the text encodes, if the text is a JSON string without escape
// sequences that has not been decoded from its event: it is a part of the event as it stands, and
// nothing but the string is allocated.
func (p Payload) JSONString() (s string, ok bool) {
	const begin, end = `"\"`, `\""`
	if p.form != quoted || len(p.text) < len(begin)+len(end) {
		return "", false
	}
	inside := p.text[len(begin) : len(p.text)-len(end)]
	if string(p.text[:len(begin)]) != begin || string(p.text[len(begin)+len(inside):]) != end ||
		bytes.IndexByte(inside, '\\') >= 0 || !utf8.Valid(inside) {
		return "", false
	}
	return string(inside), true
}

// Size estimates the number of bytes of the text without decoding it. It is never too small,
// unless a quoted payload is not valid UTF-8.
func (p Payload) Size() int {
	if p.form == withheld {
		return 0
	}
	return len(p.text)
}

// Equal reports whether both are absent or have the same text.
func (p Payload) Equal(q Payload) bool {
	if p.form == withheld || q.form == withheld {
		return p.form == q.form && bytes.Equal(p.text, q.text)
	}
	return p.Present() == q.Present() && bytes.Equal(p.Bytes(), q.Bytes())
}
