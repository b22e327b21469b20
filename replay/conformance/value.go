package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Values of requirements and of what was seen have one form: nil, bool, *big.Int, float64, string,
// []any and map[string]any. The published judge, a Python program, distinguishes 1 from 1.0 where
// it spells them, and not where it compares them, and so does this one.

// Object is a mapping of a requirement, with its values in that form.
type Object map[string]any

// UnmarshalYAML implements [yaml.Unmarshaler].
func (o *Object) UnmarshalYAML(n *yaml.Node) error {
	n, err := withoutAliases(n)
	if err != nil {
		return err
	}
	x, err := valueOf(n)
	if err != nil {
		return err
	}
	m, ok := x.(map[string]any)
	if !ok {
		return fmt.Errorf("line %d: want a mapping, got %s", n.Line, show(x))
	}
	*o = m
	return nil
}

// mostNodes is how many nodes a value of a requirement has at most, each alias counted as what it
// stands for.
const mostNodes = 100_000

// withoutAliases returns a copy of a node that has what aliases stand for in their place.
func withoutAliases(n *yaml.Node) (*yaml.Node, error) {
	left := mostNodes
	var plain func(n *yaml.Node) (*yaml.Node, error)
	plain = func(n *yaml.Node) (*yaml.Node, error) {
		if left--; left < 0 {
			return nil, fmt.Errorf("line %d: the value has more than %d nodes: does an alias stand for what it is in?", n.Line, mostNodes)
		}
		if n.Kind == yaml.AliasNode {
			return plain(n.Alias)
		}
		c := *n
		c.Content = make([]*yaml.Node, len(n.Content))
		for i, e := range n.Content {
			var err error
			if c.Content[i], err = plain(e); err != nil {
				return nil, err
			}
		}
		return &c, nil
	}
	return plain(n)
}

// valueOf returns the value of a node without aliases; null for one that the file does not have.
func valueOf(n *yaml.Node) (any, error) {
	switch n.Kind {
	case 0:
		return nil, nil
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		err := eachMember(n, func(name string, value *yaml.Node) (err error) {
			m[name], err = valueOf(value)
			return err
		})
		return m, err
	case yaml.SequenceNode:
		l := make([]any, len(n.Content))
		for i, e := range n.Content {
			var err error
			if l[i], err = valueOf(e); err != nil {
				return nil, err
			}
		}
		return l, nil
	case yaml.AliasNode, yaml.DocumentNode, yaml.ScalarNode:
	}
	return scalarOf(n)
}

// eachMember calls f for the members of a mapping, in the order of the file.
func eachMember(n *yaml.Node, f func(name string, value *yaml.Node) error) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			return fmt.Errorf("line %d: want a plain name of a member", key.Line)
		}
		if err := f(key.Value, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// scalarOf returns the value of a scalar as YAML 1.1 resolves it, which the published judge reads.
func scalarOf(n *yaml.Node) (any, error) {
	if n.Style == 0 && n.Tag == "!!str" {
		switch strings.ToLower(n.Value) {
		case "yes", "on":
			return true, nil
		case "no", "off":
			return false, nil
		}
	}
	if i, ok := new(big.Int).SetString(n.Value, 10); ok && n.ShortTag() == "!!float" {
		return i, nil // one that the reader finds too large
	}
	var x any
	if err := n.Decode(&x); err != nil {
		return nil, err
	}
	switch x := x.(type) {
	case int:
		return big.NewInt(int64(x)), nil
	case int64:
		return big.NewInt(x), nil
	case uint64:
		return new(big.Int).SetUint64(x), nil
	case nil, bool, float64, string:
		return x, nil
	}
	return n.Value, nil // a time
}

// parseJSON reads a JSON text.
func parseJSON(text []byte) (any, error) {
	if !json.Valid(text) {
		return nil, errors.New("not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var x any
	err := d.Decode(&x)
	return fromJSON(x), err
}

// ReadObject reads a JSON object: an event of a history, or a line of a log.
func ReadObject(text []byte) (Object, error) {
	x, err := parseJSON(text)
	if err != nil {
		return nil, fmt.Errorf("conformance: %w: want an object", err)
	}
	o, ok := x.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("conformance: want an object, got %s", show(x))
	}
	return o, nil
}

// fromJSON gives what a decoder that uses numbers has read its form.
func fromJSON(x any) any {
	switch x := x.(type) {
	case json.Number:
		if i, ok := new(big.Int).SetString(x.String(), 10); ok {
			return i
		}
		f, _ := x.Float64() // one that is too large is infinite
		return f
	case map[string]any:
		for k, e := range x {
			x[k] = fromJSON(e)
		}
	case []any:
		for i, e := range x {
			x[i] = fromJSON(e)
		}
	}
	return x
}

// equal compares two values as Python does: numbers by their value, of which true is 1.
func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, e := range a {
			if other, ok := b[k]; !ok || !equal(e, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	}
	x, okX := rational(a)
	y, okY := rational(b)
	if okX || okY {
		return okX && okY && x.Cmp(y) == 0
	}
	return a == b
}

// rational returns the value of a bool or a finite number.
func rational(x any) (*big.Rat, bool) {
	switch x := x.(type) {
	case bool:
		if x {
			return big.NewRat(1, 1), true
		}
		return new(big.Rat), true
	case *big.Int:
		return new(big.Rat).SetInt(x), true
	case float64:
		r := new(big.Rat).SetFloat64(x)
		return r, r != nil
	}
	return nil, false
}

// str is a value as a text, as Python's str spells it; but members come in the order of their
// names.
func str(x any) string {
	if s, ok := x.(string); ok {
		return s
	}
	return repr(x)
}

// repr is a value as Python's repr spells it.
func repr(x any) string {
	switch x := x.(type) {
	case nil:
		return "None"
	case bool:
		if x {
			return "True"
		}
		return "False"
	case *big.Int:
		return x.String()
	case float64:
		return reprFloat(x)
	case string:
		return reprString(x)
	case []any:
		items := make([]string, len(x))
		for i, e := range x {
			items[i] = repr(e)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		var members []string
		for _, k := range sortedKeys(x) {
			members = append(members, reprString(k)+": "+repr(x[k]))
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	return fmt.Sprint(x)
}

func reprFloat(x float64) string {
	switch {
	case math.IsInf(x, 1):
		return "inf"
	case math.IsInf(x, -1):
		return "-inf"
	case math.IsNaN(x):
		return "nan"
	}
	if size := math.Abs(x); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.FormatFloat(x, 'e', -1, 64)
	}
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func reprString(s string) string {
	mark := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		mark = '"'
	}
	var b strings.Builder
	b.WriteRune(mark)
	for _, r := range s {
		switch {
		case r == mark, r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(mark)
	return b.String()
}
