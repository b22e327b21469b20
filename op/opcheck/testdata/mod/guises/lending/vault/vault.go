// Package vault has collateral.
package vault

import (
	"context"
	"errors"
	"sync"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// A Vault holds collateral.
type Vault struct {
	sync.Mutex
	held map[string]bool
}

// New makes a vault.
func New() *Vault { return &Vault{held: map[string]bool{}} }

func (v *Vault) place(context.Context) error { return nil }

// Place puts something in.
func (v *Vault) Place(ctx op.Context, id string) error {
	v.Lock() // MISTAKE 1: lock: a promoted lock is held across an operation
	defer v.Unlock()
	return replay.Exec(ctx, op.Do("place-collateral", v.place).Key(id))
}

// Release gives back.
func (v *Vault) Release(id string) error {
	if id == "" {
		return errors.New("nothing to release")
	}
	return nil
}
