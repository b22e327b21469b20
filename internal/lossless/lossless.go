package lossless

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/perdure/perdure/internal/plainjson"
)

// Loss is a place of a document that a decode loses.
type Loss struct {
	// Path is where it stands: .lines[3].note; empty for the document.
	Path string
	// Problem says what is wrong with it, as the rest of a sentence.
	Problem string
}

// The bounds of the search: that many losses are enough to see what is wrong, and of that many
// places that look like one it is found out whether they are. What is in one place of all elements
// of an array counts once.
const (
	most      = 8
	mostTried = 64
)

// Options are what is no loss.
type Options struct {
	// Nulls says that a null may become any value.
	Nulls bool
	// Dropped are patterns of places that may be lost, with all in them: see [Matches].
	Dropped []string
}

// Of returns what of the document is lost in decoded, a pointer to what it was decoded into; nil if
// that is nothing. A document that cannot be decoded, and a type whose values are not equal to
// themselves, lose nothing.
func Of(doc []byte, decoded any, o Options) []Loss {
	t := reflect.TypeOf(decoded)
	if t == nil || t.Kind() != reflect.Pointer || reflect.ValueOf(decoded).IsNil() {
		return nil
	}
	if same, ok := plainjson.Encodes(decoded, doc); ok && same {
		return nil // as almost always
	}
	again, err := encode(decoded)
	if err == nil && bytes.Equal(again, doc) {
		return nil
	}
	c := checker{of: t.Elem(), Options: o, tried: make(map[string]bool)}
	if c.doc, err = parse(doc); err != nil {
		return nil
	}
	fresh, err := c.decode()
	if err != nil {
		return nil
	}
	c.plain = fresh
	if second, err := c.decode(); err != nil || !reflect.DeepEqual(fresh, second) {
		return nil
	}
	var now *value
	if again, err = encode(fresh); err == nil {
		now, _ = parse(again)
	}
	c.compare(place{v: c.doc}, now)
	return c.lost
}

// Missing returns the first place that the documents of decoded's type have and doc has not; empty
// for none. It is that of a member: .currency.
func Missing(doc []byte, decoded any) string {
	again, err := encode(decoded)
	if err != nil {
		return ""
	}
	was, err := parse(doc)
	if err != nil {
		return ""
	}
	now, err := parse(again)
	if err != nil {
		return ""
	}
	return missing("", was, now)
}

func missing(path string, was, now *value) string {
	if was.kind != now.kind {
		return ""
	}
	for i := range min(len(was.items), len(now.items)) {
		if p := missing(at(path, i), was.items[i], now.items[i]); p != "" {
			return p
		}
	}
	for _, m := range now.members {
		p := dot(path, m.name)
		in := was.member(m.name)
		if in == nil {
			return p
		}
		if p := missing(p, in, m.value); p != "" {
			return p
		}
	}
	return ""
}

// checker looks for losses in a document.
type checker struct {
	Options

	of    reflect.Type
	doc   *value
	plain any             // the document, decoded
	tried map[string]bool // by place without indices: whether it makes a difference
	lost  []Loss
}

// place is a value of the document.
type place struct {
	path, class string // class has no indices
	v           *value
}

// compare compares a value of the document with what came back; nil for nothing.
func (c *checker) compare(at place, now *value) {
	if len(c.lost) >= most || c.dropped(at.path) {
		return
	}
	switch was := at.v; {
	case was.kind == null:
		if !c.Nulls && now != nil && now.kind != null && c.hasValues(at) && c.same(at, now) {
			c.add(at.path, "is null, and "+c.of.String()+" needs a value there")
		}
	case now == nil, now.kind != was.kind:
		c.gone(at)
	case was.kind == object:
		for _, m := range was.members {
			c.compare(at.member(m), now.member(m.name))
		}
	case was.kind == array:
		for i, in := range was.items {
			var of *value
			if i < len(now.items) {
				of = now.items[i]
			}
			c.compare(at.item(i, in), of)
		}
	case was.kind == number && !equalNumbers(was.scalar, now.scalar):
		if c.same(at, now) && c.matters(at) {
			c.add(at.path, "is a number that "+c.of.String()+" does not hold exactly")
			return
		}
		c.gone(at)
	case was.scalar != now.scalar:
		c.gone(at)
	}
}

// gone notes a value that did not come back if it makes no difference; of an object or array, what
// is in it may.
func (c *checker) gone(at place) {
	if at.v.kind == null {
		return
	}
	if !c.matters(at) {
		c.add(at.path, "has no place in "+c.of.String())
		return
	}
	for _, m := range at.v.members {
		c.compare(at.member(m), nil)
	}
	for i, in := range at.v.items {
		c.compare(at.item(i, in), nil)
	}
}

