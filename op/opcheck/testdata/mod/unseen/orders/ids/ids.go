// Package ids makes references that customers read.
package ids

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// Reference is a short reference with a prefix.
func Reference(prefix string) string {
	return prefix + "-" + strings.ToUpper(token(4))
}

func token(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
