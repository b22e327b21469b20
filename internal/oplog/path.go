package oplog

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Path returns the path of an operation for people: "parent/name", with the key in brackets and
// the second occurrence shown as #2. In names and keys the characters / [ ] # % are
// percent-escaped, and so is what cannot be printed.
func Path(parent, name, key string, occurrence int) string {
	b := make([]byte, 0, len(parent)+len(name)+len(key)+8)
	if parent != "" {
		b = append(append(b, parent...), '/')
	}
	b = appendPathText(b, name)
	if key != "" {
		b = append(appendPathText(append(b, '['), key), ']')
	}
	if occurrence > 0 {
		b = strconv.AppendInt(append(b, '#'), int64(occurrence)+1, 10)
	}
	return string(b)
}

// ItemPath is the path of a branch of a batch: "ship[2]", "ship[SKU-1]". label is its index, key
// or name; the characters / [ ] # % in it are percent-escaped.
func ItemPath(batch, label string) string {
	return batch + "[" + string(appendPathText(nil, label)) + "]"
}

func appendPathText(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		switch {
		case r == '/' || r == '[' || r == ']' || r == '#' || r == '%',
			!unicode.IsPrint(r),
			r == utf8.RuneError && size == 1:
			for _, c := range []byte(s[i : i+size]) {
				dst = appendPercent(dst, c)
			}
		default:
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	return dst
}

func appendPercent(dst []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[c>>4], digits[c&15])
}
