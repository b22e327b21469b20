// Package saga collects what has to be taken back.
package saga

import "context"

// Saga is a list of compensations.
type Saga struct {
	undo []func(context.Context) error
}

// Add registers a compensation.
func (s *Saga) Add(fn func(context.Context) error) { s.undo = append(s.undo, fn) }

// Len is how many there are.
func (s *Saga) Len() int { return len(s.undo) }

// Back runs the compensations, the last first.
func (s *Saga) Back(ctx context.Context) error {
	for i := len(s.undo) - 1; i >= 0; i-- {
		if err := s.undo[i](ctx); err != nil {
			return err
		}
	}
	return nil
}
