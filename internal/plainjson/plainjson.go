// Package plainjson does what encoding/json does, with the same results, without the memory that
// this needs for itself: its decoders and encoders are used again.
//
// That is so for small documents of types without methods of their own for JSON. A method may keep
// the bytes that it is given, although it should not, and those of a decoder that is used again
// change: such types, and interfaces, which may hold one, are left to encoding/json.
package plainjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
	"time"
)

// most is the length of documents for which a decoder or encoder is kept: for longer ones, what
// they need for themselves is little beside the rest.
const most = 8 << 10

// decoder is a decoder that is used again, and what it reads.
type decoder struct {
	doc  bytes.Reader
	json *json.Decoder
	read int64 // bytes of all documents so far
}

// encoder is an encoder that is used again, and what it has written.
type encoder struct {
	doc  bytes.Buffer
	json *json.Encoder
}

//nolint:gochecknoglobals // pools, and what is known about types
var (
	decoders = sync.Pool{New: func() any {
		d := new(decoder)
		d.json = json.NewDecoder(&d.doc)
		return d
	}}
	encoders = sync.Pool{New: func() any {
		e := new(encoder)
		e.json = json.NewEncoder(&e.doc)
		e.json.SetEscapeHTML(false)
		return e
	}}
	plainTypes sync.Map // of reflect.Type: whether it is plain
)

// Unmarshal is [json.Unmarshal].
func Unmarshal(doc []byte, v any) error {
	if scalar(doc, v) {
		return nil
	}
	if len(doc) <= most && delimited(doc) && isPlain(v) && decode(doc, v) {
		return nil
	}
	return json.Unmarshal(doc, v) // once more if it failed: the error, and what is left in v, are its own
}

// mostDigits is how many digits every whole number of that length fits into 64 bits with.
const mostDigits = 18

// scalar reports whether the document was a whole number or a truth value, and is now where v
// points to: counts and flags are what many steps return. Whatever else there is about it, such as
// a named type, a space or a number that does not fit, is left to others.
func scalar(doc []byte, v any) bool {
	switch v := v.(type) {
	case *int:
		n, ok := whole(doc)
		if !ok || v == nil || int64(int(n)) != n {
			return false
		}
		*v = int(n)
		return true
	case *int64:
		n, ok := whole(doc)
		if !ok || v == nil {
			return false
		}
		*v = n
		return true
	case *bool:
		is := string(doc) == "true"
		if v == nil || !is && string(doc) != "false" {
			return false
		}
		*v = is
		return true
	}
	return false
}

// whole returns the whole number that a document is, as JSON writes it; ok is false if it is
// another one, or has too many digits.
func whole(doc []byte) (n int64, ok bool) {
	digits := bytes.TrimPrefix(doc, []byte{'-'})
	if len(digits) == 0 || len(digits) > mostDigits || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0') //nolint:mnd // decimal digits
	}
	if len(digits) < len(doc) {
		n = -n
	}
	return n, true
}

// delimited reports whether the document is an object or array if it is valid, with nothing around
// it: its end is seen without a byte more.
func delimited(doc []byte) bool {
	if len(doc) < 2 {
		return false
	}
	last := doc[len(doc)-1]
	return doc[0] == '{' && last == '}' || doc[0] == '[' && last == ']'
}

// decode reports whether the document was decoded, all of it. A decoder that has met an error is
// not used again.
func decode(doc []byte, v any) bool {
	d, _ := decoders.Get().(*decoder)
	d.doc.Reset(doc)
	err := d.json.Decode(v)
	d.doc.Reset(nil)
	if d.read += int64(len(doc)); err != nil || d.json.InputOffset() != d.read {
		return false
	}
	decoders.Put(d)
	return true
}

// Encodes reports whether what v points to is encoded as the document, without HTML escaping. ok
// is false if that is not known: [json.Marshal] finds out.
func Encodes(v any, doc []byte) (same, ok bool) {
	if len(doc) > most || !isPlain(v) {
		return false, false
	}
	e, _ := encoders.Get().(*encoder)
	if err := e.json.Encode(v); err != nil {
		return false, false
	}
	same = bytes.Equal(bytes.TrimSuffix(e.doc.Bytes(), []byte{'\n'}), doc)
	if e.doc.Cap() <= 2*most {
		e.doc.Reset()
		encoders.Put(e)
	}
	return same, true
}

// isPlain reports whether v is a pointer to a plain type, and not nil.
func isPlain(v any) bool {
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer || reflect.ValueOf(v).IsNil() {
		return false
	}
	if known, ok := plainTypes.Load(t); ok {
		plain, _ := known.(bool)
		return plain
	}
	plain := plainType(t.Elem(), make(map[reflect.Type]bool))
	plainTypes.Store(t, plain)
	return plain
}

// plainType reports whether neither the type nor one that its values contain has methods for JSON.
func plainType(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return true // it is being looked at
	}
	seen[t] = true
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[json.RawMessage]():
		return true // their methods keep nothing, and are the same for a value and a pointer to one
	}
	if hasMethods(t) {
		return false
	}
	switch t.Kind() { //nolint:exhaustive // the others contain nothing
	case reflect.Interface:
		return false
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return plainType(t.Elem(), seen)
	case reflect.Map:
		return plainType(t.Key(), seen) && plainType(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if !plainType(f.Type, seen) {
				return false
			}
		}
	}
	return true
}

func hasMethods(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextMarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