func (c *checker) dropped(path string) bool {
	return slices.ContainsFunc(c.Dropped, func(pattern string) bool { return Matches(pattern, path) })
}

// hasValues reports whether a place is in the document, or is it and has values.
func (c *checker) hasValues(at place) bool {
	return at.v != c.doc || c.of.Kind() != reflect.Struct || c.of.NumField() > 0
}

// others are what a place may hold instead: of each kind two.
func others() []value {
	return []value{
		{kind: number, scalar: "1"},
		{kind: text, scalar: "x"},
		{kind: boolean, scalar: "true"},
		{kind: number, scalar: "2"},
		{kind: text, scalar: "y"},
		{kind: boolean, scalar: "false"},
		{kind: array},
		{kind: object},
		{kind: null},
	}
}

// matters reports whether it makes a difference what a place holds.
func (c *checker) matters(at place) (yes bool) {
	if yes, ok := c.tried[at.class]; ok {
		return yes
	}
	if len(c.tried) >= mostTried {
		return true
	}
	defer func() { c.tried[at.class] = yes }()
	for _, other := range others() {
		if !c.same(at, &other) {
			return true
		}
	}
	return false
}

// same reports whether the document is decoded to the same value with another one in a place.
func (c *checker) same(at place, other *value) bool {
	own := *at.v
	*at.v = *other
	v, err := c.decode()
	*at.v = own
	return err == nil && reflect.DeepEqual(c.plain, v)
}

func (c *checker) decode() (v any, err error) {
	v = reflect.New(c.of).Interface()
	return v, json.Unmarshal(c.doc.append(nil), v)
}

func (c *checker) add(path, problem string) {
	if len(c.lost) < most {
		c.lost = append(c.lost, Loss{path, problem})
	}
}

func (p place) member(m member) place {
	return place{dot(p.path, m.name), dot(p.class, m.name), m.value}
}

func (p place) item(i int, v *value) place {
	return place{at(p.path, i), p.class + "[]", v}
}

func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// dot appends a member to a path; a name that would be read otherwise is quoted.
func dot(path, name string) string {
	if name == "" || strings.ContainsAny(name, ".[]\"* \t\n") {
		return fmt.Sprintf("%s[%q]", path, name)
	}
	return path + "." + name
}

// encode returns what a pointer points to as codec.JSON writes it.
func encode(pointer any) (doc []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("lossless: a method of %T panicked: %v", pointer, p)
		}
	}()
	v := reflect.ValueOf(pointer).Elem().Interface()
	if doc, err = json.Marshal(v); err != nil || !bytes.Contains(doc, []byte(`\u`)) {
		return doc, err // nothing was escaped, as in most documents: half the allocations of an encoder
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

// Matches reports whether a pattern names a place or one around it: "note", "lines[].note" for all
// elements, "*.note" for all members.
func Matches(pattern, path string) bool {
	want, have := split(pattern), split(path)
	if len(want) == 0 || len(want) > len(have) {
		return false
	}
	for i, w := range want {
		h := have[i]
		switch {
		case w == h, w == "*" && !strings.HasPrefix(h, "["), w == "[]" && strings.HasPrefix(h, "[") && !strings.HasPrefix(h, `["`):
		default:
			return false
		}
	}
	return true
}

// split takes a path apart: names, and indices in brackets.
func split(path string) (parts []string) {
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case strings.HasPrefix(path, `["`):
			quoted, err := strconv.QuotedPrefix(path[1:])
			if err != nil || !strings.HasPrefix(path[1+len(quoted):], "]") {
				return append(parts, path)
			}
			name, _ := strconv.Unquote(quoted)
			parts, path = append(parts, name), path[len(quoted)+2:]
		case path[0] == '[':
			i := strings.IndexByte(path, ']')
			if i < 0 {
				return append(parts, path)
			}
			parts, path = append(parts, path[:i+1]), path[i+1:]
		default:
			i := strings.IndexAny(path, ".[")
			if i < 0 {
				i = len(path)
			}
			parts, path = append(parts, path[:i]), path[i:]
		}
	}
	return parts
}

// HasValues reports whether what a pointer points to can hold more than one value: whether it is no
// struct without fields.
func HasValues(pointer any) bool {
	t := reflect.TypeOf(pointer)
	return t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct || t.Elem().NumField() > 0
}

// Member returns the path of a member.
func Member(path, name string) string { return dot(path, name) }

// Item returns the path of an element.
func Item(path string, i int) string { return at(path, i) }
