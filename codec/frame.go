package codec

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The form of a payload that went through transforms is a JSON string:
//
//	"~perdure" version ":" names ":" ("b" base64 | "t" text)
//
// Whatever a later version writes begins with the mark and a version, so that this one recognizes
// and refuses it. The names are those of the transforms in the order in which they were applied.
const (
	frameMark    = `"~perdure`
	frameVersion = "1"
	frameBytes   = 'b'
	frameText    = 't'

	maxName  = 32
	maxNames = 16
)

// frame is a payload taken apart. One without the mark has no names, and itself as body.
type frame struct {
	names []string
	body  []byte
}

// TransformsOf returns the names of the transforms that a payload went through, in the order of
// application, and nil for one that is as its base wrote it. It fails for a payload that carries
// the mark of a [Chain] and cannot be read.
func TransformsOf(payload []byte) ([]string, error) {
	f, err := parseFrame(payload)
	return f.names, err
}

// Body returns the bytes that the last of these transforms wrote, and a payload without transforms
// as it is. It fails as [TransformsOf] does.
func Body(payload []byte) ([]byte, error) {
	f, err := parseFrame(payload)
	return f.body, err
}

// needsFrame reports whether a payload that no transform changed would be read as another one, or
// refused.
func needsFrame(p []byte) bool {
	return bytes.HasPrefix(p, []byte(frameMark)) || !utf8.Valid(p)
}

// appendFrame returns the payload that names what body went through.
func appendFrame(names string, body []byte) []byte {
	const fixed = len(frameMark) + len(frameVersion) + len(`::b"`)

	size := base64.RawURLEncoding.EncodedLen(len(body))
	kind := byte(frameBytes)

	if utf8.Valid(body) {
		if n := stringLen(body, size); n <= size {
			size, kind = n, frameText
		}
	}

	out := make([]byte, 0, fixed+len(names)+size)
	out = append(append(out, frameMark...), frameVersion...)
	out = append(append(append(out, ':'), names...), ':', kind)

	if kind == frameText {
		out = appendEscaped(out, string(body))
	} else {
		out = base64.RawURLEncoding.AppendEncode(out, body)
	}

	return append(out, '"')
}

// parseFrame takes a payload apart.
func parseFrame(payload []byte) (frame, error) {
	if !bytes.HasPrefix(payload, []byte(frameMark)) {
		return frame{body: payload}, nil
	}

	text, err := frameString(payload)
	if err != nil {
		return frame{}, err
	}

	version, rest, _ := bytes.Cut(text[len(frameMark)-1:], []byte{':'})
	if string(version) != frameVersion {
		return frame{}, unknownVersion(version)
	}

	list, body, ok := bytes.Cut(rest, []byte{':'})
	if !ok || len(body) == 0 {
		return frame{}, fmt.Errorf("the payload begins with %s and ends before its bytes: it was cut off or changed", frameMark)
	}

	f := frame{body: body[1:]}
	if f.names, err = frameNames(string(list)); err != nil {
		return frame{}, err
	}

	switch body[0] {
	case frameText:
		return f, nil
	case frameBytes:
		out := make([]byte, base64.RawURLEncoding.DecodedLen(len(f.body)))

		n, err := base64.RawURLEncoding.Decode(out, f.body)
		if err != nil {
			return frame{}, fmt.Errorf("the bytes of the payload are not base64, it was cut off or changed: %w", err)
		}

		f.body = out[:n]

		return f, nil
	}

	return frame{}, fmt.Errorf("the payload begins with %s and is neither text nor base64 but %q: it was changed", frameMark, body[0])
}

// frameString returns what stands between the quotes of a payload that begins with one, without
// escapes.
func frameString(payload []byte) ([]byte, error) {
	p := bytes.TrimRight(payload, " \t\r\n")
	if inner := p[1 : len(p)-1]; p[len(p)-1] == '"' && isPlain(inner) {
		return inner, nil
	}

	s, ok := parseString(p)
	if !ok {
		return nil, fmt.Errorf("the payload begins with %s and is not one JSON string: it was cut off or changed", frameMark)
	}

	return []byte(s), nil
}

func frameNames(list string) ([]string, error) {
	if list == "" {
		return nil, nil
	}

	names := strings.Split(list, ",")
	if len(names) > maxNames {
		return nil, fmt.Errorf("the payload names %d transforms, at most %d are possible: it was changed", len(names), maxNames)
	}

	for _, name := range names {
		if !isTransformName(name) {
			return nil, fmt.Errorf("the payload names a transform %q, which cannot be one: it was changed", name)
		}
	}

	return names, nil
}

func unknownVersion(version []byte) error {
	if len(version) == 0 || len(version) > 4 || bytes.Trim(version, "0123456789") != nil {
		return fmt.Errorf("the payload begins with %s and not with a version after it: it was changed, or was recorded or "+
			"sent by code that has no codec.Chain", frameMark)
	}

	return fmt.Errorf("the payload is in form %s, and this version of perdure reads form %s: deploy the version that wrote it",
		version, frameVersion)
}

// isTransformName reports whether name may be that of a transform.
func isTransformName(name string) bool {
	return name != "" && len(name) <= maxName && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// stringLen returns the length of text as a JSON string without its quotes, or something above
// limit if it is longer.
func stringLen(text []byte, limit int) int {
	n := len(text)

	for i := 0; i < len(text) && n <= limit; i++ {
		switch c := text[i]; {
		case c == '"', c == '\\', c == '\b', c == '\f', c == '\n', c == '\r', c == '\t':
			n++
		case c < ' ':
			n += len(`u0000`)
		}
	}

	return n
}
