package op

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

var errZeroOp = errors.New("op: the zero Op: make operations with op.Step, op.Wait and the other constructors")

// header returns the header of an operation with a result of type T.
func header[T any](name, subType string) node.Header {
	return node.Header{Name: name, SubType: subType, Check: typed[T]{}, Err: checkName(name)}
}

// newStep returns a step with a result of type T. Its header is made in its place: a replay makes a
// step for each that it passes.
func newStep[T any](name string, body node.Body) *node.Step {
	n := new(node.Step)
	n.Name, n.SubType, n.Check, n.Err, n.Body = name, subtype.Step, typed[T]{}, checkName(name), body
	return n
}

// invalid returns a node that every interpreter refuses.
func invalid(err error) node.Node {
	return &node.Await{Header: node.Header{Err: err}}
}

// checkName reports what the service would refuse: an empty name, one that is too long, one that
// is not printable ASCII.
func checkName(name string) error {
	if name == "" {
		return errors.New("op: an operation without a name: give it one that is unique in its scope")
	}
	if len(name) > limits.Name {
		return fmt.Errorf("op: %q…: the name has %d bytes; at most %d are allowed", name[:40], len(name), limits.Name)
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			return fmt.Errorf("op: %q: the name has the byte %#x at %d; only printable ASCII is allowed (put other text into the key)", name, name[i], i)
		}
	}
	return nil
}

func nilBody(err error, constructor, name string) error {
	if err != nil {
		return err
	}
	return misuse(name, "op.%s with a nil function: pass one", constructor)
}
