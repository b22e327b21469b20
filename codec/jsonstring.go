package codec

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// invalidByte is what encoding/json writes for a byte that is not UTF-8: an escape up to Go 1.26,
// the character from Go 1.27 on. A string means the same with either; it is written as the fields
// of a struct are.
var invalidByte = func() string { //nolint:gochecknoglobals // found out once, and never changed
	p, err := json.Marshal("\xff")
	if err != nil || len(p) < len(`"\"`) {
		return `\ufffd`
	}
	return string(p[1 : len(p)-1])
}()

// appendString appends s as a JSON string, byte for byte what encoding/json writes without HTML
// escaping.
func appendString(dst []byte, s string) []byte {
	return append(appendEscaped(append(dst, '"'), s), '"')
}

// appendEscaped is appendString without the quotes.
func appendEscaped(dst []byte, s string) []byte {
	done := 0 // s[:done] is written

	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' {
				dst = appendEscape(append(dst, s[done:i]...), c)
				done = i + 1
			}

			i++

			continue
		}

		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(append(dst, s[done:i]...), invalidByte...)
			done = i + size
		case r == '\u2028': // these two end a line in JavaScript, so encoding/json never writes them as they are
			dst = append(append(dst, s[done:i]...), `\u2028`...)
			done = i + size
		case r == '\u2029':
			dst = append(append(dst, s[done:i]...), `\u2029`...)
			done = i + size
		}

		i += size
	}

	return append(dst, s[done:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"

	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}

	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
}

// parseString returns the string that payload encodes, and false if payload is anything but one
// valid JSON string with white space around it. It allocates the string alone: one pass measures,
// another writes.
func parseString(payload []byte) (string, bool) {
	p := bytes.Trim(payload, " \t\r\n")
	if len(p) < 2 || p[0] != '"' || p[len(p)-1] != '"' {
		return "", false
	}

	p = p[1 : len(p)-1]
	if isPlain(p) {
		return string(p), true
	}

	size := 0

	for rest := p; len(rest) > 0; {
		r, n := decodeChar(rest)
		if n == 0 {
			return "", false
		}

		size += utf8.RuneLen(r)
		rest = rest[n:]
	}

	var b strings.Builder
	b.Grow(size)

	for rest := p; len(rest) > 0; {
		r, n := decodeChar(rest)
		b.WriteRune(r)
		rest = rest[n:]
	}

	return b.String(), true
}

// isPlain reports that p stands for itself between quotes. It looks at eight bytes at a time: most
// of what a replay decodes are such strings.
func isPlain(p []byte) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)

	rest := p
	for ; len(rest) >= 8; rest = rest[8:] {
		x := binary.LittleEndian.Uint64(rest)
		quote, slash := x^(ones*'"'), x^(ones*'\\')

		// A high bit is set where a byte is a control character, a quote or a backslash.
		if ((x-ones*' ')&^x|(quote-ones)&^quote|(slash-ones)&^slash)&highs != 0 {
			return false
		}
	}

	for _, c := range rest {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}

	return utf8.Valid(p)
}

// decodeChar returns the first character of p and the number of bytes it takes there, which is 0 if
// it is not allowed in a JSON string. A byte that is not UTF-8 is U+FFFD.
func decodeChar(p []byte) (rune, int) {
	switch c := p[0]; {
	case c == '\\':
		return decodeEscape(p)
	case c < ' ', c == '"':
		return 0, 0
	case c < utf8.RuneSelf:
		return rune(c), 1
	}

	return utf8.DecodeRune(p)
}

// decodeEscape is decodeChar for a character that begins with a backslash. Half a surrogate pair is
// U+FFFD.
func decodeEscape(p []byte) (rune, int) {
	if len(p) < 2 {
		return 0, 0
	}

	switch c := p[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}

	r := decodeUnit(p)
	if r < 0 {
		return 0, 0
	}

	if !utf16.IsSurrogate(r) {
		return r, 6
	}

	if pair := utf16.DecodeRune(r, decodeUnit(p[6:])); pair != utf8.RuneError {
		return pair, 12
	}

	return utf8.RuneError, 6
}

// decodeUnit returns the UTF-16 code unit of the \uXXXX that p begins with, or −1.
func decodeUnit(p []byte) rune {
	if len(p) < 6 || p[0] != '\\' || p[1] != 'u' {
		return -1
	}

	var r rune

	for _, c := range p[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}

		r = r<<4 | rune(c)
	}

	return r
}
