package offload

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// mark begins a payload that went through transforms, inside of its quotes: see codec.Chain.
const mark = "~perdure"

// within returns the objects that payloads inside of a text refer to, however deep they stand in
// strings of JSON: no byte of a reference before its preview needs an escape. What has the form of
// a reference and is none, as in a text of the user's, is left out, for it cannot be read either.
// The error says that something was written by later code, or that a reference lies under a
// transform that came after.
func within(text []byte) iter.Seq2[Key, error] {
	return func(yield func(Key, error) bool) {
		for {
			_, rest, found := bytes.Cut(text, []byte(`"`+mark))
			if !found {
				return
			}

			text = rest
			if k, ok, err := inner(rest); (ok || err != nil) && !yield(k, err) {
				return
			}
		}
	}
}

// inner reads the payload whose mark stands before text; ok is false if it refers to no object.
func inner(text []byte) (k Key, ok bool, err error) {
	end := bytes.IndexAny(text, `"\`)
	if end < 0 {
		return Key{}, false, nil // it was cut off: nothing can read it
	}

	fields := strings.SplitN(string(text[:end]), ":", 3)
	if len(fields) != 3 || len(fields[2]) == 0 {
		return Key{}, false, nil
	}

	version, names, body := fields[0], strings.Split(fields[1], ","), fields[2]
	last := len(names) - 1

	switch {
	case !isNumber(version):
		return Key{}, false, nil
	case version != "1":
		return Key{}, false, fmt.Errorf("offload: a payload is in form %s, and this code reads form 1: deploy the code that wrote it",
			version)
	case slices.Contains(names[:last], "offload"):
		return Key{}, false, fmt.Errorf("offload: the reference to an object lies under %q: have offload come last in the chain",
			names[last])
	case names[last] != "offload":
		return Key{}, false, nil
	}

	// The line of a reference ends with the line feed, an escape in a string.
	line := []byte(body[1:] + "\n")

	if body[0] == 'b' {
		if line, err = base64.RawURLEncoding.DecodeString(body[1:]); err != nil {
			return Key{}, false, nil //nolint:nilerr // it is none
		}
	}

	r, err := parseReference(line)
	if err != nil {
		if later, _, _ := bytes.Cut(line, []byte{' '}); isLater(string(later)) {
			return Key{}, false, err
		}

		return Key{}, false, nil
	}

	return r.key, true, nil
}

// isLater reports whether a reference of that version was written by later code.
func isLater(version string) bool {
	return isNumber(version) && version != referenceVersion && version != oldVersion
}
