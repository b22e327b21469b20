package op

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/op/node"
)

// Validate reports everything that is wrong with the declarations, without running anything:
// names, durations, options, nil functions, and operations of one name that would run in the
// same scope without keys to distinguish them. It returns nil if all are well.
//
// Pass the operations of one scope, those of builders made with any input.
func Validate(ops ...Operation) error {
	var errs []error
	type id struct{ name, key string }
	seen := map[id]bool{}
	for i, o := range ops {
		if o == nil {
			errs = append(errs, fmt.Errorf("op: operation %d is nil", i))
			continue
		}
		h := o.node().Head()
		if h.Err != nil {
			errs = append(errs, h.Err)
			continue
		}
		if _, ok := o.node().(*node.Await); ok {
			continue
		}
		if seen[id{h.Name, h.Key}] {
			errs = append(errs, misuse(h.Name, "declared twice with the key %q: give each operation of one name its own key (Op.Key, Builder.Key)", h.Key))
		}
		seen[id{h.Name, h.Key}] = true
	}
	return errors.Join(errs...)
}
