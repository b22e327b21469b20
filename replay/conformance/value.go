package conformance

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// normal brings values of YAML and of JSON to one form: nil, bool, float64, string, []any and
// map[string]any.
func normal(x any) any {
	switch x := x.(type) {
	case int:
		return float64(x)
	case int64:
		return float64(x)
	case uint64:
		return float64(x)
	case map[string]any:
		m := make(map[string]any, len(x))
		for k, e := range x {
			m[k] = normal(e)
		}
		return m
	case []any:
		l := make([]any, len(x))
		for i, e := range x {
			l[i] = normal(e)
		}
		return l
	}
	return x
}

// equal compares two normal values.
func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

// str is a value as a text, as the published judge, a Python program, spells it.
func str(x any) string {
	switch x := x.(type) {
	case nil:
		return "None"
	case bool:
		if x {
			return "True"
		}
		return "False"
	case string:
		return x
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	text, err := json.Marshal(x)
	if err != nil {
		return fmt.Sprint(x)
	}
	return string(text)
}

// valueOf returns the normal value of a node; null for one that the file does not have.
func valueOf(n *yaml.Node) (any, error) {
	if n.Kind == 0 {
		return nil, nil
	}
	var x any
	err := n.Decode(&x)
	return normal(x), err
}

// dump is the JSON of a node with its variables replaced: members in the order of the file, and
// spaces where the published judge has them.
func dump(n *yaml.Node, v *Vars) (string, error) {
	switch n.Kind {
	case 0:
		return "null", nil
	case yaml.MappingNode:
		var members []string
		for i := 0; i+1 < len(n.Content); i += 2 {
			value, err := dump(n.Content[i+1], v)
			if err != nil {
				return "", err
			}
			members = append(members, quote(v.Expand(n.Content[i].Value))+": "+value)
		}
		return "{" + strings.Join(members, ", ") + "}", nil
	case yaml.SequenceNode:
		var items []string
		for _, e := range n.Content {
			item, err := dump(e, v)
			if err != nil {
				return "", err
			}
			items = append(items, item)
		}
		return "[" + strings.Join(items, ", ") + "]", nil
	case yaml.AliasNode:
		return dump(n.Alias, v)
	case yaml.DocumentNode, yaml.ScalarNode:
	}
	x, err := valueOf(n)
	if err != nil {
		return "", err
	}
	if text, ok := x.(string); ok {
		return quote(v.Expand(text)), nil
	}
	text, err := json.Marshal(x)
	return string(text), err
}

// quote is a text in JSON, with all but ASCII escaped.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"', r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
