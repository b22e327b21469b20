package offload

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// Object is an object of a store.
type Object struct {
	Key
	// Size is its length in bytes.
	Size int64
	// Written is when it was put last.
	Written time.Time
}

// Listing is a store that can be tidied up.
type Listing interface {
	Store
	// Objects returns all objects, in any order, and ends with an error if there is one.
	Objects(ctx context.Context) iter.Seq2[Object, error]
	// Remove removes an object. It is fine if there is none.
	Remove(ctx context.Context, k Key) error
}

// InUse is what executions need of a store. The zero value is that nothing is needed.
type InUse struct {
	scopes  map[string]bool
	objects map[Key]bool
}

// AddExecution keeps all objects that the execution has written.
func (u *InUse) AddExecution(arn string) {
	if u.scopes == nil {
		u.scopes = map[string]bool{}
	}

	u.scopes[Scope(arn)] = true
}

// AddPayload keeps the objects that a payload refers to, itself or in what it holds: the record of
// a batch holds the payloads of its branches, and the data of an error holds one if errors pass a
// codec. It does not matter who has written the objects. The errors are those of [Inspect]: what
// such a payload needs cannot be known, and nothing should be collected.
func (u *InUse) AddPayload(payload []byte) error {
	info, ok, err := Inspect(payload)
	if err != nil {
		return err
	}

	if ok {
		u.add(info.Key)
		return nil
	}

	for k, err := range within(payload) {
		if err != nil {
			return err
		}

		u.add(k)
	}

	return nil
}

func (u *InUse) add(k Key) {
	if u.objects == nil {
		u.objects = map[Key]bool{}
	}

	u.objects[k] = true
}

// Has reports whether an object is needed.
func (u *InUse) Has(k Key) bool {
	return u.scopes[k.Scope] || u.objects[k]
}

// Collected counts what [Collect] found.
type Collected struct {
	// Removed and Kept count objects, and RemovedBytes their lengths.
	Removed, Kept int
	RemovedBytes  int64
}

// Collect removes the objects of s that are not in use and were written before that time.
//
// To use it, add each execution that runs, or whose history is still of interest, with its ARN, all
// payloads of its records, and the data of their errors: inputs of executions were written by their
// callers and predecessors, results of invokes by the functions, and records of a fork by the
// original. The command perdure collect does so for all functions of a service. Take a time before
// you began to list executions, by at least the longest time that an input waits for its execution
// to begin: one day is a good choice.
//
// It stops at the first error of the store, and returns what it has done until then.
func Collect(ctx context.Context, s Listing, u *InUse, before time.Time) (Collected, error) {
	var c Collected

	for o, err := range s.Objects(ctx) {
		if err != nil {
			return c, fmt.Errorf("offload: list objects: %w", err)
		}

		if u.Has(o.Key) || !o.Written.Before(before) {
			c.Kept++
			continue
		}

		if err := s.Remove(ctx, o.Key); err != nil {
			return c, fmt.Errorf("offload: remove object %s: %w", o.Key, err)
		}

		c.Removed++
		c.RemovedBytes += o.Size
	}

	return c, nil
}
