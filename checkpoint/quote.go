package checkpoint

import (
	"bytes"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote returns the text of a JSON string literal, decoded as encoding/json does. It is a part
// of the literal itself if nothing has to be decoded, else it is allocated at once.
func unquote(quoted []byte) []byte {
	in := quoted[1 : len(quoted)-1]
	size := len(in) // an escape sequence never becomes longer
	add := appendText
	if !utf8.Valid(in) {
		add = appendValid
		size *= utf8.RuneLen(utf8.RuneError) // an invalid byte becomes a replacement character
	} else if bytes.IndexByte(in, '\\') < 0 {
		return slices.Clip(in) // appending to it must not write into the event
	}
	out := make([]byte, 0, size)
	for {
		i := bytes.IndexByte(in, '\\')
		if i < 0 || i+1 >= len(in) {
			return add(out, in)
		}
		out = add(out, in[:i])
		n := 2
		switch c := in[i+1]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			var r rune
			r, n = unquoteRune(in[i:])
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
		in = in[i+n:]
	}
}

// unquoteRune decodes the \u escape sequence, or the surrogate pair of two, at the start of b.
// Half a pair becomes the replacement character.
func unquoteRune(b []byte) (r rune, size int) {
	r, ok := hex4(b[2:])
	if !ok {
		return utf8.RuneError, len(b)
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
		if low, ok := hex4(b[8:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return utf8.RuneError, 6
}

// appendText appends text that is known to be UTF-8: to look at it once more for each escape
// sequence is what decoding a payload would take longest for.
func appendText(dst, text []byte) []byte { return append(dst, text...) }

// appendValid appends text, with a replacement character for each byte that is not UTF-8.
func appendValid(dst, text []byte) []byte {
	if utf8.Valid(text) {
		return append(dst, text...)
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		dst = utf8.AppendRune(dst, r)
		text = text[size:]
	}
	return dst
}

// appendQuoted appends text as a JSON string, as encoding/json writes it without escaping HTML.
func appendQuoted[T string | []byte](dst []byte, text T) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if 0x20 <= c && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, text[start:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\b':
				dst = append(dst, '\\', 'b')
			case '\f':
				dst = append(dst, '\\', 'f')
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))]))
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(append(dst, text[start:i]...), `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029': // line ends in JavaScript
			dst = append(append(dst, text[start:i]...), `\u202`...)
			dst = append(dst, digits[r&15])
			start = i + size
		}
		i += size
	}
	return append(append(dst, text[start:]...), '"')
}

// quotedLen returns the length of the first rune of s, and what [appendQuoted] makes of it.
func quotedLen(s string) (size, quoted int) {
	switch c := s[0]; {
	case c == '"' || c == '\\' || c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t':
		return 1, 2
	case c < 0x20:
		return 1, 6
	case c < utf8.RuneSelf:
		return 1, 1
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
		return size, 6
	}
	return size, size
}

// hex4 reads the four hex digits of an escape sequence.
func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
