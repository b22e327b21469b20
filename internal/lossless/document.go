package lossless

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// kind is what a value of a document is.
type kind byte

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// value is a value of a document.
type value struct {
	kind    kind
	scalar  string   // of a number or boolean as it stands, of a string what it says
	items   []*value // of an array
	members []member // of an object, in their order; of several with one name the last one counts
}

type member struct {
	name string
	*value
}

// member returns the member that encoding/json stores where it stores one of that name.
func (v *value) member(name string) *value {
	var like *value
	for i := range v.members {
		switch m := v.members[i]; {
		case m.name == name:
			return m.value
		case strings.EqualFold(m.name, name):
			like = m.value
		}
	}
	return like
}

var errTrailing = errors.New("there is more after the value")

// parse reads a document.
func parse(doc []byte) (*value, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	v, err := read(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errTrailing
	}
	return v, nil
}

func read(dec *json.Decoder) (*value, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case bool:
		return &value{kind: boolean, scalar: strconv.FormatBool(t)}, nil
	case json.Number:
		return &value{kind: number, scalar: t.String()}, nil
	case string:
		return &value{kind: text, scalar: t}, nil
	case json.Delim:
		return readIn(dec, t)
	}
	return &value{}, nil
}

// readIn reads what stands in an array or object.
func readIn(dec *json.Decoder, open json.Delim) (*value, error) {
	v := &value{kind: array}
	if open == '{' {
		v.kind = object
	}
	at := make(map[string]int)
	for dec.More() {
		name := ""
		if v.kind == object {
			token, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name, _ = token.(string)
		}
		in, err := read(dec)
		if err != nil {
			return nil, err
		}
		switch i, twice := at[name]; {
		case v.kind == array:
			v.items = append(v.items, in)
		case twice:
			v.members[i].value = in
		default:
			at[name] = len(v.members)
			v.members = append(v.members, member{name, in})
		}
	}
	_, err := dec.Token()
	return v, err
}

// append appends the document.
func (v *value) append(b []byte) []byte {
	switch v.kind {
	case null:
		return append(b, "null"...)
	case text:
		return appendText(b, v.scalar)
	case array:
		b = append(b, '[')
		for i, in := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = in.append(b)
		}
		return append(b, ']')
	case object:
		b = append(b, '{')
		for i, m := range v.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, m.name), ':')
			b = m.append(b)
		}
		return append(b, '}')
	case boolean, number:
	}
	return append(b, v.scalar...)
}

func appendText(b []byte, s string) []byte {
	p, _ := json.Marshal(s) // a string always has a form
	return append(b, p...)
}

// equalNumbers reports whether two numbers of JSON are the same, however they are written.
func equalNumbers(a, b string) bool {
	return a == b || decimalOf(a) == decimalOf(b)
}

// decimal is a number: 0.digits times ten to the exponent. Digits neither begin nor end with a
// zero.
type decimal struct {
	negative bool
	digits   string
	exponent int
}

func decimalOf(s string) decimal {
	var d decimal
	s, d.negative = strings.CutPrefix(s, "-")
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	d.exponent, _ = strconv.Atoi(exponent) // one that overflows is at the bound
	d.exponent += len(whole)
	digits := whole + fraction
	d.digits = strings.TrimLeft(digits, "0")
	d.exponent -= len(digits) - len(d.digits)
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		return decimal{} // minus zero is zero
	}
	return d
}
