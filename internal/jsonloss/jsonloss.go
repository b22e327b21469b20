// Package jsonloss says what a JSON text loses when it is decoded into a type and encoded again. It is pure.
package jsonloss

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Lost returns the members and elements of the recorded text that have no place in the text that was made of the
// decoded value, as paths such as .Items[].Amount, sorted and without repetitions; "." stands for the whole text.
//
// Members are matched as encoding/json does it: by name, then without regard to case. What is empty loses nothing when
// it goes: null, false, zero, and strings, arrays and objects without anything in them, for omitempty leaves them out. A
// number that comes back as another number is lost as well. Texts that are not JSON, and values that come back as
// values of another kind, are not compared: a type with methods of its own may write what it likes.
func Lost(recorded, again []byte) []string {
	if bytes.Equal(recorded, again) {
		return nil
	}
	before, ok := read(recorded)
	if !ok {
		return nil
	}
	after, ok := read(again)
	if !ok {
		return nil
	}
	var paths []string
	lost(before, after, "", &paths)
	slices.Sort(paths)
	return slices.Compact(paths)
}

// Absent reports whether a recorded text holds nothing, being empty, null or an object without members, while the
// text made of the decoded value has members.
func Absent(recorded, again []byte) bool {
	before := map[string]json.RawMessage{}
	if text := bytes.TrimSpace(recorded); len(text) > 0 && (json.Unmarshal(text, &before) != nil || len(before) > 0) {
		return false
	}
	var after map[string]json.RawMessage
	return json.Unmarshal(again, &after) == nil && len(after) > 0
}

// read decodes a text that is one JSON value.
func read(text []byte) (v any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil || d.More() {
		return nil, false
	}
	return v, true
}

func lost(before, after any, path string, paths *[]string) {
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok {
			return
		}
		for name, v := range b {
			at := path + "." + name
			if w, found := member(a, name); found {
				lost(v, w, at, paths)
			} else if !empty(v) {
				*paths = append(*paths, at)
			}
		}
	case []any:
		a, ok := after.([]any)
		if !ok {
			return
		}
		for i, v := range b {
			if i < len(a) {
				lost(v, a[i], path+"[]", paths)
			} else if !empty(v) {
				*paths = append(*paths, path+"["+strconv.Itoa(i)+"]")
			}
		}
	case json.Number:
		if a, ok := after.(json.Number); ok && !equal(b, a) {
			if path == "" {
				path = "."
			}
			*paths = append(*paths, path)
		}
	}
}

// member finds a member as encoding/json does.
func member(of map[string]any, name string) (any, bool) {
	if v, ok := of[name]; ok {
		return v, true
	}
	for other, v := range of {
		if strings.EqualFold(other, name) {
			return v, true
		}
	}
	return nil, false
}

// empty reports whether a value is what omitempty and omitzero may leave out.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case json.Number:
		return equal(v, "0")
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, w := range v {
			if !empty(w) {
				return false
			}
		}
		return true
	}
	return false
}

// equal reports whether two numbers are the same one: as integers if both are, else as floating-point numbers.
func equal(a, b json.Number) bool {
	if a == b {
		return true
	}
	if m, err := a.Int64(); err == nil {
		if n, err := b.Int64(); err == nil {
			return m == n
		}
	}
	x, err := a.Float64()
	if err != nil {
		return false
	}
	y, err := b.Float64()
	return err == nil && x == y
}
