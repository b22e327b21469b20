// Package ids makes identifiers.
package ids

import (
	"crypto/rand"
	"encoding/hex"
)

// Generator makes identifiers.
type Generator interface{ New() string }

// Random is a Generator of random identifiers.
type Random struct{ Prefix string }

// New returns a fresh identifier.
func (r Random) New() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return r.Prefix + hex.EncodeToString(b[:])
}
