package replay

import "github.com/perdure/perdure/op/node"

// undo is an operation that is compensated if its scope fails.
type undo struct {
	o    *operation
	undo *node.Undo
}

// compensate undoes what completed in a scope that failed.
func (s *scope) compensate(err error) error { return err }
