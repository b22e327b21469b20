package codec

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"

	"github.com/perdure/perdure/internal/plainjson"
)

// JSON returns the default codec: encoding/json without HTML escaping and without a trailing
// newline.
//
// An empty payload (an operation that recorded none) leaves the zero value of any target, and so
// does null, but for targets with an UnmarshalJSON of their own, which get it:
// [encoding/json.RawMessage] keeps it. Strings take a shorter way with the same result: decoding
// one allocates the string and nothing else. As in encoding/json, bytes of a string that are not
// UTF-8 become U+FFFD, []byte is base64, and numbers decoded into an interface are float64.
//
// Encode fails with an [*Error] for values that encoding/json refuses, channels and functions for
// example; Decode for payloads that are not JSON or do not fit the target.
func JSON() Codec {
	return jsonCodec{}
}

type jsonCodec struct{}

// Pure returns true: see [IsPure].
func (jsonCodec) Pure() bool { return true }

func (jsonCodec) Encode(_ context.Context, m Meta, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return appendString(make([]byte, 0, len(v)+2), v), nil
	case *string:
		if v != nil {
			return appendString(make([]byte, 0, len(*v)+2), *v), nil
		}
	case int:
		return strconv.AppendInt(nil, int64(v), 10), nil
	case bool:
		return strconv.AppendBool(nil, v), nil
	}

	payload, err := marshal(v)
	if err != nil {
		return nil, newError(m, false, err)
	}

	return payload, nil
}

// Decode stores the value of payload in the variable that v points to.
func (jsonCodec) Decode(_ context.Context, m Meta, payload []byte, v any) error {
	if len(payload) == 0 {
		return nil
	}

	switch v := v.(type) {
	case *string:
		if s, ok := parseString(payload); ok && v != nil {
			*v = s
			return nil
		}
	case **string:
		if s, ok := parseString(payload); ok && v != nil {
			setString(v, s)
			return nil
		}
	}

	if err := plainjson.Unmarshal(payload, v); err != nil {
		return newError(m, true, err)
	}

	return nil
}

// setString writes through a pointer that is there, as encoding/json does.
func setString(v **string, s string) {
	if *v == nil {
		*v = new(string)
	}

	**v = s
}

// marshal is json.Marshal without HTML escaping.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer

	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)

	if err := enc.Encode(v); err != nil {
		return nil, err
	}

	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}
