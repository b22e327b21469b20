package oplog

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/perdure/perdure/internal/limits"
)

// cutDigest is how many hex digits stand for a key that did not fit into a wire name.
const cutDigest = 12

// WireName returns the Name of an operation on the wire: the name itself, or "name[key]" if
// there is a key. In the key, brackets, the percent sign and every byte that is not printable
// ASCII are percent-escaped. A wire name longer than 256 bytes is cut and ends with "%~" and a
// digest of the whole, so that different keys stay different.
func WireName(name, key string) string {
	if key == "" {
		return name
	}
	return string(appendWireName(make([]byte, 0, min(limits.Name, len(name)+len(key)+2)), name, key))
}

// KeyName is the name on the wire of something that its key alone identifies, such as an item of
// a map: the key, escaped and cut as in [WireName].
func KeyName(key string) string {
	name := WireName("", key)
	return strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
}

// IsWireName reports whether wire is the [WireName] of name and key, without making that: a replay
// asks it for every record.
func IsWireName(wire, name, key string) bool {
	if key == "" {
		return wire == name
	}
	var buf [2 * limits.Name]byte
	return wire == string(appendWireName(buf[:0], name, key))
}

// appendWireName appends the wire name of a keyed operation to dst, which is empty.
func appendWireName(dst []byte, name, key string) []byte {
	const tail = len("%~") + cutDigest + len("]")
	b := append(append(dst, name...), '[')
	for i := 0; i < len(key) && len(b) <= limits.Name; i++ {
		c := key[i]
		if c < 0x20 || c > 0x7e || c == '[' || c == ']' || c == '%' {
			b = appendPercent(b, c)
		} else {
			b = append(b, c)
		}
	}
	if b = append(b, ']'); len(b) <= limits.Name {
		return b
	}

	var buf [512]byte
	sum := sha256.Sum256(appendField(appendField(append(buf[:0], nameDomain...), name), key))
	b = b[:limits.Name-tail]
	if len(name) >= len(b) {
		b[len(b)-1] = '['
	} else {
		b = trimPartialEscape(b)
	}
	b = append(b, "%~"...)
	b = hex.AppendEncode(b, sum[:cutDigest/2])
	return append(b, ']')
}

// trimPartialEscape removes a percent escape that a cut has left incomplete.
func trimPartialEscape(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && i >= len(b)-2; i-- {
		if b[i] == '%' {
			return b[:i]
		}
	}
	return b
}
