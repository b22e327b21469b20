package oplog

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// The parts of an operation ID "slug-scope-operation". Together they fill the 64 characters
// that the service allows (Lambda API, OperationUpdate.Id: 1–64 of [A-Za-z0-9_-]).
const (
	maxSlug   = 34
	tagLen    = 12 // hex digits that name the scope
	opLen     = 16 // hex digits that name the operation
	maxID     = maxSlug + 1 + tagLen + 1 + opLen
	emptySlug = "op"
)

// What is hashed begins with its domain: nothing of one domain hashes like something of another.
const (
	scopeDomain     = "perdure-scope"
	operationDomain = "perdure-op"
	nameDomain      = "perdure-name"
)

// undoMark ends the ID of a scope of compensations. No operation ID contains a tilde.
const undoMark = "~undo"

// Scope derives the IDs of the operations that are declared in one place: in the handler, a
// group, an item or a branch. The zero value is no scope; make one with [NewScope].
type Scope struct {
	id  string
	tag string
	num uint64 // the tag as a number
}

// NewScope returns the scope that the operation or item with this ID opens.
// The empty ID is the root scope, the handler's.
func NewScope(id string) Scope {
	var buf [256]byte
	b := appendField(append(buf[:0], scopeDomain...), id)
	sum := sha256.Sum256(b)
	var digits [tagLen]byte
	hex.Encode(digits[:], sum[:tagLen/2])
	num, _ := parseTag(string(digits[:]))
	return Scope{id: id, tag: string(digits[:]), num: num}
}

// ID returns the ID the scope was made from.
func (s Scope) ID() string { return s.id }

// Tag returns the 12 hex digits that name the scope in the IDs of its operations.
func (s Scope) Tag() string { return s.tag }

// AppendID appends the ID of an operation of this scope to dst: a slug of the name, the tag of
// the scope and a digest of (scope, name, key, occurrence). The ID does not depend on what else
// the scope runs, or in which order. occurrence counts, from zero, the operations of the scope
// that have the same name and key. It allocates nothing if dst has room for 64 bytes.
func (s Scope) AppendID(dst []byte, name, key string, occurrence int) []byte {
	dst = appendSlug(dst, name)
	dst = append(dst, '-')
	dst = append(dst, s.tag...)
	dst = append(dst, '-')

	var buf [256]byte // for nearly all names and keys
	b := append(buf[:0], operationDomain...)
	b = appendField(b, s.id)
	b = appendField(b, name)
	b = appendField(b, key)
	b = binary.AppendUvarint(b, uint64(occurrence)) //nolint:gosec // a count, never negative
	sum := sha256.Sum256(b)
	return hex.AppendEncode(dst, sum[:opLen/2])
}

// ID returns the ID of one operation: see [Scope.AppendID].
func ID(scope, name, key string, occurrence int) string {
	var buf [maxID]byte
	return string(NewScope(scope).AppendID(buf[:0], name, key, occurrence))
}

// ScopeTag reads the tag of the scope out of an operation ID. It is not ok if [Scope.AppendID]
// cannot have made the ID: that of EXECUTION, or one of another SDK.
func ScopeTag(operationID string) (tag string, ok bool) {
	if _, ok := scopeNumber(operationID); !ok {
		return "", false
	}
	end := len(operationID) - opLen - 1
	return operationID[end-tagLen : end], true
}

// scopeNumber is [ScopeTag] that returns the tag as a number.
func scopeNumber(operationID string) (num uint64, ok bool) {
	end := len(operationID) - opLen - 1
	start := end - tagLen
	slugEnd := start - 1
	if slugEnd < 1 || slugEnd > maxSlug || operationID[slugEnd] != '-' || operationID[end] != '-' {
		return 0, false
	}
	num, ok = parseTag(operationID[start:end])
	digits, slug := hexDigits(), idBytes()
	if !ok || !digits.hasAll(operationID[end+1:]) || operationID[0] == '-' || operationID[slugEnd-1] == '-' {
		return 0, false
	}
	return num, slug.hasAll(operationID[:slugEnd])
}

// charset is a set of ASCII characters: a bit for each, 64 in a word. A replay looks at every byte
// of every ID, and a bit is found without a branch, which a processor could not predict among
// digits, letters and dashes.
type charset [4]uint64

func (s *charset) bit(c byte) uint64 { return s[c>>6] >> (c & 63) & 1 }

func (s *charset) has(c byte) bool { return s.bit(c) != 0 }

// hasAll reports whether all bytes of a text are in the set.
func (s *charset) hasAll(text string) bool {
	all := uint64(1)
	for i := range len(text) {
		all &= s.bit(text[i])
	}
	return all != 0
}

const (
	digitBits = 0x3ff << '0'
	aToF      = 0x3f << ('a' - 64)
	lowerBits = 0x3ffffff << ('a' - 64)
	upperBits = 0x3ffffff << ('A' - 64)
	dashBit   = 1 << '-'
	lowBarBit = 1 << ('_' - 64)
)

// hexDigits are the digits of tags and digests, idBytes what an ID is made of.
func hexDigits() charset { return charset{digitBits, aToF} }

func idBytes() charset { return charset{digitBits | dashBit, lowerBits | upperBits | lowBarBit} }

// parseTag returns the number that the 12 hex digits of a tag stand for.
func parseTag(tag string) (num uint64, ok bool) {
	digits := hexDigits()
	if !digits.hasAll(tag) {
		return 0, false
	}
	for i := range len(tag) {
		num = num<<4 | uint64(hexDigit(tag[i]))
	}
	return num, true
}

// hexDigit returns the value of a lower-case hex digit, without a branch: the lowest four bits are
// the value of a decimal digit, and of a letter, which is beyond 64, that less nine.
func hexDigit(c byte) byte { return c&0xf + c>>6*9 }

// UndoScope returns the ID of the virtual scope in which the compensations of a scope run.
// It contains a character that no operation ID contains, so it is never the ID of another scope.
func UndoScope(scope string) string { return scope + undoMark }

// appendField appends s with its length, so that neighbouring fields cannot run into each other.
func appendField(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendSlug appends the part of an ID that a person reads.
func appendSlug(dst []byte, name string) []byte {
	start := len(dst)
	if isSlug(name) {
		return append(dst, name...)
	}
	gap := false
	for i := 0; i < len(name) && len(dst)-start < maxSlug; i++ {
		c := name[i]
		switch {
		case c == '-' && len(dst) == start:
			// A slug does not begin with a dash.
		case isIDByte(c):
			if gap && len(dst) > start {
				dst = append(dst, '-')
				if len(dst)-start == maxSlug {
					break
				}
			}
			dst = append(dst, c)
			gap = false
		default:
			gap = true
		}
	}
	for len(dst) > start && dst[len(dst)-1] == '-' {
		dst = dst[:len(dst)-1]
	}
	if len(dst) == start {
		dst = append(dst, emptySlug...)
	}
	return dst
}

// isSlug reports whether a name is its own slug, as most are.
func isSlug(name string) bool {
	bytes := idBytes()
	return name != "" && len(name) <= maxSlug && name[0] != '-' && name[len(name)-1] != '-' && bytes.hasAll(name)
}

func isIDByte(c byte) bool {
	bytes := idBytes()
	return bytes.has(c)
}
