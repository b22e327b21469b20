package conformance

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"go.yaml.in/yaml/v3"
)

// dump is the JSON of a node without aliases, with the variables inside its texts replaced: members
// in the order of the file, and spaces where the published judge has them.
func dump(n *yaml.Node, v *Vars) (string, error) {
	switch n.Kind {
	case 0:
		return "null", nil
	case yaml.MappingNode:
		var members []string
		err := eachMember(n, func(name string, value *yaml.Node) error {
			text, err := dump(value, v)
			members = append(members, quote(name)+": "+text)
			return err
		})
		return "{" + strings.Join(members, ", ") + "}", err
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
	case yaml.AliasNode, yaml.DocumentNode, yaml.ScalarNode:
	}
	x, err := scalarOf(n)
	if err != nil {
		return "", err
	}
	switch x := x.(type) {
	case string:
		return quote(v.Expand(x)), nil
	case *big.Int:
		return x.String(), nil
	case float64:
		if _, finite := rational(x); !finite {
			return "", fmt.Errorf("line %d: JSON has no %s", n.Line, n.Value)
		}
		return reprFloat(x), nil
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
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
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
