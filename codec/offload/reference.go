package offload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/perdure/perdure/codec"
)

// reference is what a record holds of an object, as text:
//
//	2 hash size written scope place\npreview
//
// where size is in bytes and written in seconds since 1970. Version 1 has no place.
type reference struct {
	key     Key
	size    int64
	written int64
	place   string // as placeOf returns it; empty for any
	preview string
}

const (
	referenceVersion = "2"
	oldVersion       = "1"
)

func (r reference) append(dst []byte) []byte {
	dst = append(append(dst, referenceVersion...), ' ')
	dst = append(append(dst, r.key.Hash...), ' ')
	dst = append(strconv.AppendInt(dst, r.size, 10), ' ')
	dst = append(strconv.AppendInt(dst, r.written, 10), ' ')
	dst = append(append(dst, r.key.Scope...), ' ')
	dst = append(append(dst, r.place...), '\n')

	return append(dst, r.preview...)
}

// parseReference reads what append wrote. Its key names no file outside of a store's folder,
// whatever p is.
func parseReference(p []byte) (reference, error) {
	line, preview, ok := bytes.Cut(p, []byte{'\n'})
	fields := strings.Split(string(line), " ")

	switch version := fields[0]; {
	case !ok || version == referenceVersion:
	case version == oldVersion:
		fields = append(fields, "")
	case isLater(version):
		return reference{}, fmt.Errorf("offload: the reference is of version %s, and this code reads version %s: deploy the code "+
			"that wrote it", version, referenceVersion)
	}

	if !ok || len(fields) != 6 || fields[5] != "" && !isPlace(fields[5]) || !isHash(fields[1]) || !isScope(fields[4]) || !isNumber(fields[2]) || !isNumber(fields[3]) {
		return reference{}, errChanged()
	}

	r := reference{key: Key{Scope: fields[4], Hash: fields[1]}, place: fields[5], preview: string(preview)}

	var sizeErr, writtenErr error

	r.size, sizeErr = strconv.ParseInt(fields[2], 10, 64)
	r.written, writtenErr = strconv.ParseInt(fields[3], 10, 64)

	if sizeErr != nil || writtenErr != nil {
		return reference{}, errChanged()
	}

	return r, nil
}

func errChanged() error {
	return errors.New("offload: the record holds no reference to an object: it was cut off or changed")
}

func isHash(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// isNumber reports whether s is a number as strconv writes one that is not negative.
func isNumber(s string) bool {
	return s != "" && len(s) <= 19 && strings.Trim(s, "0123456789") == "" && (s == "0" || s[0] != '0')
}

const maxScope = 128

func isScope(s string) bool {
	return s != "" && len(s) <= maxScope && strings.IndexFunc(s, notInScope) < 0
}

func notInScope(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// Scope returns the scope of an execution's objects: at most 128 of A–Z a–z 0–9 - _. It is made of
// the names of the function and the execution, as far as they fit, and of 32 hexadecimal digits of
// the ARN's SHA-256.
func Scope(executionARN string) string {
	const digits = 32

	sum := sha256.Sum256([]byte(executionARN))
	name := executionARN

	if _, after, ok := strings.Cut(name, "function:"); ok {
		name = after
	}

	if before, after, ok := strings.Cut(name, "/durable-execution/"); ok {
		function, _, _ := strings.Cut(before, ":")
		execution, _, _ := strings.Cut(after, "/")
		name = function + "_" + execution
	}

	name = strings.Map(inScope, name)

	return name[:min(len(name), maxScope-digits-1)] + "-" + hex.EncodeToString(sum[:])[:digits]
}

// Info is what a record says of an object.
type Info struct {
	// Key names the object.
	Key Key
	// Size is its length in bytes.
	Size int64
	// Preview is text that it begins with; empty if none was left.
	Preview string
}

// Inspect returns what the payload in a record says of the object it is kept in; ok is false if it
// is kept in the record itself. The error says that this cannot be known: the payload was changed,
// or it is of a later version, or the reference lies under a transform that came after.
func Inspect(payload []byte) (info Info, ok bool, err error) {
	var ref []byte

	names, err := codec.TransformsOf(payload)
	if err != nil {
		return Info{}, false, fmt.Errorf("offload: %w", err)
	}

	for i, name := range names {
		if name != "offload" {
			continue
		}

		if i != len(names)-1 {
			return Info{}, false, fmt.Errorf("offload: the reference to an object lies under %q: have offload come last in the chain",
				strings.Join(names[i+1:], ","))
		}

		if ref, err = codec.Body(payload); err != nil {
			return Info{}, false, fmt.Errorf("offload: %w", err)
		}
	}

	if ref == nil {
		return Info{}, false, nil
	}

	r, err := parseReference(ref)
	if err != nil {
		return Info{}, false, err
	}

	return Info{Key: r.key, Size: r.size, Preview: r.preview}, true, nil
}
